"""uvicorn --ws wsproto: what it does for each message besides wsproto's work."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import wraps
from importlib import import_module
from typing import Any

from ...host import Part, PassedBy, Replacement
from ...ownership import watch
from ...slot import require
from .._shared.coalesce import OUTPUT
from .._shared.proof import alter
from ..wsproto.bypassed import MESSAGES, PACKAGES
from ..wsproto.send import whole_message
from .proof import LONG_WAY, Stage
from .reading import output_of_protocol, queued

__all__ = ["PART"]

MODULE = "uvicorn.protocols.websockets.wsproto_impl"
PROTOCOL_CLASS = f"{MODULE}:WSProtocol"
RECEIVING: tuple[PassedBy, ...] = (
    (PROTOCOL_CLASS, ("handle_message",)),
    (f"{MODULE}:WebsocketBuffer", ("extend", "to_message", "clear")),
)
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
    passed = watch(("uvicorn",), RECEIVING, PROTOCOL_CLASS)

    @wraps(original)
    def handle_message(self: Any, event: Any) -> None:
        data, kind, most = event.data, type(event), self.buffer.max_length
        if self.buffer.value is None and event.message_finished and passed.holds(self):
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

    passed = watch(PACKAGES, MESSAGES)

    @wraps(original)
    async def send(self: Any, message: Any) -> None:
        if (
            message.get("type") == "websocket.send"
            and self.handshake_complete
            and not self.close_sent
            and not self.response_started
            and not self.disconnected
            and self.writable.is_set()
            and passed.holds()
        ):
            octets = message.get("bytes")
            frame = frame_of(self.conn.connection, message.get("text") if octets is None else octets)
            if frame is not None:
                if not self.transport.is_closing():
                    output = self.__dict__.get(OUTPUT)
                    if output is None or output.target is not self.transport:
                        output = output_of_protocol(self)
                    output.write(frame)
                return
        await original(self, message)

    return send


def _prove() -> None:
    from wsproto.connection import Connection, ConnectionType

    impl: Any = import_module(MODULE)
    stage = Stage(impl.WSProtocol)
    alter(stage.protocol.conn, connection=Connection(ConnectionType.SERVER), send=LONG_WAY)
    stage.protocol.handle_message(impl.events.TextMessage("text"))
    stage.protocol.handle_message(impl.events.BytesMessage(b"bytes"))
    stage.prove()


PART = Part(modules=(MODULE,), replacements=_replacements, prove=_prove, passes_by=RECEIVING)
