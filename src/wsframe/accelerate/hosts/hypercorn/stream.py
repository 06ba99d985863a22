"""WSStream, hypercorn's WebSocket: messages to and from the application.

Each function makes the replacement of one method. What is not the common case goes on to the one that was
there.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import wraps
from typing import Any

from ...._backend import take_message
from ...host import Replacement
from ...ownership import watch
from ..wsproto.receive import whole_frames
from ..wsproto.send import whole_message
from .asyncio import Queue
from .bypassed import PACKAGES, RECEIVING, SENDING, STREAM_CLASS
from .wire import wire_of

Method = Callable[..., Coroutine[Any, Any, None]]

# Of the event loop: the application takes from its queue in one, and the next messages come in the other.
ITERATIONS = 2


def replacements(ws_stream: Any) -> Iterable[Replacement]:
    stream = ws_stream.WSStream
    yield stream, "_accept", _accept(stream._accept)
    yield stream, "_handle_events", _handle_events(ws_stream)
    yield stream, "app_send", _app_send(ws_stream)


def _accept(original: Method) -> Method:
    """Make `WSStream._accept`."""

    @wraps(original)
    async def _accept(self: Any, message: Any) -> None:
        await original(self, message)
        self._wsframe_wire = wire_of(self)

    return _accept


def _handle_events(ws_stream: Any) -> Method:
    """Make `WSStream._handle_events`."""
    original, messages_of = ws_stream.WSStream._handle_events, _messages(ws_stream)
    TextMessage, BytesMessage = ws_stream.TextMessage, ws_stream.BytesMessage
    passed = watch(PACKAGES, RECEIVING, STREAM_CLASS)

    @wraps(original)
    async def _handle_events(self: Any) -> None:
        connection, buffer, wire = self.connection, self.buffer, getattr(self, "_wsframe_wire", None)
        if buffer.value is not None or not passed.holds(self):
            await original(self)
            return
        unread = connection._proto._frame_decoder.buffer.buffer
        queue: Any = getattr(self.app_put, "__self__", None)
        known, first, waited = type(queue) is Queue, True, False
        for message in messages_of(connection):
            if first and not unread:
                if wire is not None:
                    wire.received()
                wire = None  # nothing to leave together
            if len(message) > buffer.max_length:
                kind = TextMessage if type(message) is str else BytesMessage
                connection._events.appendleft(kind(message))
                break
            text, octets = (message, None) if type(message) is str else (None, bytes(message))
            item = {"type": "websocket.receive", "bytes": octets, "text": text}
            if known and not queue.full():
                queue.put_nowait(item)
                if first and wire is not None:
                    wire.join()
            else:
                if wire is not None:
                    wire.join(ITERATIONS)
                waited = True
                await self.app_put(item)
            first = False
        if waited and wire is not None:
            wire.join(1)  # for the replies to the last
        if unread or connection._events:
            await original(self)

    return _handle_events


def _messages(ws_stream: Any) -> Callable[[Any], Iterator[Any]]:
    """Make a generator of the messages that come in one frame each; `Connection.events` has the rest."""
    TextMessage, BytesMessage = ws_stream.TextMessage, ws_stream.BytesMessage
    plain = whole_frames()

    def _messages(connection: Any) -> Iterator[Any]:
        buffer = plain(connection)
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

    return _messages


def _app_send(ws_stream: Any) -> Method:
    """Make `WSStream.app_send`."""
    original, frame_of = ws_stream.WSStream.app_send, whole_message()
    CONNECTED, Data = ws_stream.ASGIWebsocketState.CONNECTED, ws_stream.Data
    passed = watch(PACKAGES, SENDING, STREAM_CLASS)

    @wraps(original)
    async def app_send(self: Any, message: Any) -> None:
        if (
            message is not None
            and not self.closed
            and self.state is CONNECTED
            and message["type"] == "websocket.send"
            and passed.holds(self)
        ):
            kind: type = bytes
            data = message.get("bytes")
            if data is None:
                data, kind = message["text"], str
            rest = frame_of(self.connection, data) if type(data) is kind else None
            if rest is not None:
                wire = getattr(self, "_wsframe_wire", None)
                if wire is not None:
                    rest = wire.write(rest)
                if rest is not None:
                    await self.send(Data(stream_id=self.stream_id, data=rest))
                return
        await original(self, message)

    return app_send
