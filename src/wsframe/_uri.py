"""WebSocket URIs (RFC 6455, 3)."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ._http_errors import EXCERPT, InvalidURI

PORTS = {"ws": 80, "wss": 443}

# RFC 3986: what stands in a path or a query as it is; "%" begins what is encoded already.
_SAFE = "!$&'()*+,/:;=?@[]~-._%"
_LABEL = "[0-9A-Za-z_](?:[0-9A-Za-z_-]*[0-9A-Za-z_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_ZONE = re.compile(r"[0-9A-Za-z._~-]+")


class URI(NamedTuple):
    """A WebSocket URI, taken apart."""

    secure: bool
    host: str  # as getaddrinfo takes it: ASCII, no brackets; with the zone of an IPv6 address
    port: int
    path: str  # path and query, as the request line takes them
    user: str | None = None
    password: str | None = None

    @property
    def authority(self) -> str:
        """What the Host header says: no port where it is the usual one (RFC 6455, 4.1)."""
        host = self.host.partition("%")[0]
        if ":" in host:
            host = f"[{host}]"
        return host if self.port == PORTS["wss" if self.secure else "ws"] else f"{host}:{self.port}"


def parse_uri(uri: str) -> URI:
    """Take a WebSocket URI apart (RFC 6455, 3).

    Host names that are not ASCII become IDNA, such characters in path and query UTF-8 in
    percent-encoding.

    Args:
        uri: ws:// or wss://, host, and perhaps port, path, query, and user information.

    Raises:
        InvalidURI: it is none, or holds a space or a control character, or a fragment.
    """
    if not isinstance(uri, str):
        raise TypeError(f"uri must be str, not {type(uri).__name__}")
    # urlsplit drops some of these without a word.
    if any(char <= " " or char == "\x7f" for char in uri):
        raise InvalidURI("uri must not hold spaces or control characters")
    try:
        parts = urlsplit(uri)
        port = parts.port
        host = parts.hostname or ""
    except ValueError as exc:
        raise InvalidURI(f"malformed uri: {exc}") from None
    if parts.scheme not in PORTS:
        raise InvalidURI("uri must begin with ws:// or wss://")
    if "#" in uri:
        raise InvalidURI("uri must not have a fragment")
    if not host:
        raise InvalidURI("uri must name a host")
    if port == 0:
        raise InvalidURI("port must be from 1 to 65535")
    return URI(
        secure=parts.scheme == "wss",
        host=_ipv6(host) if ":" in host else _name(host),
        port=port or PORTS[parts.scheme],
        path=_target(parts.path or "/", parts.query, "?" in uri),
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def _name(host: str) -> str:
    """Check a host name or IPv4 address, and make it ASCII."""
    try:
        name = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as exc:
        raise InvalidURI(f"host is no domain name: {exc}") from None
    if not _NAME.fullmatch(name):
        raise InvalidURI(f"host {host[:EXCERPT]!a} is neither a name nor an address")
    return name


def _ipv6(host: str) -> str:
    """Check an IPv6 address; its zone stands after "%25" (RFC 6874)."""
    address, percent, zone = host.partition("%25")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise InvalidURI(f"host {host[:EXCERPT]!a} is no ipv6 address") from None
    if not percent:
        return address
    if not _ZONE.fullmatch(zone):
        raise InvalidURI("malformed zone of an ipv6 address")
    return f"{address}%{zone}"


def _target(path: str, query: str, asked: bool) -> str:
    target = quote(path, safe=_SAFE)
    return f"{target}?{quote(query, safe=_SAFE)}" if asked else target
