"""Receiving: from the events of the library below to the queue of the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...host import Host
from .bypassed import SANSIO_CLASS, SANSIO_RECEIVING, WSPROTO_CLASS, WSPROTO_RECEIVING
from .reading import queued

MAX_UTF8_SIZE = 4  # bytes that a character takes at most


def handle_message(original: Callable[..., None], host: Host) -> Callable[..., None]:
    """Replace that of the class on wsproto."""
    from wsproto.events import BytesMessage, TextMessage

    watched = host.watch(WSPROTO_RECEIVING, WSPROTO_CLASS)

    def handle_message(self: Any, event: Any) -> None:
        data, kind, most = event.data, type(event), self.buffer.max_length
        if self.buffer.value is None and event.message_finished and watched.holds(self):
            if kind is TextMessage and len(data) * MAX_UTF8_SIZE <= most:
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


def handle_events(original: Callable[[Any], None], host: Host) -> Callable[[Any], None]:
    """Replace that of the class on websockets without I/O."""
    from websockets.frames import Frame, Opcode

    TEXT, BINARY = Opcode.TEXT, Opcode.BINARY
    watched = host.watch(SANSIO_RECEIVING, SANSIO_CLASS)

    def handle_events(self: Any) -> None:
        conn = self.conn
        if not watched.holds(self):
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
            conn.events[:0] = events[taken:]  # the original code takes all that is left
            original(self)

    def message_of(opcode: Any, data: Any) -> dict[str, Any] | None:
        if opcode is BINARY:
            return {"type": "websocket.receive", "bytes": data}
        try:
            return {"type": "websocket.receive", "text": data.decode()} if opcode is TEXT else None
        except UnicodeDecodeError:
            return None

    return handle_events
