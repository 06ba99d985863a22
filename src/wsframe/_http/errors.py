"""Every way an opening handshake can fail: the exceptions, and one constructor per broken rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .._errors import WebSocketException
from .._escape import escape
from .messages import Header, http_response

if TYPE_CHECKING:
    from .messages import Response

# Characters of a text of a peer that an error quotes.
EXCERPT = 60


class InvalidHandshake(WebSocketException):
    """The opening handshake failed.

    Args:
        reason: which rule was broken, in a few words.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Refused(InvalidHandshake):
    """A server refuses the request (RFC 6455, 4.2.2).

    Args:
        status: the status code of the response.
        reason: which rule was broken; also the body of the response.
        headers: header fields of the response, besides those http_response adds.
    """

    def __init__(self, status: int, reason: str, headers: Sequence[Header] = ()) -> None:
        super().__init__(reason)
        self.args: tuple[object, ...] = (status, reason, headers)  # what pickle and copy make it from again
        self.status = status
        self.headers = headers

    @property
    def body(self) -> str:
        return f"Cannot open a WebSocket connection: {self.reason}.\n"

    @property
    def response(self) -> bytes:
        """The whole response, after which the connection is to be closed."""
        return http_response(self.status, self.headers, self.body)


class UpgradeRemoved(Refused):
    """A proxy has removed Upgrade or Connection from the request of a client for a WebSocket."""


class NotHTTP(Refused):
    """A client does not speak HTTP: the connection is closed without a response.

    Args:
        reason: which rule was broken.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(400, reason)
        self.args = (reason,)

    @property
    def response(self) -> bytes:
        return b""


class InvalidURI(WebSocketException, ValueError):
    """A URI is not a WebSocket URI (RFC 6455, 3).

    Args:
        uri: the URI, without its password, control characters escaped.
        msg: which rule was broken.
    """

    def __init__(self, uri: str, msg: str) -> None:
        super().__init__(uri, msg)
        self.uri = uri
        self.msg = msg

    def __str__(self) -> str:
        return f"{self.uri} isn't a valid URI: {self.msg}"


class InvalidProxy(WebSocketException):
    """The address of a proxy is not valid.

    Args:
        proxy: the address.
        msg: which rule was broken.
    """

    def __init__(self, proxy: str, msg: str) -> None:
        super().__init__(proxy, msg)
        self.proxy = proxy
        self.msg = msg

    def __str__(self) -> str:
        return f"{escape(without_password(self.proxy))} isn't a valid proxy: {self.msg}"


class ProxyError(InvalidHandshake):
    """A proxy did not connect to the server."""


class InvalidProxyMessage(ProxyError):
    """An HTTP proxy did not respond in HTTP, or not at all."""


class InvalidProxyStatus(ProxyError):
    """An HTTP proxy refused to connect to the server.

    Args:
        response: without its body.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(f"proxy rejected connection: HTTP {response.status_code}")
        self.args: tuple[object, ...] = (response,)
        self.response = response


class SecurityError(InvalidHandshake):
    """Something was refused because it is not safe, such as a redirect from wss:// to ws://."""


class InvalidMessage(InvalidHandshake):
    """A server sent something other than an HTTP/1.1 response, or one larger than a limit."""


class InvalidStatus(InvalidHandshake):
    """A server responded with another status than 101 (RFC 6455, 4.1).

    Args:
        response: with the start of its body.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(f"server rejected WebSocket connection: HTTP {response.status_code}")
        self.args: tuple[object, ...] = (response,)
        self.response = response

    @property
    def location(self) -> str | None:
        """Where a redirect points to, or None."""
        if self.response.status_code in (300, 301, 302, 303, 307, 308):
            locations = self.response.headers.get_all("Location")
            return locations[0] if len(locations) == 1 else None
        return None


class InvalidHeader(InvalidHandshake):
    """A header field of the response breaks a rule (RFC 6455, 4.1).

    Args:
        name: of the header field.
        value: of the header field; None where it is missing.
        reason: which rule.
    """

    def __init__(self, name: str, value: str | None = None, reason: str | None = None) -> None:
        if reason is None:
            kind = "missing" if value is None else "invalid" if value else "empty"
            reason = f"{kind} {name} header" + (f": {escape(value)}" if value else "")
        super().__init__(reason)
        self.args: tuple[object, ...] = (name, value, reason)
        self.name = name
        self.value = value


class InvalidHeaderValue(InvalidHeader):
    """A header field has a wrong value."""


class InvalidUpgrade(InvalidHeader):
    """Upgrade or Connection do not switch to the WebSocket protocol."""


class NegotiationError(InvalidHandshake):
    """No subprotocol or extension could be agreed on, or one was chosen that was not offered.

    `select_subprotocol` may raise it: the client then gets a 400.
    """


def excerpt(value: object) -> str:
    """Quote text of a peer, shortened, and in ASCII: responses contain it, too."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    shown = ascii(value)
    return shown if len(shown) <= EXCERPT else shown[:EXCERPT] + "..."


def printable(line: bytes | bytearray) -> str:
    """Quote a line of a peer, shortened, its control characters escaped."""
    text = escape(line[: 2 * EXCERPT].decode("latin-1"))
    return text if len(line) <= 2 * EXCERPT else text + "..."


URI_EXCERPT = 200

_SCHEME = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//")


def invalid_uri(reason: str, uri: str) -> InvalidURI:
    """RFC 6455, 3: quote the URI, without its password."""
    shown = escape(without_password(uri))
    if len(shown) > URI_EXCERPT:
        shown = shown[:URI_EXCERPT] + "..."
    return InvalidURI(shown, reason)


def without_password(uri: str) -> str:
    """Leave out all that may be a password, which in a malformed URI may have any character."""
    scheme = _SCHEME.match(uri)
    start = scheme.end() if scheme else 0
    userinfo, _, rest = uri[start:].rpartition("@")
    user, colon, _ = userinfo.partition(":")
    return f"{uri[:start]}{user}:***@{rest}" if colon else uri


# Errors of a client.


def bad_method(method: object) -> Refused:
    """RFC 6455, 4.1: the method is GET."""
    return Refused(405, f"method must be GET, not {excerpt(method)}", [("Allow", "GET")])


def bad_http_version(version: object) -> Refused:
    """RFC 6455, 4.1: the HTTP version is at least 1.1; later ones have a handshake of their own."""
    return Refused(400, f"http version must be 1.1, not {excerpt(version)}")


def missing(name: str) -> Refused:
    return Refused(400, f"no {name} header")


def repeated(name: str) -> Refused:
    return Refused(400, f"more than one {name} header")


def bad_host(value: bytes) -> Refused:
    """RFC 9112, 3.2: Host is a host and perhaps a port."""
    return Refused(400, f"Host must be a host and perhaps a port, not {excerpt(value)}")


def bad_target(target: bytes) -> Refused:
    """RFC 9112, 3.2.1: the request target is a path and perhaps a query."""
    return Refused(400, f"request target must be a path and perhaps a query, not {excerpt(target)}")


def bad_upgrade(value: bytes) -> Refused:
    """RFC 6455, 4.2.1: Upgrade names websocket."""
    return Refused(400, f"Upgrade must be websocket, not {excerpt(value)}")


def bad_connection(value: bytes) -> Refused:
    """RFC 6455, 4.2.1: Connection includes the token Upgrade."""
    return Refused(400, f"Connection must contain Upgrade, not {excerpt(value)}")


# How proxies are told to pass Upgrade and Connection on, which are for one hop (RFC 9110, 7.6.1).
_NGINX = {
    "http version": "proxy_http_version 1.1;",
    "Upgrade": "proxy_set_header Upgrade $http_upgrade;",
    "Connection": 'proxy_set_header Connection "upgrade";',
}


def upgrade_removed(what: str, refused: Refused) -> Refused:
    """RFC 6455, 4.2.1, of a request with Sec-WebSocket-Key: a proxy passes on only what is end-to-end.

    Args:
        what: "Upgrade", "Connection" or "http version".
        refused: the refusal of a request without Sec-WebSocket-Key.
    """
    lines = " ".join(_NGINX.values() if what == "http version" else [_NGINX[what]])
    return UpgradeRemoved(
        refused.status,
        f"{refused.reason}, although there is a Sec-WebSocket-Key: does a proxy remove it? "
        f"nginx needs {lines} Apache needs upgrade=websocket, Envoy upgrade_type: websocket",
    )


def bad_forwarded(name: str, value: str) -> Refused:
    """RFC 7239, 4: the fields of trusted proxies are well-formed, else the client is not known."""
    return Refused(400, f"malformed {name} header: {excerpt(value)}")


def bad_key(value: bytes) -> Refused:
    """RFC 6455, 4.2.1: Sec-WebSocket-Key is the base64 of 16 bytes."""
    return Refused(400, f"Sec-WebSocket-Key must be 16 bytes in base64, not {excerpt(value)}")


def bad_version(value: bytes, supported: str) -> Refused:
    """RFC 6455, 4.4: a server names the versions that it supports."""
    return Refused(
        426,
        f"Sec-WebSocket-Version must be {supported}, not {excerpt(value)}",
        [("Upgrade", "websocket"), ("Connection", "Upgrade, close"), ("Sec-WebSocket-Version", supported)],
    )


def bad_origin(value: bytes | None) -> Refused:
    """RFC 6455, 10.2: a server may accept some origins only."""
    if value is None:
        return Refused(403, "no Origin header")
    return Refused(403, f"origin {excerpt(value)} is not allowed")


def no_agreement(reason: str) -> Refused:
    """select_subprotocol has raised NegotiationError."""
    return Refused(400, reason)


def no_subprotocol(supported: Sequence[str]) -> Refused:
    """RFC 6455, 1.9: no subprotocol that both sides support."""
    return Refused(400, f"Sec-WebSocket-Protocol must name one of {', '.join(supported)}")


def malformed(name: str, reason: object) -> Refused:
    """RFC 6455, 9.1 and 4.1: lists of tokens follow their grammar."""
    return Refused(400, f"malformed {name} header: {reason}")


def not_http(reason: object) -> Refused:
    return Refused(400, f"malformed http request: {reason}")


def not_a_request_line(line: bytes) -> NotHTTP:
    """RFC 9112, 3: a method, a target and a version."""
    return NotHTTP(f"invalid HTTP request line: {printable(line)}")


def request_too_big(limit: int) -> Refused:
    """RFC 6585, 5."""
    return Refused(431, f"request head larger than {limit} bytes")


def request_with_too_many_headers(limit: int) -> Refused:
    """RFC 6585, 5."""
    return Refused(431, f"request with more than {limit} headers")


def request_with_body() -> Refused:
    """RFC 6455, 4.1: the request is a GET without a body."""
    return Refused(400, "request with a body")


def shutting_down() -> Refused:
    """RFC 9110, 15.6.4."""
    return Refused(503, "server is shutting down")


def opening_timed_out() -> Refused:
    """RFC 9110, 15.6.4: the application took too long to decide."""
    return Refused(503, "opening handshake timed out")


def opening_failed() -> Refused:
    """RFC 9110, 15.6.1: code of the application failed; only the log says how."""
    return Refused(500, "internal server error")


# Errors of a server.


def no_proxy_response(cause: BaseException | None) -> InvalidProxyMessage:
    """RFC 9110, 9.3.6."""
    error = InvalidProxyMessage("did not receive a valid HTTP response from proxy")
    error.__cause__ = cause
    return error


def _no_response(cause: Exception) -> InvalidMessage:
    error = InvalidMessage("did not receive a valid HTTP response")
    error.__cause__ = cause
    return error


def response_cut_short(part: str) -> InvalidMessage:
    return _no_response(EOFError(f"connection closed while reading HTTP {part}"))


def not_a_response(reason: object) -> InvalidMessage:
    return _no_response(ValueError(f"malformed http response: {reason}"))


def not_a_status_line(line: bytes | bytearray) -> InvalidMessage:
    """RFC 9112, 4."""
    return _no_response(ValueError(f"unsupported protocol; expected HTTP/1.1: {printable(line)}"))


def response_too_big(limit: int) -> InvalidMessage:
    return InvalidMessage(f"response head larger than {limit} bytes")


def response_with_too_many_headers(limit: int) -> InvalidMessage:
    return InvalidMessage(f"response with more than {limit} headers")


def response_without(name: str) -> InvalidHeader:
    if name in ("Upgrade", "Connection"):
        return InvalidUpgrade(name, reason=f"missing {name} header; does a proxy remove it?")
    return InvalidHeader(name)


def response_with_repeated(name: str) -> InvalidHeader:
    return InvalidHeader(name, reason=f"more than one {name} header in the response")


def wrong_upgrade(value: str) -> InvalidHeader:
    reason = f"Upgrade in the response must be websocket, not {excerpt(value)}"
    return InvalidUpgrade("Upgrade", value, reason)


def wrong_connection(value: str) -> InvalidHeader:
    reason = f"Connection in the response must contain Upgrade, not {excerpt(value)}"
    return InvalidUpgrade("Connection", value, reason)


def wrong_accept(value: str, expected: str) -> InvalidHeader:
    return InvalidHeaderValue(
        "Sec-WebSocket-Accept",
        value,
        f"Sec-WebSocket-Accept must be {excerpt(expected)}, not {excerpt(value)}",
    )


def unrequested_subprotocol(value: str) -> NegotiationError:
    return NegotiationError(f"subprotocol {excerpt(value)} was not offered")


def several_subprotocols(value: str) -> NegotiationError:
    return NegotiationError(f"more than one subprotocol: {excerpt(value)}")


def unrequested_extension(value: str) -> NegotiationError:
    return NegotiationError(f"extension {excerpt(value)} was not offered")


def wrong_extension(reason: object) -> NegotiationError:
    return NegotiationError(str(reason))
