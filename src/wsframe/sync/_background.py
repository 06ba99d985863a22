"""The thread that serves a connection while the application does not receive.

A thread that calls `recv` reads the socket itself: that costs no switch of threads.  While nobody does, this
one watches the socket, reads, replies to Pings and a Close, and queues messages, up to `max_queue` of them.
It waits a short while before it takes over, because most applications call `recv` again soon.  It also sends
the keep-alive Pings, flushes frames that are delayed or that the socket did not take, and closes the socket
in the end, when no other thread uses it any more.  It never waits for the peer to read.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from .._http.logs import ERROR, log
from ._keepalive import KeepAlive
from ._socket import Deadline

if TYPE_CHECKING:
    from ._endpoint import Endpoint

# Seconds after the last read before it watches the socket.
IDLE_TIME = 0.02

# Seconds for which the socket is polled at most: there may be something else to wait for.
MAX_POLL = 1.0

# Seconds that a failing connection waits at most for the replies to earlier messages.
FAIL_DELAY = 1.0

# Seconds for a peer to read the Close after its violation, and to end the connection: bytes that arrive at a
# closed socket reset the connection, and the Close may be lost.
LINGER = 1.0

# Seconds without bytes from the peer after which it gets the end of the stream.
QUIET_TIME = 0.1


class Background:
    """The thread, and how others notify it.

    Args:
        connection: whose socket it watches.
        keepalive: of that connection.

    Attributes:
        idle: whether it waits for a receiver to be done.
        polling: whether it waits for the socket, and cannot be notified.
    """

    def __init__(self, connection: Endpoint, keepalive: KeepAlive) -> None:
        self._connection = connection
        self._keepalive = keepalive
        self._wakeup = threading.Lock()
        self._wakeup.acquire()
        self._seen = 0  # reads, when it last checked
        self._fail_at: Deadline | None = None
        self.idle = False
        self.polling = False
        # A daemon: a program that has not closed its connections must be able to exit.
        self._thread = threading.Thread(target=self._run, name="wsframe", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout: float | None = None) -> bool:
        """Wait so many seconds until the socket is closed, and return whether it is."""
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def notify(self) -> None:
        """Make the thread check what there is to do."""
        with suppress(RuntimeError):  # it is notified already
            self._wakeup.release()

    def watch_now(self) -> None:
        """Make the thread watch the socket at once: bytes are expected."""
        self._seen = self._connection._reads
        self.notify()

    def _run(self) -> None:
        connection = self._connection
        try:
            while not connection._ended:
                self._watch()
            if connection._lingers:
                self._linger()
        except OSError as exc:
            connection._end(exc)
        except BaseException as exc:
            log(connection, ERROR, "connection failed", exc_info=True)
            connection._end(exc if isinstance(exc, Exception) else None)
        finally:
            connection._release_socket()

    def _watch(self) -> None:
        """Wait for the next thing to do, and do it."""
        connection = self._connection
        outbox = connection._outbox
        connection._flush_now()
        connection._end_if_due(connection.protocol)
        connection._enforce_close_timeout()
        timeout = self._earlier(self._keepalive.work(), connection._close_deadline.rest())
        if connection._ended:
            return
        receiving = connection._is_receiving
        if outbox.pending:
            self._poll(timeout, read=not receiving and connection._has_room)
        elif self._seen != connection._reads:
            self._seen = connection._reads
            self._wakeup.acquire(timeout=min(IDLE_TIME, timeout))
        elif connection._has_failed:
            self._fail_when_due()
        elif receiving or not connection._has_room:
            self.idle = True
            still = connection._is_receiving or not connection._has_room
            if still and not outbox.pending and not connection._ended:
                self._wakeup.acquire(timeout=timeout)
            self.idle = False
        else:
            self._poll(timeout, read=True)

    @staticmethod
    def _earlier(*seconds: float | None) -> float:
        return min((one for one in seconds if one is not None), default=threading.TIMEOUT_MAX)

    def _poll(self, timeout: float, *, read: bool) -> None:
        connection = self._connection
        self.polling = True
        try:
            connection._flush_now()  # from here on it need not be notified of delayed frames
            write = bool(connection._outbox.pending)
            if not connection._ended:
                read, _ = connection.socket.wait(read=read, write=write, timeout=min(timeout, MAX_POLL))
        finally:
            self.polling = False
        if read:
            connection._read_now()

    def _fail_when_due(self) -> None:
        """Fail the connection, unless the application receives: then `recv` does it."""
        if self._fail_at is None:
            self._fail_at = Deadline(FAIL_DELAY)
        rest = self._fail_at.rest()
        if rest:
            self._wakeup.acquire(timeout=rest)
        else:
            self._connection._read_now()

    def _linger(self) -> None:
        """Discard what arrives: first until nothing comes for QUIET_TIME, then until the peer closes.

        A peer that gets the end of the stream while it is sending may take it for a lost connection.
        """
        socket, deadline = self._connection.socket, Deadline(LINGER)
        with suppress(OSError):
            with suppress(TimeoutError):
                while deadline.rest():
                    if not socket.recv_within(Deadline(QUIET_TIME)):
                        return
            socket.half_close()
            while socket.recv_within(deadline):
                pass
