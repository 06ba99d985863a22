"""uvicorn --ws websockets-sansio: what it does for each message besides the work of websockets."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import wraps
from importlib import import_module
from typing import Any

from ...._backend import encode_binary, encode_text
from ...host import Part, PassedBy, Replacement
from ...ownership import watch
from ...slot import require
from .._shared.coalesce import OUTPUT
from .._shared.proof import QUIET
from ..websockets.bypassed import PACKAGES, PROTOCOL_CLASS as CONN_CLASS
from .proof import LONG_WAY, Stage
from .reading import output_of_protocol, queued

__all__ = ["PART"]

MODULE = "uvicorn.protocols.websockets.websockets_sansio_impl"

PROTOCOL_CLASS = f"{MODULE}:WebSocketsSansIOProtocol"
RECEIVING: tuple[PassedBy, ...] = (
    (PROTOCOL_CLASS, ("handle_events", "handle_text", "handle_bytes", "send_receive_event_to_app")),
)
SENDING: tuple[PassedBy, ...] = ((CONN_CLASS, ("send_text", "send_binary", "data_to_send")),)


def _replacements() -> Iterable[Replacement]:
    require("websockets")
    Protocol = import_module(MODULE).WebSocketsSansIOProtocol
    yield Protocol, "handle_events", _handle_events(Protocol)
    yield Protocol, "send", _send(Protocol)


def _handle_events(Protocol: Any) -> Callable[[Any], None]:
    """Make `WebSocketsSansIOProtocol.handle_events`."""
    from websockets.frames import Frame, Opcode

    original, TEXT, BINARY = Protocol.handle_events, Opcode.TEXT, Opcode.BINARY
    passed = watch(("uvicorn",), RECEIVING, PROTOCOL_CLASS)

    @wraps(original)
    def handle_events(self: Any) -> None:
        conn = self.conn
        if not passed.holds(self):
            original(self)
            return
        events, taken = conn.events_received(), 0
        for event in events:
            whole = type(event) is Frame and event.fin and not self.close_sent
            message = message_of(event.opcode, event.data) if whole else None
            if message is None:
                break
            self.queue.put_nowait(message)
            taken += 1
        if taken:
            queued(self, taken)
        if taken < len(events):
            conn.events[:0] = events[taken:]  # the other code takes all that is left
            original(self)

    def message_of(opcode: Any, data: Any) -> dict[str, Any] | None:
        if opcode is BINARY:
            return {"type": "websocket.receive", "bytes": data}
        try:
            return {"type": "websocket.receive", "text": data.decode()} if opcode is TEXT else None
        except UnicodeDecodeError:
            return None

    return handle_events


def _send(Protocol: Any) -> Callable[..., Coroutine[Any, Any, None]]:
    """Make `WebSocketsSansIOProtocol.send`."""
    from ..websockets.protocol import is_plain

    original = Protocol.send
    passed = watch(PACKAGES, SENDING, CONN_CLASS)

    @wraps(original)
    async def send(self: Any, message: Any) -> None:
        conn = self.conn
        if (
            message["type"] == "websocket.send"
            and self.writable.is_set()
            and self.handshake_complete
            and self.initial_response is None
            and not (self.disconnected or self.close_sent or conn.writes)
            and passed.holds(conn)
            and is_plain(conn, b"")
        ):
            frame = frame_of(message.get("bytes"), message.get("text"))
            if frame is not None:
                output = self.__dict__.get(OUTPUT)
                if output is None or output.target is not self.transport:
                    output = output_of_protocol(self)
                output.write(frame)
                return
        await original(self, message)

    def frame_of(octets: Any, text: Any) -> bytes | None:
        if octets is not None:
            return encode_binary(octets) if type(octets) is bytes else None
        try:
            return encode_text(text) if type(text) is str else None
        except UnicodeEncodeError:
            return None

    return send


def _prove() -> None:
    from websockets.frames import Frame, Opcode
    from websockets.protocol import SERVER, Protocol

    conn: Any = Protocol(SERVER, logger=QUIET)
    conn.send_text = conn.send_binary = LONG_WAY
    conn.events += [Frame(Opcode.TEXT, b"text"), Frame(Opcode.BINARY, b"bytes")]
    stage = Stage(
        import_module(MODULE).WebSocketsSansIOProtocol,
        conn=conn,
        send_receive_event_to_app=LONG_WAY,
    )
    stage.protocol.handle_events()
    stage.prove()


PART = Part(modules=(MODULE,), replacements=_replacements, prove=_prove, passes_by=RECEIVING + SENDING)
