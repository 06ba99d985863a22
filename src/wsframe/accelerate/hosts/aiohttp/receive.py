"""Receiving: a message that waits in the queue already, without the steps of a wait.

Where a wait ends with more than one message, the replies to them leave together.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from .._shared.coalesce import join, received

Receive = Callable[..., Coroutine[Any, Any, Any]]


def receive_methods(Socket: Any) -> dict[str, Receive]:
    """Make the `receive` and `__anext__` of a client's or a server's class."""
    from aiohttp._websocket.models import WSMsgType
    from aiohttp._websocket.reader import WebSocketDataQueue

    TEXT, BINARY = WSMsgType.TEXT, WSMsgType.BINARY
    ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
    original: Receive = Socket.receive

    # The condition stands in both: a call would cost a tenth of what they save.
    @wraps(original)
    async def receive(self: Any, timeout: Any = None) -> Any:
        queue = self._reader
        if (
            type(queue) is WebSocketDataQueue
            and (waiting := queue._buffer)
            and not (self._waiting or self._closing or self._closed)
            and ((kind := waiting[0][0][0]) is TEXT or kind is BINARY)
            and not queue._protocol._reading_paused  # or this read would have more to do
        ):
            return await queue.read()
        message = await original(self, timeout)
        reply_together(self, queue)
        return message

    @wraps(Socket.__anext__)
    async def __anext__(self: Any) -> Any:
        queue = self._reader
        if type(self).receive is not receive:
            message = await self.receive()
        elif (
            type(queue) is WebSocketDataQueue
            and (waiting := queue._buffer)
            and not (self._waiting or self._closing or self._closed)
            and ((kind := waiting[0][0][0]) is TEXT or kind is BINARY)
            and not queue._protocol._reading_paused
        ):
            return await queue.read()
        else:
            message = await original(self)
            reply_together(self, queue)
        if message.type in ENDS:
            raise StopAsyncIteration
        return message

    def reply_together(self: Any, queue: Any) -> None:
        """Join the replies to the messages that came with the one that was waited for."""
        writer = self._writer
        if type(queue) is not WebSocketDataQueue or writer is None:
            return
        if queue._buffer:
            join(writer, writer.transport, self._loop, (writer, "transport"), (writer.protocol, "transport"))
        else:
            received(writer)

    return {"receive": receive, "__anext__": __anext__}
