"""Receiving: a message that waits in the queue already, without the steps of a wait.

Where a wait ends with more than one message, the answers to them leave together.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from .._hold import hold

Receive = Callable[..., Coroutine[Any, Any, Any]]


def receive_methods(Socket: Any) -> dict[str, Receive]:
    """Make the `receive` and `__anext__` of a client's or a server's class."""
    from aiohttp._websocket.models import WSMsgType
    from aiohttp._websocket.reader import WebSocketDataQueue

    TEXT, BINARY = WSMsgType.TEXT, WSMsgType.BINARY

    def without_a_wait(original: Receive) -> Receive:
        @wraps(original)
        async def next_message(self: Any, timeout: Any = None) -> Any:
            reader = self._reader
            if (
                type(reader) is WebSocketDataQueue
                and reader._buffer
                and not self._waiting
                and not self._closing
                and not self._closed
                and type(self).receive is receive
                and not reader._protocol._reading_paused  # or this read would have more to do
            ):
                kind = reader._buffer[0][0][0]
                if kind is TEXT or kind is BINARY:
                    return await reader.read()
            message = await (original(self) if timeout is None else original(self, timeout))
            writer = self._writer
            if type(reader) is WebSocketDataQueue and reader._buffer and writer is not None:
                hold(writer.transport, self._loop, (writer, "transport"), (writer.protocol, "transport"))
            return message

        return next_message

    receive = without_a_wait(Socket.receive)
    return {"receive": receive, "__anext__": without_a_wait(Socket.__anext__)}
