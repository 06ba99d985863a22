"""The header of the PROXY protocol, versions 1 and 2, as haproxy's specification defines it."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Any

# Rules of a ProxyHeaderReader.
#
# 1. It never asks for bytes that may follow the header: those are for TLS or HTTP, and a socket does not
#    take them back.
# 2. It fails as soon as the bytes cannot become a header, and keeps at most KEPT of them.

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"  # 2.2: of version 2
PREFIX = b"PROXY "  # 2.1: of version 1
MAX_LINE = 107  # 2.1: bytes of a header of version 1, with CRLF
MIN_LINE = len(b"PROXY UNKNOWN\r\n")
FIXED = 16  # 2.2: bytes of a header of version 2 that are always there
READ_SIZE = 2**12

# 2.2: bytes of the addresses by family: AF_INET, AF_INET6, AF_UNIX.
SIZES = {1: 12, 2: 36, 3: 216}
STREAM = 1
KEPT = FIXED + max(SIZES.values())

_LINE = re.compile(rb"PROXY (TCP[46]) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) ([0-9]{1,5}) ([0-9]{1,5})\r\n")


class ProxyHeaderReader:
    """Reads the header at the start of a connection.

    Attributes:
        wanted: how many bytes may be read next, at most; 0 when the header is complete.
        address: of the client, as socket.getpeername() returns it; None for that of the connection itself,
            which is the case of LOCAL, UNKNOWN and families that have no address here.
    """

    __slots__ = ("_data", "_rest", "address", "wanted")

    def __init__(self) -> None:
        self._data = b""
        self._rest = -1  # bytes of a header of version 2 that are to come, once its length is known
        self.wanted = MIN_LINE
        self.address: Any = None

    def feed(self, data: bytes) -> bool:
        """Take the next bytes, no more than `wanted`; return whether the header is complete.

        Raises:
            ValueError: it is malformed.
        """
        if len(data) > self.wanted:
            raise ValueError("more bytes than wanted")
        if self._rest < 0:
            self._data += data
            if PREFIX.startswith(self._data[: len(PREFIX)]):
                return self._read_line()
            if not SIGNATURE.startswith(self._data[: len(SIGNATURE)]):
                raise ValueError("no PROXY protocol header")
            if len(self._data) < FIXED:
                self.wanted = FIXED - len(self._data)
                return False
            self._rest = int.from_bytes(self._data[14:16], "big")
            _check_fixed(self._data)
        else:
            self._rest -= len(data)
            self._data += data[: KEPT - len(self._data)]  # no address follows
        self.wanted = min(self._rest, READ_SIZE)
        if self.wanted:
            return False
        self.address = _binary_address(self._data)
        return True

    def _read_line(self) -> bool:
        line = self._data
        if line.endswith(b"\r\n"):
            self.wanted = 0
            self.address = _text_address(line)
            return True
        if b"\n" in line or b"\r" in line[:-1] or len(line) >= MAX_LINE:
            raise ValueError("malformed PROXY protocol header")
        if len(line) < MIN_LINE:
            self.wanted = MIN_LINE - len(line)
            return False
        # The least that must still arrive: a space and a character for each field, and CRLF.
        fields = 0 if line.startswith(b"PROXY UNKNOWN") else max(5 - line.count(b" "), 0)
        self.wanted = min(1 if line.endswith(b"\r") else 2 * fields + 2, MAX_LINE - len(line))
        return False


def _text_address(line: bytes) -> Any:
    if line.startswith((b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ")):
        return None
    found = _LINE.fullmatch(line)
    if found is None or any(int(port) > 65535 for port in found.group(4, 5)):
        raise ValueError("malformed PROXY protocol header")
    kind = IPv4Address if found[1] == b"TCP4" else IPv6Address
    try:
        source, _ = (kind(address.decode()) for address in found.group(2, 3))
    except ValueError as exc:
        raise ValueError(f"malformed PROXY protocol header: {exc}") from None
    return _socket_address(source, int(found[4]))


def _check_fixed(data: bytes) -> None:
    if data[12] >> 4 != 2 or data[12] & 15 > 1:
        raise ValueError("PROXY protocol header of another version or command")
    family = data[13] >> 4
    if data[12] & 15 and int.from_bytes(data[14:16], "big") < SIZES.get(family, 0):
        raise ValueError("PROXY protocol header too short for its addresses")


def _binary_address(data: bytes) -> Any:
    family, transport = data[13] >> 4, data[13] & 15
    if not data[12] & 15 or transport != STREAM:
        return None  # LOCAL: a health check of the proxy
    body = data[FIXED:]
    if family == 1:
        return _socket_address(IPv4Address(body[:4]), int.from_bytes(body[8:10], "big"))
    if family == 2:
        return _socket_address(IPv6Address(body[:16]), int.from_bytes(body[32:34], "big"))
    if family == 3:
        return body[:108].rstrip(b"\0").decode("utf-8", "surrogateescape")
    return None


def _socket_address(host: IPv4Address | IPv6Address, port: int) -> tuple[Any, ...]:
    mapped = getattr(host, "ipv4_mapped", None) or host
    return (str(mapped), port) if mapped.version == 4 else (str(mapped), port, 0, 0)
