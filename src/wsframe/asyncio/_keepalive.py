"""The keep-alive of a connection: Pings (RFC 6455, 5.5.2), and closing when the peer is silent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._endpoint import Endpoint


class KeepAlive:
    """Sends a Ping at an interval, and closes a connection whose peer is silent.

    A peer is alive while bytes arrive from it, a Pong or a part of a long message, and while reading is
    paused because the application is behind.  It is not alive if it reads nothing of what we send,
    however much it sends itself.

    Args:
        connection: `_ping` is called to send a Ping, `_keepalive_failed` to close.
        interval: seconds between Pings.
        timeout: seconds of silence after a Ping; None for no limit.
    """

    __slots__ = ("_connection", "_interval", "_timeout", "_unsent", "timer")

    def __init__(self, connection: Endpoint, interval: float, timeout: float | None) -> None:
        self._connection = connection
        self._interval = interval
        self._timeout = timeout
        self._unsent: int | None = None  # unacknowledged bytes at the last check, if congested
        self.timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Send the first Ping an interval from now."""
        self._call_later(self._interval)

    def stop(self) -> None:
        """Send no more Pings, and cancel the check."""
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
        self._is_stuck()
        connection._received_since_check = False
        pong = connection._ping(None)
        if self._timeout is None:
            self._call_later(self._interval)
        else:
            self.timer = connection._loop.call_later(self._timeout, self._check)
            pong.add_done_callback(self._pong_received)

    def _pong_received(self, pong: asyncio.Future[float]) -> None:
        """The Pong arrived in time: send the next Ping an interval after the last one."""
        if self.timer is not None and self._connection._is_open:
            self._call_later(max(0.0, self._interval - pong.result()))

    def _check(self) -> None:
        """The Pong is late."""
        connection = self._connection
        self.timer = None
        if not self._is_stuck() and (connection._received_since_check or connection._application_is_behind):
            assert self._timeout is not None
            connection._received_since_check = False
            self.timer = connection._loop.call_later(self._timeout, self._check)
        else:
            connection._keepalive_failed()

    def _is_stuck(self) -> bool:
        """Tell whether the connection is congested and the peer has read nothing since the last call."""
        before = self._unsent
        self._unsent = self._connection._unsent_size if self._connection.congested else None
        return before is not None and self._unsent is not None and self._unsent >= before
