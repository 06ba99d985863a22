"""The opening handshake, both sides, no I/O (RFC 6455, 4).

A server reads a request (RequestReader), and sends what `accept` returns or the `response` of
the Refused it raises.  A client sends `open_request`, reads the response (ResponseReader), and
passes it to `check_response`.
"""

from __future__ import annotations

import base64
import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from . import accept_key, new_key
from ._backend import upgrade_of
from ._http import errors
from ._http.errors import (
    InvalidHandshake,
    InvalidHeader,
    InvalidHeaderValue,
    InvalidMessage,
    InvalidProxy,
    InvalidProxyMessage,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidUpgrade,
    InvalidURI,
    NegotiationError,
    ProxyError,
    Refused,
    SecurityError,
)
from ._http.messages import (
    BLANK,
    Header,
    Headers,
    HeadersLike,
    MultipleValuesError,
    Request,
    Response,
    check_token,
    encoded,
    extensions_of,
    http_response,
    is_host,
    pairs_of,
    str_of,
    tokens_of,
    write_fields,
)
from ._http.reader import RequestReader, ResponseReader
from ._http.uri import URI, parse_uri
from ._spec import BASE64

if TYPE_CHECKING:
    from .deflate import ClientPolicy, Deflate, ServerPolicy

__all__ = [
    "URI",
    "Accepted",
    "Agreed",
    "Headers",
    "InvalidHandshake",
    "InvalidHeader",
    "InvalidHeaderValue",
    "InvalidMessage",
    "InvalidProxy",
    "InvalidProxyMessage",
    "InvalidProxyStatus",
    "InvalidStatus",
    "InvalidURI",
    "InvalidUpgrade",
    "MultipleValuesError",
    "NegotiationError",
    "ProxyError",
    "Refused",
    "Request",
    "RequestReader",
    "Response",
    "ResponseReader",
    "SecurityError",
    "accept",
    "check_response",
    "http_response",
    "new_key",
    "open_request",
    "parse_uri",
]

VERSION = "13"  # 4.1

Subprotocols = Sequence[str] | Callable[[list[str]], str | None]
Origins = Sequence[str | re.Pattern[str] | None]

# What a server looks for in a request; of the first ones there may be several, which make a list.
_LISTS = frozenset((b"connection", b"upgrade", b"sec-websocket-protocol", b"sec-websocket-extensions"))
_SINGLE = {
    name.lower().encode(): name for name in ("Host", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version")
}

_READ = _LISTS | _SINGLE.keys()

# Header fields that only the handshake itself writes.
_OURS = frozenset(
    (
        b"upgrade",
        b"connection",
        b"content-length",
        b"transfer-encoding",
        b"sec-websocket-accept",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"sec-websocket-protocol",
        b"sec-websocket-extensions",
    )
)

_OPTIONS = {b"sec-websocket-protocol": "subprotocols", b"sec-websocket-extensions": "compression"}

_BLANK = BLANK.encode()

_SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
)


class Accepted(NamedTuple):
    """A request a server accepts."""

    response: bytes  # the 101 to send
    subprotocol: str | None
    deflate: Deflate | None  # the compression of this connection
    origin: str | None

    def with_fields(self, fields: bytes) -> bytes:
        """The response with header fields that are written already."""
        return self.response[:-2] + fields + b"\r\n"


def accept(
    method: str | bytes,
    http_version: str,
    headers: Iterable[Header],
    *,
    subprotocols: Subprotocols | None = None,
    origins: Origins | None = None,
    compression: ServerPolicy | None = None,
    extra_headers: HeadersLike = (),
) -> Accepted:
    """Check the request of an opening handshake and make the response (RFC 6455, 4.2).

    Args:
        method: of the request.
        http_version: of the request, "1.1".
        headers: its (name, value) pairs, str or bytes, in any case.
        subprotocols: those the server supports, in order of preference; a client must offer one of
            them.  Or a function that is given those the client offers and returns one or None.
        origins: those allowed, as strings or patterns that must match as a whole; None among
            them allows a request without Origin.  None for all.
        compression: the policy for offers of permessage-deflate; None to decline.
        extra_headers: header fields of the response.

    Returns:
        The response, and what was agreed on.

    Raises:
        Refused: the request breaks a rule; send its `response` and close the connection.
        ValueError: a name or value of extra_headers is not allowed, or the function returned a
            subprotocol the client did not offer.
    """
    if method != "GET" and method != b"GET":
        raise errors.bad_method(method)
    if http_version != "1.1":
        refused = errors.bad_http_version(http_version)
        raise refused if http_version != "1.0" else _refused(_read_request(headers), "http version", refused)
    usual = upgrade_of(headers)
    if usual is not None and is_host(usual[1]):
        key, _, origin, offered, extensions = usual
    else:
        found = _read_request(headers)
        key = _check_upgrade(found)
        origin = found.get(b"origin")
        offered = found.get(b"sec-websocket-protocol")
        extensions = found.get(b"sec-websocket-extensions")
    if origins is not None:
        _check_origin(origin, origins)
    out = b"%b%b\r\n" % (_SWITCH, accept_key(key).encode())
    subprotocol = deflate = None
    if subprotocols is not None and (callable(subprotocols) or len(subprotocols)):
        subprotocol = _choose_subprotocol(offered or b"", subprotocols)
        if subprotocol is not None:
            out += b"Sec-WebSocket-Protocol: %b\r\n" % subprotocol.encode()
    if compression is not None and extensions is not None:
        try:
            offers = extensions_of(extensions.decode("latin-1"))
        except ValueError as exc:
            raise errors.malformed("Sec-WebSocket-Extensions", exc) from None
        deflate = compression.accept(offers)
        if deflate is not None:
            out += b"Sec-WebSocket-Extensions: %b\r\n" % str(deflate.parameters).encode()
    if extra_headers:
        out += write_extra(extra_headers)
    return Accepted(out + b"\r\n", subprotocol, deflate, None if origin is None else origin.decode("latin-1"))


def _read_request(headers: Iterable[Header]) -> dict[bytes, bytes]:
    """Return the header fields of a handshake, their names in lower case."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        field = (name.encode("latin-1", "replace") if isinstance(name, str) else name).lower()
        if field in _READ:
            text = (value.encode("latin-1", "replace") if isinstance(value, str) else value).strip(_BLANK)
            if field not in found:
                found[field] = text
            elif field in _LISTS:
                found[field] += b"," + text
            else:
                raise errors.repeated(_SINGLE[field])
    return found


def _check_upgrade(found: dict[bytes, bytes]) -> bytes:
    """Check the rules of RFC 6455, 4.2.1; return the key."""
    host = found.get(b"host")
    if host is None:
        raise errors.missing("Host")
    if not is_host(host):
        raise errors.bad_host(host)
    upgrade = found.get(b"upgrade")
    if upgrade is None:
        raise _refused(found, "Upgrade", errors.missing("Upgrade"))
    if upgrade != b"websocket" and not _names(upgrade, b"websocket"):
        raise errors.bad_upgrade(upgrade)
    connection = found.get(b"connection")
    if connection is None:
        raise _refused(found, "Connection", errors.missing("Connection"))
    if connection != b"Upgrade" and not _names(connection, b"upgrade"):
        refused = errors.bad_connection(connection)
        removed = connection.lower() in (b"close", b"keep-alive")
        raise _refused(found, "Connection", refused) if removed else refused
    version = found.get(b"sec-websocket-version")
    if version is None:
        raise errors.missing("Sec-WebSocket-Version")
    if version != b"13":
        raise errors.bad_version(version, VERSION)
    key = found.get(b"sec-websocket-key")
    if key is None:
        raise errors.missing("Sec-WebSocket-Key")
    # 16 bytes in base64: 22 characters and the padding.
    if len(key) != 24 or key[22:] != b"==" or key[:22].translate(None, BASE64):
        raise errors.bad_key(key)
    return key


def _refused(found: dict[bytes, bytes], what: str, refused: Refused) -> Refused:
    """Return the refusal of a request that does not ask for the WebSocket protocol."""
    return errors.upgrade_removed(what, refused) if b"sec-websocket-key" in found else refused


def _names(value: bytes, token: bytes) -> bool:
    """Tell whether a list of tokens includes one, without regard to case."""
    return any(element.strip(_BLANK) == token for element in value.lower().split(b","))


def _check_origin(origin: bytes | None, allowed: Origins) -> None:
    text = None if origin is None else origin.decode("latin-1")
    for entry in allowed:
        if entry == text or (
            isinstance(entry, re.Pattern) and text is not None and entry.fullmatch(text) is not None
        ):
            return
    raise errors.bad_origin(origin)


def _choose_subprotocol(header: bytes, supported: Subprotocols) -> str | None:
    try:
        offered = tokens_of(header.decode("latin-1"))
    except ValueError as exc:
        raise errors.malformed("Sec-WebSocket-Protocol", exc) from None
    if callable(supported):
        chosen = supported(offered)
        if chosen is None:
            return None
        if inspect.iscoroutine(chosen):
            chosen.close()
        if not isinstance(chosen, str):
            raise TypeError(f"the chosen subprotocol must be str or None, not {type(chosen).__name__}")
        if chosen not in offered:
            raise ValueError(f"subprotocol {chosen!r} was not offered")
        return chosen
    for name in supported:
        if name in offered:
            return name
    raise errors.no_subprotocol(supported)


def list_of_subprotocols(subprotocols: Iterable[str]) -> list[str]:
    if isinstance(subprotocols, (str, bytes)):
        raise TypeError(f"subprotocols must be a list, not a {type(subprotocols).__name__}")
    return [check_token(name) for name in subprotocols]


def check_origins(origins: Origins | None) -> Origins | None:
    """Check the option `origins`; an iterator becomes a list.

    Raises:
        TypeError: it is not a sequence of str, patterns of str and None.
    """
    if origins is None:
        return None
    if isinstance(origins, (str, bytes, re.Pattern)):
        raise TypeError(f"origins must be a sequence of str or patterns, not {type(origins).__name__}")
    found = list(origins)
    for entry in found:
        text = entry.pattern if isinstance(entry, re.Pattern) else entry
        if text is not None and not isinstance(text, str):
            raise TypeError(f"origins must be str, patterns of str, or None, not {type(entry).__name__}")
    return found


def write_extra(headers: HeadersLike) -> bytes:
    """Write header fields an application adds, each with its line end.

    Raises:
        ValueError: a name or value is not allowed, or is set by the handshake.
    """
    pairs = pairs_of(headers)
    _check_names(pairs)
    return write_fields(pairs)


def _check_names(pairs: list[Header]) -> None:
    for name, _ in pairs:
        field = encoded("header name", name, "ascii").lower()
        if field in _OURS:
            option = _OPTIONS.get(field)
            hint = "the handshake sets it" if option is None else f"use {option}="
            raise ValueError(f"header {str_of(name)} is not for the application to set: {hint}")


def open_request(
    uri: URI,
    key: str,
    *,
    origin: str | None = None,
    subprotocols: Sequence[str] | None = None,
    compression: ClientPolicy | None = None,
    extra_headers: HeadersLike = (),
    user_agent: str | None = None,
) -> Request:
    """Make the request of an opening handshake (RFC 6455, 4.1).

    Args:
        uri: where to, as parse_uri gives it.
        key: a new one, from new_key.
        origin: the Origin header.
        subprotocols: those the client supports, in order of preference; an empty sequence is as None.
        compression: what to offer of permessage-deflate; None for nothing.
        extra_headers: more header fields; a Host, Authorization or User-Agent among them takes
            the place of ours.
        user_agent: the User-Agent header.

    Returns:
        The request; its `serialize()` gives the bytes.

    Raises:
        ValueError: an argument has a character that is not allowed, such as CR, LF or NUL.
    """
    extra = pairs_of(extra_headers)
    _check_names(extra)
    theirs = {encoded("header name", name, "ascii").lower() for name, _ in extra}
    fields: list[Header] = []
    if b"host" not in theirs:
        fields.append(("Host", uri.authority))
    fields += [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", VERSION),
    ]
    if origin is not None:
        fields.append(("Origin", origin))
    if subprotocols is not None and (names := list_of_subprotocols(subprotocols)):
        fields.append(("Sec-WebSocket-Protocol", ", ".join(names)))
    if compression is not None:
        fields.append(("Sec-WebSocket-Extensions", compression.offer()))
    if uri.user is not None and b"authorization" not in theirs:
        fields.append(("Authorization", _basic(uri.user, uri.password or "")))
    if user_agent is not None and b"user-agent" not in theirs:
        fields.append(("User-Agent", user_agent))
    request = Request(uri.path, fields + extra)
    request.serialize()
    return request


def _basic(user: str, password: str) -> str:
    """RFC 7617, 2."""
    if ":" in user:
        raise ValueError("user must not contain a colon")
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Agreed(NamedTuple):
    """What a client and a server agreed on."""

    subprotocol: str | None
    deflate: Deflate | None  # the compression of this connection


def check_response(
    response: Response,
    key: str,
    *,
    subprotocols: Sequence[str] | None = None,
    compression: ClientPolicy | None = None,
) -> Agreed:
    """Check the response of an opening handshake (RFC 6455, 4.1).

    Args:
        response: of the server.
        key: the one sent.
        subprotocols: those offered.
        compression: what was offered of permessage-deflate.

    Raises:
        InvalidStatus: the status is not 101: a refusal or a redirect.
        InvalidHeader: Upgrade, Connection or Sec-WebSocket-Accept is wrong.
        NegotiationError: a subprotocol or an extension was not offered, or offered otherwise.
    """
    if response.status_code != 101:
        raise InvalidStatus(response)
    headers = response.headers
    upgrade = _required(headers, "Upgrade")
    if upgrade.lower() != "websocket":
        raise errors.wrong_upgrade(upgrade)
    connection = _required(headers, "Connection")
    if not _names(connection.encode("latin-1", "replace"), b"upgrade"):
        raise errors.wrong_connection(connection)
    accepted = _once(headers, "Sec-WebSocket-Accept")
    if accepted is None:
        raise errors.response_without("Sec-WebSocket-Accept")
    expected = accept_key(key)
    if accepted != expected:
        raise errors.wrong_accept(accepted, expected)
    return Agreed(
        _agreed_subprotocol(headers, subprotocols or ()),
        _agreed_extension(_joined(headers, "Sec-WebSocket-Extensions") or "", compression),
    )


def _joined(headers: Headers, name: str) -> str | None:
    """Return the values of all fields with this name as one list (RFC 9110, 5.3)."""
    values = headers.get_all(name)
    return ", ".join(values) if values else None


def _required(headers: Headers, name: str) -> str:
    value = _joined(headers, name)
    if value is None:
        raise errors.response_without(name)
    return value


def _once(headers: Headers, name: str) -> str | None:
    values = headers.get_all(name)
    if len(values) > 1:
        raise errors.response_with_repeated(name)
    return values[0] if values else None


def _agreed_subprotocol(headers: Headers, offered: Sequence[str]) -> str | None:
    value = _joined(headers, "Sec-WebSocket-Protocol")
    if value is None:
        return None
    if "," in value:
        raise errors.several_subprotocols(value)
    if value not in offered:
        raise errors.unrequested_subprotocol(value)
    return value


def _agreed_extension(value: str, compression: ClientPolicy | None) -> Deflate | None:
    try:
        extensions = extensions_of(value)
    except ValueError as exc:
        raise errors.wrong_extension(f"malformed Sec-WebSocket-Extensions header: {exc}") from None
    if not extensions:
        return None
    if compression is None:
        raise errors.unrequested_extension(extensions[0][0])
    try:
        return compression.agree(extensions)
    except ValueError as exc:
        raise errors.wrong_extension(exc) from None
