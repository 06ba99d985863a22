"""uvicorn --ws websockets-sansio: what it does for each message besides the work of websockets."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from ..._backend import encode_binary, encode_text
from .._host import Part, Replacement
from .._known import HELLO, run
from .._slot import require
from ._proof import EVENTS, long_way
from ._reading import TRANSPORT, queued

__all__ = ["PART"]

MODULE = "uvicorn.protocols.websockets.websockets_sansio_impl"


def _replacements() -> Iterable[Replacement]:
    require("websockets")
    Protocol = import_module(MODULE).WebSocketsSansIOProtocol
    yield Protocol, "handle_events", _handle_events(Protocol)
    yield Protocol, "send", _send(Protocol)


def _handle_events(Protocol: Any) -> Callable[[Any], None]:
    """Make `WebSocketsSansIOProtocol.handle_events`."""
    from websockets.frames import Frame, Opcode

    original, TEXT, BINARY = Protocol.handle_events, Opcode.TEXT, Opcode.BINARY

    def handle_events(self: Any) -> None:
        conn = self.conn
        if type(self) is not Protocol:
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
    from ..websockets._protocol import is_plain

    original = Protocol.send

    async def send(self: Any, message: Any) -> None:
        conn = self.conn
        if (
            message["type"] == "websocket.send"
            and self.writable.is_set()
            and self.handshake_complete
            and self.initial_response is None
            and not (self.disconnected or self.close_sent or conn.writes)
            and is_plain(conn, b"")
        ):
            frame = frame_of(message.get("bytes"), message.get("text"))
            if frame is not None:
                self.transport.write(frame)
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
    from asyncio import Event, Queue

    from websockets.frames import Frame, Opcode
    from websockets.protocol import SERVER, Protocol

    from ..websockets._protocol import QUIET

    impl: Any = import_module(MODULE)
    written: list[bytes] = []
    later: list[Any] = []
    conn: Any = Protocol(SERVER, logger=QUIET)
    conn.send_text = conn.send_binary = long_way
    conn.events += [Frame(Opcode.TEXT, b"text"), Frame(Opcode.BINARY, b"bytes")]
    transport: Any = TRANSPORT.__new__(TRANSPORT)
    vars(transport).update(_sock=None, pause_reading=long_way, write=written.append)
    protocol: Any = impl.WebSocketsSansIOProtocol.__new__(impl.WebSocketsSansIOProtocol)
    vars(protocol).update(
        close_sent=False,
        conn=conn,
        disconnected=False,
        handshake_complete=True,
        initial_response=None,
        loop=SimpleNamespace(call_soon=lambda *call: later.append(call)),
        queue=Queue(),
        read_paused=False,
        send_receive_event_to_app=long_way,
        transport=transport,
        writable=Event(),
    )
    protocol.writable.set()
    protocol.handle_events()
    run(protocol.send({"type": "websocket.send", "text": "Hello"}))
    received = [protocol.queue.get_nowait() for _ in range(protocol.queue.qsize())]
    if written != [HELLO] or received != EVENTS:
        raise RuntimeError("a wrong answer")


PART = Part(modules=(MODULE,), replacements=_replacements, prove=_prove)
