"""Receiving: a message that is queued already, without the steps of a wait.

When a wait ends with more than one message, the replies to them are coalesced.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from ...host import Host
from .._shared.coalesce import join, received
from .kinds import message_types, queue_class

Receive = Callable[..., Coroutine[Any, Any, Any]]

ORIGINALS: dict[Any, Receive] = {}  # by our `receive`


def receive_resets_heartbeat() -> bool:
    """Tell whether `receive` moves the time of the next Ping: since 3.14 the arrival of bytes does."""
    from aiohttp.client_ws import ClientWebSocketResponse

    return not hasattr(ClientWebSocketResponse, "_on_data_received")


def receive(original: Receive, _: Host) -> Receive:
    WSMsgType, Queue = message_types(), queue_class()
    TEXT, BINARY = WSMsgType.TEXT, WSMsgType.BINARY
    resets = receive_resets_heartbeat()

    # The condition is repeated in `__anext__`: a call would cost a tenth of what they save.
    async def receive(self: Any, timeout: Any = None) -> Any:
        queue = self._reader
        if (
            type(queue) is Queue
            and (waiting := queue._buffer)
            and not (self._waiting or self._closing or self._closed)
            and ((kind := waiting[0][0][0]) is TEXT or kind is BINARY)
            and not queue._protocol._reading_paused  # else the original code has more to do
        ):
            message = await queue.read()
            if resets:
                self._reset_heartbeat()
            return message
        message = await original(self, timeout)
        if type(queue) is Queue:
            reply_together(self, queue)
        return message

    ORIGINALS[receive] = original
    return receive


def receive_next(original: Receive, _: Host) -> Receive:
    WSMsgType, Queue = message_types(), queue_class()
    TEXT, BINARY = WSMsgType.TEXT, WSMsgType.BINARY
    resets = receive_resets_heartbeat()
    ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)

    async def __anext__(self: Any) -> Any:
        queue = self._reader
        wait = ORIGINALS.get(type(self).receive)
        if wait is None:  # of another task
            message = await self.receive()
        elif (
            type(queue) is Queue
            and (waiting := queue._buffer)
            and not (self._waiting or self._closing or self._closed)
            and ((kind := waiting[0][0][0]) is TEXT or kind is BINARY)
            and not queue._protocol._reading_paused
        ):
            message = await queue.read()
            if resets:
                self._reset_heartbeat()
            return message
        else:
            message = await wait(self)
            if type(queue) is Queue:
                reply_together(self, queue)
        if message.type in ENDS:
            raise StopAsyncIteration
        return message

    return __anext__


def reply_together(self: Any, queue: Any) -> None:
    """Coalesce the replies to the messages that arrived with the awaited one."""
    writer = self._writer
    if writer is None:
        return
    if queue._buffer:
        join(writer, writer.transport, self._loop, (writer, "transport"), (writer.protocol, "transport"))
    else:
        received(writer)
