"""The usual request of an opening handshake, read without the rules that it cannot break (RFC 6455, 4.2.1).

A request that is not usual may be wrong or not: `_http.reader` and `handshake` find that out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._spec import BASE64

_GET = b"GET "
_VERSION = b" HTTP/1.1\r\n"
_FIELDS = {
    name: number
    for number, name in enumerate(
        (
            b"host",
            b"upgrade",
            b"connection",
            b"sec-websocket-version",
            b"sec-websocket-key",
            b"origin",
            b"sec-websocket-protocol",
            b"sec-websocket-extensions",
        )
    )
}


def usual_head(data: bytes, max_head: int) -> int:
    """Return the size of the head that bytes begin with; 0 if it is not whole, or no GET of HTTP/1.1.

    Args:
        data: what was received.
        max_head: bytes that the head may have.
    """
    line = data.find(b"\n") + 1
    if not (data.startswith(b"GET /") and data.startswith(_VERSION, line - len(_VERSION))):
        return 0
    end = data.find(b"\n\r\n", line - 1) + 3
    if end < 3 or end > max_head or data.find(b"\n\n", line - 1, end) >= 0:
        return 0
    return end


class RequestParts:
    """Collects the parts of a request from the callbacks of httptools.

    Attributes:
        url: path and query.
        headers: (name, value) pairs.
        whole: whether the head is whole.
    """

    __slots__ = ("headers", "url", "whole")

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.whole = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.whole = True

    def usual_host(self, head: bytes) -> bytes | None:
        """Return the Host of a GET of HTTP/1.1 for a path, with one Host and without a body; None for others.

        Args:
            head: of the request.
        """
        host = None
        url = self.url
        if not self.whole or not head.startswith(_GET + url + _VERSION):
            return None
        if url[:1] != b"/" or b"#" in url or not all(0x21 <= byte <= 0x7E for byte in url):
            return None
        for name, value in self.headers:
            field = name.lower()
            if field == b"host":
                if host is not None:
                    return None
                host = value
            elif field in (b"content-length", b"transfer-encoding"):
                return None
        return None if host is None else host.strip(b" \t")


def upgrade_of(
    headers: Iterable[Any],
) -> tuple[bytes, bytes, bytes | None, bytes | None, bytes | None] | None:
    """Return what the usual request for a WebSocket has; None for any other.

    Args:
        headers: the (name, value) pairs of a GET of HTTP/1.1, in bytes.

    Returns:
        The values of Sec-WebSocket-Key, Host, Origin, Sec-WebSocket-Protocol and Sec-WebSocket-Extensions;
        None for one of the last three that is missing.  Whether the Host is valid is not checked.
    """
    if not isinstance(headers, list):
        return None
    found: list[bytes | None] = [None] * len(_FIELDS)
    for pair in headers:
        if type(pair) is not tuple or len(pair) != 2:
            return None
        name, value = pair
        if type(name) is not bytes or type(value) is not bytes:
            return None
        number = _FIELDS.get(name.lower())
        if number is not None:
            if found[number] is not None:
                return None
            found[number] = value.strip(b" \t")
    host, upgrade, connection, version, key, origin, protocols, extensions = found
    if host is None or upgrade is None or connection is None or version != b"13" or key is None:
        return None
    tokens = [token.strip(b" \t") for token in connection.lower().split(b",")]
    if upgrade.lower() != b"websocket" or b"upgrade" not in tokens:
        return None
    # 16 bytes in base64: 22 characters and the padding.
    if len(key) != 24 or key[22:] != b"==" or key[:22].translate(None, BASE64):
        return None
    return key, host, origin, protocols, extensions
