"""A message that is received in fragments, as they arrive: what `recv_streaming` waits for."""

# Rules of a MessageStream.
#
# 1. It is made while no message is queued and nobody waits for one. From then on it is the listener of the
#    connection, so nothing is queued; the first message is its own, the others wait behind that.
# 2. `_waiter` of the connection is a future of its own to the end of its message, so that `recv` raises.
# 3. It keeps about HIGH_WATER bytes: over that the connection does not read.
# 4. Once its last fragment was taken, the connection is as it was, with the messages behind it queued.

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from .._spec import ONE_MESSAGE, Fragment
from ..connection import State

if TYPE_CHECKING:
    from .connection import Connection


class MessageStream:
    """The fragments of one message, and the messages behind it.

    Args:
        connection: it has queued no message.
    """

    __slots__ = (
        "_behind",
        "_connection",
        "_fragments",
        "_guard",
        "_high_water",
        "_joining",
        "_ready",
        "_size",
    )

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._fragments: deque[Fragment] = deque()
        self._behind: list[str | bytes] = []
        self._size = 0  # of all of them
        self._high_water = connection._high_water
        self._ready: asyncio.Future[None] | None = None  # done when there is a fragment, or the end
        self._joining = False  # nobody takes the fragments: they become a message
        self._guard = connection._make_waiter()
        connection._listener = self
        if connection._decoder is not None:
            connection._decoder.streaming = ONE_MESSAGE
            if connection._decoder.buffered:  # a part of the message has arrived
                connection._schedule_decoding()

    @property
    def full(self) -> bool:
        """Whether the connection must not read more."""
        return self._size > self._high_water and not self._joining

    async def next(self) -> Fragment:
        """Take the next fragment.

        Raises:
            ConnectionClosed: the connection is closed.
        """
        connection = self._connection
        while not self._fragments:
            if connection.state is State.CLOSED:
                raise connection.protocol.closed_error()
            self._ready = connection._loop.create_future()
            await self._ready
        fragment = self._fragments.popleft()
        self._size -= len(fragment.data)
        if fragment.final:
            self._end()
        elif self._size <= self._high_water // 4:
            connection._resume_reading()
        return fragment

    def abandon(self) -> None:
        """Leave the message to the next call that receives: nobody has taken a fragment."""
        connection = self._connection
        if self._fragments:
            self._joining = True
            connection._waiter = None
            self._end_joining()
            connection._resume_reading()
        else:
            if connection._decoder is not None:
                connection._decoder.streaming = 0
            self._end()

    def resume(self) -> None:
        """Receive in fragments again what was abandoned."""
        self._guard = self._connection._make_waiter()
        self._joining = False

    def _end_joining(self) -> None:
        if self._fragments[-1].final:
            parts = [fragment.data for fragment in self._fragments]
            self._behind.insert(0, parts[0][:0].join(parts))  # type: ignore[arg-type]
            self._end()

    def _end(self) -> None:
        connection = self._connection
        connection._listener = None
        if connection._waiter is self._guard:
            connection._waiter = None
        if self._behind:
            connection._enqueue(self._behind, self._size)
        if connection._resume_at_queued < 0:
            connection._resume_reading()

    def _added(self, size: int) -> None:
        self._size += size
        if self.full and not self._connection._drop_excess:
            self._connection._pause_reading()
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)

    # What a listener has.

    def on_fragment(self, ws: Connection, data: str | bytes, final: bool) -> None:
        if ws._drop_excess and self.full:
            return
        self._fragments.append(Fragment(data, final))
        self._added(len(data))
        if self._joining:
            self._end_joining()

    def on_message(self, ws: Connection, message: str | bytes) -> None:
        if ws._drop_excess and self.full:
            return
        self._behind.append(message)
        self._added(len(message))

    def on_pong(self, ws: Connection, data: bytes) -> None:
        pass

    def on_drained(self, ws: Connection) -> None:
        pass

    def on_close(self, ws: Connection) -> None:
        self._added(0)
