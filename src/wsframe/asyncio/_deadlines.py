"""One timer of the loop for all connections whose opening handshake has to be done at about the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._opening import ServerConnection

# How late a deadline may be noticed: seconds, or this part of the time-out if that is less.
LATE = 0.25
LATE_PART = 1 / 32


class Deadlines:
    """Calls `_open_timed_out` of connections, unless they are discarded before their deadline.

    A timer of asyncio for each of them costs more than all that is read of a request, and nearly all are
    cancelled. Here deadlines are rounded up, so that many connections share one.

    Args:
        loop: the event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._connections: dict[float, set[ServerConnection]] = {}
        self._timers: dict[float, asyncio.TimerHandle] = {}

    def add(self, connection: ServerConnection, at: float, timeout: float) -> float:
        """Add a connection.

        Args:
            connection: to call.
            at: the deadline, in the time of the loop.
            timeout: seconds that ended with it, which say how far it may be rounded up.

        Returns:
            The deadline that it has now, for `discard`.
        """
        step = min(LATE, timeout * LATE_PART)
        deadline = at - at % step + step
        connections = self._connections.get(deadline)
        if connections is None:
            connections = self._connections[deadline] = set()
            self._timers[deadline] = self._loop.call_at(deadline, self._expire, deadline)
        connections.add(connection)
        return deadline

    def discard(self, connection: ServerConnection, deadline: float) -> None:
        """Remove a connection, if it is still there."""
        connections = self._connections.get(deadline)
        if connections is not None:
            connections.discard(connection)

    def close(self) -> None:
        """Cancel the timers: all connections are closed."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._connections.clear()

    def _expire(self, deadline: float) -> None:
        del self._timers[deadline]
        for connection in self._connections.pop(deadline):
            self._loop.call_soon(connection._open_timed_out)  # if one fails, the others are called
