"""The keep-alive of a connection: Pings (RFC 6455, 5.5.2), and an end for a peer that is silent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import Connection


class KeepAlive:
    """Sends a Ping an interval after the last one, and ends a connection whose peer is silent.

    A peer is alive while bytes arrive from it, be they a Pong or a part of a message that takes
    long, and while it is us who do not read because the application is behind.  It is not if it takes
    nothing of what we send, however much it sends itself.

    Args:
        connection: its `_ping` sends, its `_keepalive_failed` ends the connection.
        interval: seconds between Pings; None for none.
        timeout: seconds of silence after a Ping; None to wait for ever.
    """

    __slots__ = ("_connection", "_interval", "_timeout", "_unsent", "timer")

    def __init__(self, connection: Connection, interval: float | None, timeout: float | None) -> None:
        self._connection = connection
        self._interval = interval
        self._timeout = timeout
        self._unsent: int | None = None  # what the peer had not taken at the last look, if it was behind
        self.timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Send the first Ping an interval from now."""
        if self._interval is not None:
            self._call_later(self._interval)

    def stop(self) -> None:
        """Send no more Pings, and wait for none."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _call_later(self, seconds: float) -> None:
        self.stop()
        self.timer = self._connection._loop.call_later(seconds, self._send)

    def _send(self) -> None:
        connection = self._connection
        self.timer = None
        if not connection._is_open:
            return
        self._takes_nothing()
        connection._received_any = False
        pong = connection._ping(None)
        if self._timeout is None:
            assert self._interval is not None
            self._call_later(self._interval)
        else:
            self.timer = connection._loop.call_later(self._timeout, self._check)
            pong.add_done_callback(self._received)

    def _received(self, pong: asyncio.Future[float]) -> None:
        """The Pong came in time: the next Ping leaves an interval after the last one."""
        if self.timer is not None and self._connection._is_open:
            assert self._interval is not None
            self._call_later(max(0.0, self._interval - pong.result()))

    def _check(self) -> None:
        """The Pong is late."""
        connection = self._connection
        self.timer = None
        if not self._takes_nothing() and (connection._received_any or connection._is_behind):
            assert self._timeout is not None
            connection._received_any = False
            self.timer = connection._loop.call_later(self._timeout, self._check)
        else:
            connection._keepalive_failed()

    def _takes_nothing(self) -> bool:
        """Tell whether the peer is behind, and has not taken a byte since this was last called."""
        before = self._unsent
        self._unsent = self._connection._unsent_size if self._connection.congested else None
        return before is not None and self._unsent is not None and self._unsent >= before
