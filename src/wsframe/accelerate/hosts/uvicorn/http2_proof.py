"""A known conversation over HTTP/2, with a WebSocket class that echoes bytes, in the bytes of RFC 9113."""

from __future__ import annotations

import asyncio
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from .._shared.proof import HELLO, check
from .own_proof import Memory

DATA, HEADERS, SETTINGS, WINDOW_UPDATE = 0, 1, 4, 8
END_STREAM, END_HEADERS = 1, 4
STREAM = 1
MUCH = b"x" * 16_000

FIELDS = (
    *((b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"https"), (b":path", b"/?a=1")),
    *((b":authority", b"localhost"), (b"sec-websocket-version", b"13")),
)


class Echo(asyncio.Protocol):
    """Accepts the request, echoes what comes then, and stops reading when much has come."""

    def __init__(self, **_: Any) -> None:
        self.request: bytes = b""
        self.lost: bool = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self.request:
            self.request = data
            self.transport.write(b"HTTP/1.1 101 \r\nupgrade: websocket\r\n\r\n")
        elif data == MUCH:
            self.transport.pause_reading()
        else:
            self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


def prove() -> None:
    later: list[Any] = []
    loop = SimpleNamespace(
        call_soon=lambda *call: later.append(call), call_later=lambda *_: SimpleNamespace(cancel=lambda: None)
    )
    config: Any = import_module("uvicorn.config").Config(
        None, interface="asgi3", ws="none", lifespan="off", log_config=None
    )
    config.loaded, config.loaded_app, config.ws_protocol_class = True, None, Echo
    state, transport = import_module("uvicorn.server").ServerState(), Memory()
    http: Any = import_module("uvicorn.protocols.http.auto_zttp_impl").ZttpH2Protocol
    http = http(config=config, server_state=state, app_state={}, _loop=loop)
    http.connection_made(transport)
    http.data_received(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, b"", 0))
    http.data_received(frame(HEADERS, END_HEADERS, b"".join(literal(*field) for field in FIELDS)))
    http.data_received(frame(DATA, 0, HELLO))
    (echo,) = (one.get_protocol() for one in http.sockets.values())
    check(echo.request.startswith(b"GET /?a=1 HTTP/1.1\r\n") and b"\r\nhost: localhost\r\n" in echo.request)
    check([payload for kind, payload in frames(transport.written) if kind == DATA] == [HELLO])
    check(any(kind == HEADERS and b"200" in payload for kind, payload in frames(transport.written)))
    transport.written = b""
    http.data_received(frame(DATA, 0, MUCH) * 4)  # less than the window, of which nobody reads the most
    check(WINDOW_UPDATE not in dict(frames(transport.written)))
    echo.transport.resume_reading()
    run(later)
    check(transport.written.startswith(frame(WINDOW_UPDATE, 0, b"")[3:4], 3))
    http.data_received(frame(DATA, END_STREAM, b""))
    run(later)
    check(echo.lost and not http.sockets and not http.cycles and not transport.closed)
    http.connection_lost(None)
    check(not state.connections)


def run(later: list[Any]) -> None:
    while later:
        callback, *values = later.pop(0)
        callback(*values)


def frame(kind: int, flags: int, payload: bytes, stream: int = STREAM) -> bytes:
    """Write a frame (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """Read the frames of the stream: types and payloads."""
    found = []
    while data:
        end = 9 + int.from_bytes(data[:3], "big")
        if int.from_bytes(data[5:9], "big") == STREAM:
            found.append((data[3], data[9:end]))
        data = data[end:]
    return found


def literal(name: bytes, value: bytes) -> bytes:
    """Write a field that no table keeps (RFC 7541, section 6.2.2)."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
