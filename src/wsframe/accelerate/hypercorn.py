"""hypercorn: what it does for each message besides wsproto's work.

The message that comes in one frame, within the limit, goes to the application without the buffer made for
fragments, and its answer to the wire without an event of wsproto. On asyncio, waiting for data without a time
limit needs no timer, and the answers to many messages of one read leave together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from ._hold import hold
from ._host import Host, Part, Replacement
from ._known import HELLO, MASKED_HELLO, run
from ._slot import require
from .wsproto._send import whole_message

__all__ = ["HOST"]

STREAM = "hypercorn.protocol.ws_stream"
SERVER = "hypercorn.asyncio.tcp_server"


class Asyncio:
    """asyncio, with a shorter way to wait for ever."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    def wait_for(awaitable: Any, timeout: float | None) -> Any:
        return awaitable if timeout is None else asyncio.wait_for(awaitable, timeout)


def _replacements() -> Iterable[Replacement]:
    require("wsproto")
    ws_stream = import_module(STREAM)
    yield ws_stream.WSStream, "_handle_events", _handle_events(ws_stream)
    yield ws_stream.WSStream, "app_send", _app_send(ws_stream)


def _handle_events(ws_stream: Any) -> Callable[..., Coroutine[Any, Any, None]]:
    """Make `WSStream._handle_events`."""
    original = ws_stream.WSStream._handle_events
    TextMessage, BytesMessage = ws_stream.TextMessage, ws_stream.BytesMessage

    async def _handle_events(self: Any) -> None:
        events, writer = self.connection.events(), None
        for event in events:
            kind, buffer = type(event), self.buffer
            if (
                (kind is TextMessage or kind is BytesMessage)
                and event.message_finished
                and buffer.value is None
                and len(event.data) <= buffer.max_length
            ):
                text, octets = (event.data, None) if kind is TextMessage else (None, bytes(event.data))
                await self.app_put({"type": "websocket.receive", "bytes": octets, "text": text})
                if writer is not None:
                    hold(writer.transport, asyncio.get_running_loop(), (writer, "_transport"))
                elif self.connection._proto._frame_decoder.buffer.buffer:  # not the only one of its read
                    writer = _writer_of(self)
            else:
                # Put it back, for the other code to take all that is left.
                events.close()
                self.connection._events.appendleft(event)
                await original(self)
                return

    return _handle_events


def _writer_of(stream: Any) -> Any:
    """The StreamWriter below a WebSocket of HTTP/1.1 on asyncio; None for any other."""
    protocol = getattr(stream.send, "__self__", None)
    server = getattr(getattr(protocol, "send", None), "__self__", None)
    if type(protocol).__module__ != "hypercorn.protocol.h11" or type(server).__module__ != SERVER:
        return None
    return server.writer  # type: ignore[union-attr]


def _app_send(ws_stream: Any) -> Callable[..., Coroutine[Any, Any, None]]:
    """Make `WSStream.app_send`."""
    original, frame_of = ws_stream.WSStream.app_send, whole_message()
    CONNECTED, Data = ws_stream.ASGIWebsocketState.CONNECTED, ws_stream.Data

    async def app_send(self: Any, message: Any) -> None:
        if (
            message is not None
            and not self.closed
            and self.state is CONNECTED
            and message["type"] == "websocket.send"
        ):
            kind: type = bytes
            data = message.get("bytes")
            if data is None:
                data, kind = message["text"], str
            frame = frame_of(self.connection, data) if type(data) is kind else None
            if frame is not None:
                await self.send(Data(stream_id=self.stream_id, data=frame))
                return
        await original(self, message)

    return app_send


def _server_replacements() -> Iterable[Replacement]:
    yield import_module(SERVER), "asyncio", Asyncio()


def _prove() -> None:
    from wsproto.connection import Connection, ConnectionType

    ws_stream = import_module(STREAM)
    to_app: list[Any] = []
    to_wire: list[Any] = []

    async def app_put(message: Any) -> None:
        to_app.append(message)

    async def send(event: Any) -> None:
        to_wire.append(event)

    config = import_module("hypercorn.config").Config()
    stream = ws_stream.WSStream(None, config, None, None, False, None, None, send, 1)
    stream.app_put = app_put
    stream.state = ws_stream.ASGIWebsocketState.CONNECTED
    stream.connection = Connection(ConnectionType.SERVER)
    stream.handshake = ws_stream.Handshake([], "1.1")
    stream.handshake.accepted = True
    vars(stream.buffer).update(extend=_long_way)
    vars(stream.connection).update(send=_long_way)
    run(stream.handle(ws_stream.Data(stream_id=1, data=MASKED_HELLO)))
    run(stream.app_send({"type": "websocket.send", "text": "Hello"}))
    if to_app != [{"type": "websocket.receive", "bytes": None, "text": "Hello"}] or to_wire != [
        ws_stream.Data(stream_id=1, data=HELLO)
    ]:
        raise RuntimeError("a wrong answer")


def _long_way(*_: object) -> Any:
    raise RuntimeError("the code of hypercorn answered")


def _prove_server() -> None:
    server = import_module(SERVER)
    events = import_module("hypercorn.events")
    handled: list[Any] = []
    ends = iter([False, True])

    async def read(size: int) -> bytes:
        return b"data"

    async def handle(event: Any) -> None:
        handled.append(event)

    connection = SimpleNamespace(
        config=SimpleNamespace(read_timeout=None),
        protocol=SimpleNamespace(handle=handle),
        reader=SimpleNamespace(at_eof=lambda: next(ends), read=read),
    )
    if not isinstance(server.asyncio, Asyncio):
        _long_way()
    run(server.TCPServer._read_data(connection))
    if handled != [events.RawData(b"data"), events.Closed()]:
        raise RuntimeError("a wrong answer")


HOST = Host(
    name="hypercorn",
    first=(0, 18),
    below=(0, 19),
    modules=(STREAM,),
    replacements=_replacements,
    prove=_prove,
    parts=(Part(modules=(SERVER,), replacements=_server_replacements, prove=_prove_server),),
    coalesces=True,
)
