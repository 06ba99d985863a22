"""What a connection sends, in order, from several threads.

Frames leave in the order in which threads have asked for `lock`.  Only a thread in `send` or `ping` waits for
a peer that does not read: control frames that reply to the peer are appended to `pending`, and sent by the
thread that is sending, or by the next one.
"""

from __future__ import annotations

import threading
from collections import deque
from threading import get_ident

from ._socket import SEND_SIZE, Socket

# Bytes of delayed frames over which they are flushed.
MAX_DELAYED = 2**16


class FairLock:
    """A lock that threads acquire in the order in which they ask for it.

    Attributes:
        waiters: a lock of each thread that waits.
        acquire_unfair: acquires the lock while nobody waits; called with False, it returns whether it did.
        release_unfair: releases it; `release_next` is to be called if a thread waits.
    """

    __slots__ = ("_lock", "_mutex", "acquire_unfair", "release_unfair", "waiters")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mutex = threading.Lock()  # of the queue
        self.acquire_unfair = self._lock.acquire
        self.release_unfair = self._lock.release
        self.waiters: deque[threading.Lock] = deque()

    def acquire(self, timeout: float = -1) -> bool:
        """Acquire the lock, within so many seconds, -1 for no limit; return whether that was possible."""
        if self.try_acquire():
            return True
        waiter = threading.Lock()
        waiter.acquire()
        with self._mutex:
            self.waiters.append(waiter)
            self._release_next()
        if waiter.acquire(timeout=timeout):
            return True
        with self._mutex:
            if waiter not in self.waiters:
                return True  # it was released to us just now
            self.waiters.remove(waiter)
            return False

    def try_acquire(self) -> bool:
        """Acquire the lock if it is free and no thread waits for it."""
        return not self.waiters and self.acquire_unfair(False)

    def release(self) -> None:
        """Release the lock to the thread that has waited longest."""
        self.release_unfair()
        if self.waiters:
            self.release_next()

    def release_next(self) -> None:
        """Let the thread that has waited longest acquire the lock, if it is free."""
        with self._mutex:
            self._release_next()

    def _release_next(self) -> None:
        if self.waiters and self._lock.acquire(False):
            self.waiters.popleft().release()

    def locked(self) -> bool:
        """Tell whether a thread has acquired it."""
        return self._lock.locked()


class Outbox:
    """The frames of a connection that are not sent yet.

    Args:
        socket: what sends them.

    Attributes:
        lock: held while a message is encoded, until it is sent or delayed.
        pending: frames to be sent first; any thread may append one, only the holder of the lock removes them.
        delaying: the thread whose frames are coalesced until it waits for the next message, or 0.
        progress: changes whenever the system has taken bytes.
    """

    __slots__ = ("_delayed", "_socket", "delaying", "lock", "pending", "progress")

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._delayed = 0  # bytes
        self.lock = FairLock()
        self.pending: deque[bytes] = deque()
        self.delaying = 0
        self.progress = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is left to send."""
        return not (self.pending or self._socket.has_output or self.lock.locked())

    def send(self, frame: bytes) -> bool:
        """Send a frame behind those that are pending, or delay it; the lock is held.

        Returns:
            Whether it is the first delayed frame; the background flushes it if this thread does not.

        Raises:
            OSError: the connection is lost.
        """
        pending = self.pending
        if self.delaying and self.delaying == get_ident():
            first = not pending
            pending.append(frame)
            self._delayed += len(frame)
            if self._delayed < MAX_DELAYED:
                return first
            frame = b""
        if pending:
            frame = self._pop_pending() + frame
        if len(frame) <= SEND_SIZE:
            self._socket.sendall(frame)
            self.progress += 1
            return False
        view = memoryview(frame)
        while view:
            self._socket.sendall(view[:SEND_SIZE])  # type: ignore[arg-type]
            self.progress += 1
            view = view[SEND_SIZE:]
        return False

    def flush_now(self) -> None:
        """Send pending frames without waiting; do nothing if another thread is sending: it sends them.

        Raises:
            OSError: the connection is lost.
        """
        while (self.pending or self._socket.has_output) and self.lock.try_acquire():
            try:
                if not self._send_pending():
                    return
            finally:
                self.lock.release()

    def _send_pending(self) -> bool:
        """Send what is pending; return whether the system has taken all of it."""
        while self.pending or self._socket.has_output:
            data = self._pop_pending()
            size = self._socket.send_now(data)
            if size:
                self.progress += 1
            if size < len(data):
                self.pending.appendleft(data[size:])
            if not size:
                return not data and not self._socket.has_output
        return True

    def _pop_pending(self) -> bytes:
        pending = self.pending
        self._delayed = 0
        if len(pending) == 1:
            return pending.popleft()
        return b"".join([pending.popleft() for _ in range(len(pending))])
