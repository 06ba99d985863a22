"""WebSocket over HTTP/2 (RFC 8441), for `uvicorn --http zttp --http2`.

zttp tells clients that they may open a WebSocket on a stream (SETTINGS_ENABLE_CONNECT_PROTOCOL), but uvicorn
takes such a CONNECT for a request of HTTP. Here the stream becomes a transport. The CONNECT is rewritten
as a request for an upgrade, which the WebSocket classes of uvicorn read; their 101 becomes a response with
status 200.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from functools import partial
from http import HTTPStatus
from importlib import import_module
from typing import Any

from ...host import Host
from ...ownership import require_own
from .bypassed import ZTTP_H2
from .http2_stream import StreamTransport

# Header fields of HTTP/1.1. The key is always the same: nobody checks it.
HOP = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"content-length"}
ADDED = (
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
)
LEFT_OUT = HOP.union(name for name, _ in ADDED)

FRAME_HEADER = 9  # bytes (RFC 9113, section 4.1)
WINDOW_UPDATE = 8  # its type


def protocol(original: Any, host: Host) -> Any:
    """Replace the class for the HTTP/2 connections of a server."""
    require_own(import_module(ZTTP_H2), "ZttpH2Protocol", host.own_packages)  # it is inherited from
    zttp: Any = import_module("zttp")

    class ZttpH2Protocol(original):  # type: ignore[misc]
        def __init__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> None:
            super().__init__(config, server_state, app_state, _loop)
            self.conn: Any = Credit(vars(self)["conn"])
            self.sockets: dict[int, StreamTransport] = {}
            self.ws_config: Any = copy(self.config)  # for the WebSocket classes
            self.ws_config.loaded_app = partial(call_app, self)

        def connection_lost(self, exc: Exception | None) -> None:
            sockets, self.sockets = self.sockets, {}
            for stream_id, transport in sockets.items():
                self.cycles.pop(stream_id, None)
                transport.lose(exc)
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.check_output()

        def pause_writing(self) -> None:
            super().pause_writing()
            self.check_output()

        def resume_writing(self) -> None:
            super().resume_writing()
            self.check_output()

        def check_output(self) -> None:
            """Let the WebSockets write whose bytes have left, and stop those whose bytes wait."""
            for transport in list(self.sockets.values()):
                transport.check_output()

        def events(self) -> Iterator[Any]:
            for event in super().events():
                kind = type(event)
                transport = self.sockets.get(getattr(event, "stream_id", 0))
                if transport is None:
                    yield event
                elif kind is zttp.Data:
                    transport.data_received(event.data)
                elif kind is zttp.EndOfMessage:
                    transport.eof_received()
                elif kind is zttp.RstStream:
                    transport.reset_received(event.error_code)

        def handle_request(self, event: Any) -> None:
            if event.protocol is None or self.is_full():
                super().handle_request(event)  # which refuses it, if this is full
            elif event.protocol != b"websocket" or self.config.ws_protocol_class is None:
                self.refuse(event.stream_id, HTTPStatus.NOT_IMPLEMENTED)  # RFC 9220, section 3
            elif event.end_stream or b" " in event.target:
                self.refuse(event.stream_id, HTTPStatus.BAD_REQUEST)
            else:
                self.open_websocket(event)

        def is_full(self) -> bool:
            limit = self.limit_concurrency
            size = max(len(self.connections), len(self.tasks))
            return bool(self.shutdown_requested or (limit is not None and size >= limit))

        def refuse(self, stream_id: int, status: HTTPStatus) -> None:
            stream = self.conn.stream(stream_id)
            body = status.phrase.encode()
            length = (b"content-length", b"%d" % len(body))
            stream.send_response(
                status, [*self.server_state.default_headers, (b"content-type", b"text/plain"), length]
            )
            stream.send_data(body)
            stream.end_message()

        def open_websocket(self, event: Any) -> None:
            protocol = self.config.ws_protocol_class(
                config=self.ws_config, server_state=self.server_state, app_state=self.app_state
            )
            transport = StreamTransport(self, event.stream_id, protocol)
            # uvicorn keeps a connection open as long as it has "cycles".
            self.sockets[event.stream_id] = self.cycles[event.stream_id] = transport
            protocol.connection_made(transport)
            protocol.data_received(upgrade_request(event.target, event.headers))

        def websocket_closed(self, stream_id: int) -> None:
            """Close the connection when it was the last one, now or after a while."""
            self.conn.withheld.pop(stream_id, None)
            if self.cycles.pop(stream_id, None) is not None:
                self.on_stream_closed()

    ZttpH2Protocol.__doc__ = original.__doc__
    ZttpH2Protocol.__qualname__ = original.__qualname__
    globals()[original.__name__] = ZttpH2Protocol  # where pickle looks for it
    return ZttpH2Protocol


async def call_app(protocol: Any, scope: Any, receive: Any, send: Any) -> Any:
    """Call the application with the scope of HTTP/2: without a key, and with its version of HTTP."""
    if scope["type"] == "websocket":
        scope["http_version"] = "2"
        scope["scheme"] = "wss" if protocol.scheme == "https" else "ws"
        scope["headers"] = [field for field in scope["headers"] if tuple(field) not in ADDED]
    return await protocol.config.loaded_app(scope, receive, send)


def upgrade_request(target: bytes, headers: Any) -> bytes:
    """Write a CONNECT as a request for an upgrade (RFC 8441, section 5; RFC 9113, section 8.2.3)."""
    fields = [(name.lower(), value) for name, value in headers]
    kept = [field for field in fields if field[0] not in LEFT_OUT and field[0] != b"cookie"]
    cookies = [value for name, value in fields if name == b"cookie"]
    if cookies:
        kept.append((b"cookie", b"; ".join(cookies)))
    lines = [b"GET " + target + b" HTTP/1.1", *(b"%b: %b" % field for field in (*kept, *ADDED))]
    return b"\r\n".join([*lines, b"", b""])


class Credit:
    """A connection of zttp, with the flow control of each stream in our hands (RFC 9113, section 5.2).

    zttp returns credit to the client as soon as bytes have arrived. Of a stream that nobody reads, the
    WINDOW_UPDATE frames are withheld: what has arrived cannot become more than its window, and the other
    streams go on.

    Attributes:
        withheld: bytes by stream.
    """

    def __init__(self, conn: Any) -> None:
        self._conn: Any = conn
        self.withheld: dict[int, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)

    def data_to_send(self) -> bytes:
        data: bytes = self._conn.data_to_send()
        return b"".join(self._without_credit(data)) if data and self.withheld else data

    def withhold(self, stream_id: int) -> None:
        self.withheld.setdefault(stream_id, 0)

    def grant(self, stream_id: int) -> bytes:
        """Return the frame that gives a stream what was withheld from it."""
        size = self.withheld.pop(stream_id, 0)
        if not size:
            return b""
        return b"\0\0\4\x08\0" + stream_id.to_bytes(4, "big") + size.to_bytes(4, "big")

    def _without_credit(self, data: bytes) -> Iterator[bytes]:
        kept = start = 0
        while start < len(data):
            end = start + FRAME_HEADER + int.from_bytes(data[start : start + 3], "big")
            stream_id = int.from_bytes(data[start + 5 : start + FRAME_HEADER], "big")
            if data[start + 3] == WINDOW_UPDATE and stream_id in self.withheld:
                self.withheld[stream_id] += int.from_bytes(data[start + FRAME_HEADER : end], "big")
                yield data[kept:start]
                kept = end
            start = end
        yield data[kept:]
