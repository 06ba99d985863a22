"""WebSocket URIs (RFC 6455, 3)."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import quote, unquote

from .errors import invalid_uri

PORTS = (80, 443)  # 3: of ws and of wss

# Scheme, user information, host, port, path and query.
_PARTS = re.compile(
    r"(wss?)://(?:([^/?]*)@)?(\[[^]/?@]*\]|[^][:/?@]*)(?::([^/?@]*))?(/[^?]*)?(\?.*)?", re.IGNORECASE
)

# RFC 3986: characters of a path or a query that are not encoded; "%" begins one that is already.
_SAFE = "!$&'()*+,/:;=?@[]~-._%"
_LABEL = "[0-9A-Za-z_](?:[0-9A-Za-z_-]*[0-9A-Za-z_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_ZONE = re.compile(r"[0-9A-Za-z._~-]+")


class URI(NamedTuple):
    """The parts of a WebSocket URI."""

    secure: bool
    host: str  # as getaddrinfo takes it: ASCII, no brackets; with the zone of an IPv6 address
    port: int
    path: str  # path and query, as the request line takes them
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        """Show all but the password, for it may end up in a log."""
        shown = self._asdict()
        if self.password is not None:
            shown["password"] = "***"
        return f"URI({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @property
    def authority(self) -> str:
        """The value of the Host header, without the port if it is the default (RFC 6455, 4.1)."""
        host = self.host.partition("%")[0]
        if ":" in host:
            host = f"[{host}]"
        return host if self.port == PORTS[self.secure] else f"{host}:{self.port}"


def parse_uri(uri: str) -> URI:
    """Parse a WebSocket URI (RFC 6455, 3).

    Host names that are not ASCII become IDNA, such characters in path and query UTF-8 in
    percent-encoding.

    Args:
        uri: ws:// or wss://, host, and perhaps port, path, query, and user information.

    Raises:
        InvalidURI: it is not one, or contains a space or a control character, or a fragment, or what others
            could read as another host.  It quotes the URI, without its password.
    """
    if not isinstance(uri, str):
        raise TypeError(f"uri must be str, not {type(uri).__name__}")
    try:
        return _parse(uri)
    except ValueError as exc:
        raise invalid_uri(str(exc), uri) from None


def _parse(uri: str) -> URI:
    if any(char <= " " or char == "\x7f" for char in uri):
        raise ValueError("uri must not contain spaces or control characters")
    if not uri[:6].lower().startswith(("ws://", "wss://")):
        raise ValueError("uri must begin with ws:// or wss://")
    if "#" in uri:
        raise ValueError("uri must not have a fragment")
    parts = _PARTS.fullmatch(uri)
    if parts is None:
        raise ValueError("malformed uri")
    scheme, userinfo, host, port, path, query = parts.groups()
    user, password = (None, None) if userinfo is None else _user_and_password(userinfo)
    if not host:
        raise ValueError("uri must name a host")
    secure = scheme.lower() == "wss"
    return URI(
        secure=secure,
        host=_ipv6(host[1:-1]) if host[0] == "[" else _name(host),
        port=_port(port) if port else PORTS[secure],
        path=quote(path or "/", safe=_SAFE) + quote(query or "", safe=_SAFE),
        user=user,
        password=password,
    )


def _user_and_password(userinfo: str) -> tuple[str, str | None]:
    """Parse user information (RFC 3986, 3.2.1).

    Characters that others take for the end of the host are refused: what stands behind them is the
    host for some readers of a URI and not for others.
    """
    if any(char in userinfo for char in "\\@[]"):
        raise ValueError("user information must not contain a backslash, a bracket or a second @")
    user, colon, password = userinfo.partition(":")
    user, password = unquote(user), unquote(password)
    if any(char < " " or "\x7f" <= char <= "\x9f" for char in user + password):
        raise ValueError("user information must not contain control characters")  # RFC 7617, 2
    return user, password if colon else None


def _name(host: str) -> str:
    """Check a host name or IPv4 address, and make it ASCII."""
    try:
        name = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("host is no domain name") from None
    if not _NAME.fullmatch(name):
        raise ValueError("host is neither a name nor an address")
    return name.lower()


def _ipv6(host: str) -> str:
    """Check an IPv6 address; its zone follows "%25" (RFC 6874)."""
    address, percent, zone = host.partition("%25")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise ValueError("host is no ipv6 address") from None
    if not percent:
        return address.lower()
    if not _ZONE.fullmatch(zone):
        raise ValueError("malformed zone of an ipv6 address")
    return f"{address.lower()}%{zone}"


def _port(port: str) -> int:
    if port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 2**16:
        return int(port)
    raise ValueError("port must be from 1 to 65535")
