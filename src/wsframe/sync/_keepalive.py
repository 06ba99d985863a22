"""The keep-alive of a connection: Pings (RFC 6455, 5.5.2), and closing when the peer is silent."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._endpoint import Endpoint


class KeepAlive:
    """Sends a Ping at an interval, and closes a connection whose peer is silent.

    A peer is alive while bytes arrive from it, and while reading is paused because the application is behind.
    It is not alive if it reads nothing of what we send, however much it sends itself.

    Args:
        connection: the one to keep alive.
        interval: seconds between Pings; None for none.
        timeout: seconds of silence after a Ping; None for no limit.
    """

    __slots__ = ("_check_at", "_connection", "_interval", "_next", "_pong", "_seen", "_timeout")

    def __init__(self, connection: Endpoint, interval: float | None, timeout: float | None) -> None:
        self._connection = connection
        self._interval = interval
        self._timeout = timeout
        self._pong: threading.Event | None = None  # that is waited for
        self._next = self._check_at = 0.0
        self._seen = (0, 0)

    def start(self) -> None:
        """Send the first Ping an interval from now."""
        self._next = time.monotonic() + (self._interval or 0)

    def work(self) -> float | None:
        """Do what is due; return the seconds until the next step, or None."""
        if self._interval is None or not self._connection._is_open:
            return None
        now = time.monotonic()
        if self._pong is not None and self._pong.is_set():
            self._pong = None
        if self._pong is not None and now >= self._check_at:
            if not self._is_alive():
                self._connection._keepalive_failed()
                return None
            self._check_again(now)
        if self._pong is None and now >= self._next:
            self._next = now + self._interval
            pong = self._connection._send_keepalive()
            if self._timeout is not None:
                self._pong = pong
                self._check_again(now)
        due = self._next if self._pong is None else self._check_at
        return max(due - now, 0.0)

    def _check_again(self, now: float) -> None:
        assert self._timeout is not None
        self._check_at = now + self._timeout
        self._seen = self._connection._reads, self._connection._outbox.progress

    def _is_alive(self) -> bool:
        connection = self._connection
        reads, progress = self._seen
        takes_nothing = not connection._outbox.empty and connection._outbox.progress == progress
        return not takes_nothing and (connection._reads != reads or not connection._has_room)
