"""Receiving: from the events of a WebSocket to the application."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from importlib import import_module
from typing import Any

from ...._backend import take_message
from ...host import Host
from ..wsproto import HOST as WSPROTO
from ..wsproto.receive import make_whole_frames
from .bypassed import RECEIVING, STREAM, STREAM_CLASS
from .waiting import Queue

Method = Callable[..., Coroutine[Any, Any, None]]

ws_stream: Any = import_module(STREAM)
TextMessage: Any = ws_stream.TextMessage
BytesMessage: Any = ws_stream.BytesMessage

# Of the event loop: the application takes from its queue in one, and the next messages come in the other.
ITERATIONS = 2


def handle_events(original: Method, host: Host) -> Method:
    messages_of = whole_messages()
    watched = host.watch(RECEIVING, STREAM_CLASS)

    async def _handle_events(self: Any) -> None:
        connection, buffer, writer = self.connection, self.buffer, getattr(self, "_wsframe_writer", None)
        if buffer.value is not None or not watched.holds(self):
            await original(self)
            return
        unread = connection._proto._frame_decoder.buffer.buffer
        queue: Any = getattr(self.app_put, "__self__", None)
        known, first, waited = type(queue) is Queue, True, False
        for message in messages_of(connection):
            if first and not unread:
                if writer is not None:
                    writer.received()
                writer = None  # nothing to coalesce
            if len(message) > buffer.max_length:
                kind = TextMessage if type(message) is str else BytesMessage
                connection._events.appendleft(kind(message))
                break
            text, octets = (message, None) if type(message) is str else (None, bytes(message))
            item = {"type": "websocket.receive", "bytes": octets, "text": text}
            if known and not queue.full():
                queue.put_nowait(item)
                if first and writer is not None:
                    writer.join()
            else:
                if writer is not None:
                    writer.join(ITERATIONS)
                waited = True
                await self.app_put(item)
            first = False
        if waited and writer is not None:
            writer.join(1)  # for the replies to the last
        if unread or connection._events:
            await original(self)

    return _handle_events


def whole_messages() -> Callable[[Any], Iterator[Any]]:
    """Make a generator of the messages that come in one frame each; `Connection.events` has the rest."""
    buffer_of = make_whole_frames(WSPROTO)

    def whole_messages(connection: Any) -> Iterator[Any]:
        buffer = buffer_of(connection)
        if buffer is not None:
            while (message := take_message(buffer, True)) is not None:
                yield message
            return
        events = connection.events()
        for event in events:
            kind = type(event)
            if (kind is not TextMessage and kind is not BytesMessage) or not event.message_finished:
                events.close()
                connection._events.appendleft(event)
                return
            yield event.data

    return whole_messages
