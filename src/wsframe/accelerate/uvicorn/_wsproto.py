"""uvicorn --ws wsproto: what it does for each message besides wsproto's work."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from .._host import Part, Replacement
from .._known import HELLO, run
from .._slot import require
from ..wsproto._send import whole_message
from ._proof import EVENTS, long_way
from ._reading import TRANSPORT, queued

__all__ = ["PART"]

MODULE = "uvicorn.protocols.websockets.wsproto_impl"
WIDEST = 4  # bytes of UTF-8 a character takes at most


def _replacements() -> Iterable[Replacement]:
    require("wsproto")
    impl = import_module(MODULE)
    yield impl.WSProtocol, "handle_message", _handle_message(impl)
    yield impl.WSProtocol, "send", _send_message(impl)


def _handle_message(impl: Any) -> Callable[..., None]:
    """Make `WSProtocol.handle_message`."""
    original = impl.WSProtocol.handle_message
    TextMessage, BytesMessage = impl.events.TextMessage, impl.events.BytesMessage

    def handle_message(self: Any, event: Any) -> None:
        data, kind, most = event.data, type(event), self.buffer.max_length
        if self.buffer.value is None and event.message_finished:
            if kind is TextMessage and len(data) * WIDEST <= most:
                self.queue.put_nowait({"type": "websocket.receive", "text": data})
            elif kind is BytesMessage and type(data) is bytes and len(data) <= most:
                self.queue.put_nowait({"type": "websocket.receive", "bytes": data})
            else:
                original(self, event)
                return
            queued(self)
        else:
            original(self, event)

    return handle_message


def _send_message(impl: Any) -> Callable[..., Coroutine[Any, Any, None]]:
    """Make `WSProtocol.send`."""
    original, frame_of = impl.WSProtocol.send, whole_message()

    async def send(self: Any, message: Any) -> None:
        if (
            message.get("type") == "websocket.send"
            and self.handshake_complete
            and not self.close_sent
            and not self.response_started
            and not self.disconnected
            and self.writable.is_set()
        ):
            octets = message.get("bytes")
            frame = frame_of(self.conn.connection, message.get("text") if octets is None else octets)
            if frame is not None:
                if not self.transport.is_closing():
                    self.transport.write(frame)
                return
        await original(self, message)

    return send


def _prove() -> None:
    from asyncio import Event, Queue

    from wsproto.connection import Connection, ConnectionType

    impl: Any = import_module(MODULE)
    later: list[Any] = []
    written: list[bytes] = []
    transport: Any = TRANSPORT.__new__(TRANSPORT)
    vars(transport).update(_sock=None, is_closing=lambda: False, pause_reading=long_way, write=written.append)
    protocol: Any = impl.WSProtocol.__new__(impl.WSProtocol)
    vars(protocol).update(
        buffer=impl.WebsocketBuffer(100),
        close_sent=False,
        conn=SimpleNamespace(connection=Connection(ConnectionType.SERVER), send=long_way),
        disconnected=False,
        handshake_complete=True,
        loop=SimpleNamespace(call_soon=lambda *call: later.append(call)),
        queue=Queue(),
        read_paused=False,
        response_started=False,
        transport=transport,
        writable=Event(),
    )
    protocol.writable.set()
    protocol.handle_message(impl.events.TextMessage("text"))
    protocol.handle_message(impl.events.BytesMessage(b"bytes"))
    run(protocol.send({"type": "websocket.send", "text": "Hello"}))
    received = [protocol.queue.get_nowait() for _ in range(protocol.queue.qsize())]
    ((callback, *values),) = later
    protocol.read_paused = False
    callback(*values)
    if written != [HELLO] or received != EVENTS:
        raise RuntimeError("a wrong answer")


PART = Part(modules=(MODULE,), replacements=_replacements, prove=_prove)
