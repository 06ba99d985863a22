"""The client behind trusted proxies: Forwarded (RFC 7239) and X-Forwarded-For, -Proto and -Host."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Literal, NamedTuple

from .errors import bad_forwarded
from .messages import BLANK, Headers, is_host

TrustedProxy = str | IPv4Address | IPv6Address | IPv4Network | IPv6Network
ForwardedHeader = Literal["X-Forwarded-For", "Forwarded"]

# Means all peers on Unix sockets.
UNIX = "unix"

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}

# A pair of an element of Forwarded, and what follows it. Values that are not quoted may have any character
# that ends nothing: some proxies do not quote addresses of IPv6.
_PAIR = re.compile(
    r"""[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))[ \t]*([;,]|$)"""
)
_EMPTY = re.compile(r"[ \t]*([;,]|$)")

# RFC 7239, 6: an address, "unknown" or an obfuscated identifier, and perhaps a port.
_NODE = re.compile(
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]+)\]|(?P<v4>[0-9.]+)|(?P<hidden>unknown|_[0-9A-Za-z._-]+))"
    r"(?::(?:(?P<port>[0-9]{1,5})|_[0-9A-Za-z._-]+))?",
    re.IGNORECASE,
)


class Client(NamedTuple):
    """The client of a request, as trusted proxies describe it.

    Attributes:
        address: (host, port) or (host, port, 0, 0), the port 0 if it is not known; the path of a Unix socket.
            The host is "unknown" or starts with an underscore where a proxy hides it (RFC 7239, 6.3).
        scheme: "ws" or "wss"; None where no proxy says it.
        host: that the client has asked for, with its port if there is one; None where no proxy says it.
    """

    address: Any
    scheme: str | None = None
    host: str | None = None


class TrustedProxies:
    """The proxies that are trusted to say who the client is.

    Args:
        proxies: addresses, networks, and "unix" for all peers on Unix sockets.

    Raises:
        TypeError: it is not a sequence of them.
        ValueError: one is neither an address nor a network.
    """

    def __init__(self, proxies: Iterable[TrustedProxy]) -> None:
        if isinstance(proxies, (str, bytes)):
            raise TypeError(f"trusted_proxies must be a list, not a {type(proxies).__name__}")
        self._unix = False
        self._networks: list[IPv4Network | IPv6Network] = []
        for proxy in proxies:
            if proxy == UNIX:
                self._unix = True
            elif isinstance(proxy, (str, IPv4Address, IPv6Address, IPv4Network, IPv6Network)):
                try:
                    self._networks.append(ip_network(proxy))
                except ValueError as exc:
                    raise ValueError(
                        f"trusted_proxies: {exc}; allowed are addresses, networks and 'unix'"
                    ) from None
            else:
                raise TypeError(
                    f"trusted_proxies must contain str or objects of ipaddress, not {type(proxy).__name__}"
                )

    def trusts(self, address: object) -> bool:
        """Tell whether a peer is trusted.

        Args:
            address: as socket.getpeername() returns it.
        """
        if isinstance(address, tuple):
            try:
                host = _plain(ip_address(address[0]))
            except ValueError:
                return False
            return any(host in network for network in self._networks)
        return self._unix and address is not None

    def client(self, peer: Any, headers: Headers, header: ForwardedHeader) -> Client:
        """Return the client of a request.

        The list of proxies is read from its right end, past trusted ones.  What is to the left of the first
        one that is not trusted may come from anybody, and is not read.

        Args:
            peer: the address of the peer.
            headers: of the request.
            header: the header field that the proxies set.

        Raises:
            Refused: the field of a trusted proxy is malformed.
        """
        if not self.trusts(peer):
            return Client(peer)
        return (self._forwarded if header == "Forwarded" else self._x_forwarded)(peer, headers)

    def _forwarded(self, peer: Any, headers: Headers) -> Client:
        # Line by line, so that a quote left open by a client does not reach into what a proxy has added.
        elements = [one for line in headers.get_all("Forwarded") for one in _elements(line)]
        client = Client(peer)
        for element in reversed(elements):
            client = Client(
                _address("Forwarded", element.get("for", "unknown")),
                _scheme("Forwarded", element.get("proto")),
                _host("Forwarded", element.get("host")),
            )
            if not self.trusts(client.address):
                break
        return client

    def _x_forwarded(self, peer: Any, headers: Headers) -> Client:
        hops, address = 0, peer
        for node in reversed(_items(headers, "X-Forwarded-For")):
            hops += 1
            address = _address("X-Forwarded-For", node)
            if not self.trusts(address):
                break
        return Client(
            address,
            _scheme("X-Forwarded-Proto", _at(headers, "X-Forwarded-Proto", hops)),
            _host("X-Forwarded-Host", _at(headers, "X-Forwarded-Host", hops)),
        )


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return an IPv4 address where an IPv6 socket has it."""
    return getattr(address, "ipv4_mapped", None) or address


def _items(headers: Headers, name: str) -> list[str]:
    items = [item.strip(BLANK) for value in headers.get_all(name) for item in value.split(",")]
    return [item for item in items if item]


def _at(headers: Headers, name: str, hops: int) -> str | None:
    """Return the item that belongs to a proxy: some add one as to X-Forwarded-For, others replace all."""
    items = _items(headers, name)
    return items[-min(max(hops, 1), len(items))] if items else None


def _elements(line: str) -> list[dict[str, str]]:
    """Parse a Forwarded header field (RFC 7239, 4)."""
    elements: list[dict[str, str]] = []
    element: dict[str, str] = {}
    at = 0
    while at < len(line):
        found = _PAIR.match(line, at)
        if found is not None:
            name = found[1].lower()
            if name in element:
                raise bad_forwarded("Forwarded", line)
            element[name] = found[3] if found[2] is None else re.sub(r"\\(.)", r"\1", found[2])
            end = found[4]
        else:
            found = _EMPTY.match(line, at)
            if found is None:
                raise bad_forwarded("Forwarded", line)
            end = found[1]
        at = found.end()
        if end != ";" and element:
            elements.append(element)
            element = {}
    return [*elements, element] if element else elements


def _address(name: str, node: str) -> Any:
    found = _NODE.fullmatch(node)
    try:
        if found is None:
            host = _plain(IPv6Address(node if "%" not in node else ""))  # bare, as most proxies write it
            port = 0
        elif found["hidden"]:
            return found["hidden"], int(found["port"] or 0)
        else:
            host = IPv4Address(found["v4"]) if found["v4"] else _plain(IPv6Address(found["bracketed"]))
            port = int(found["port"] or 0)
        if port > 65535:
            raise ValueError
    except ValueError:
        raise bad_forwarded(name, node) from None
    return (str(host), port) if host.version == 4 else (str(host), port, 0, 0)


def _scheme(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    scheme = _SCHEMES.get(value.lower())
    if scheme is None:
        raise bad_forwarded(name, value)
    return scheme


def _host(name: str, value: str | None) -> str | None:
    if value is not None and not (value.isascii() and is_host(value.encode())):
        raise bad_forwarded(name, value)
    return value


def check_forwarded_header(header: object) -> None:
    """Check the option forwarded_header.

    Raises:
        ValueError: it is neither of both.
    """
    if header not in ("X-Forwarded-For", "Forwarded"):
        raise ValueError(f"forwarded_header must be 'X-Forwarded-For' or 'Forwarded', not {header!r}")
