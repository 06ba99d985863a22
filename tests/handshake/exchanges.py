"""A request as a browser sends it, which tests change, and a parser of responses written by hand."""

from __future__ import annotations

from collections.abc import Iterable

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # of the example in RFC 6455, 1.3
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

Pairs = list[tuple[str, str]]

BROWSER: Pairs = [
    ("Host", "server.example.com"),
    ("Connection", "keep-alive, Upgrade"),
    ("Pragma", "no-cache"),
    ("Upgrade", "websocket"),
    ("Origin", "http://example.com"),
    ("Sec-WebSocket-Version", "13"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Cookie", "a=b; c=d"),
    ("Sec-WebSocket-Key", KEY),
    ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
]


def changed(**values: str | list[str] | None) -> Pairs:
    """The browser's headers with some replaced; underscores mean hyphens, None omits a header."""
    wanted = {name.replace("_", "-").lower(): value for name, value in values.items()}
    out = []
    for name, value in BROWSER:
        if name.lower() not in wanted:
            out.append((name, value))
            continue
        new = wanted.pop(name.lower())
        if new is not None:
            out += [(name, one) for one in ([new] if isinstance(new, str) else new)]
    for name, new in wanted.items():
        if new is not None:
            out += [(name.title(), one) for one in ([new] if isinstance(new, str) else new)]
    return out


def as_bytes(pairs: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def as_asgi(pairs: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in as_bytes(pairs)]


def write(pairs: Iterable[tuple[str, str]], line: str = "GET /chat HTTP/1.1") -> bytes:
    lines = [line, *(f"{name}: {value}" for name, value in pairs), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def server_response(
    *extra: tuple[str, str], status: str = "101 Switching Protocols", **values: str | list[str] | None
) -> bytes:
    """The response to KEY; as in `changed`, values replace headers and None omits them."""
    fields: Pairs = []
    for name, value in (
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", ACCEPT),
    ):
        new = values.pop(name.replace("-", "_"), value)
        if new is not None:
            fields += [(name, one) for one in ([new] if isinstance(new, str) else new)]
    assert not values
    return write([*fields, *extra], f"HTTP/1.1 {status}")


def read_response(data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, header fields and body of a response in which no name is there twice."""
    head, separator, body = data.partition(b"\r\n\r\n")
    assert separator
    line, *rest = head.decode("latin-1").split("\r\n")
    protocol, status, _ = line.split(" ", 2)
    assert protocol == "HTTP/1.1"
    fields = dict(field.split(": ", 1) for field in rest)
    assert len(fields) == len(rest)
    return int(status), fields, body
