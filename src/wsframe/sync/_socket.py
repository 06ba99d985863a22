"""A connected socket whose calls say how long they may wait."""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress
from errno import EBADF
from math import ceil
from os import strerror
from typing import Any

# Maximum size of a read.
READ_SIZE = 2**16

# Bytes of one send(): in larger ones the progress of a slow peer would not be seen.
SEND_SIZE = 2**18

# On Windows, which lacks this flag, bytes that a writable socket takes without waiting.
NO_WAIT = getattr(socket, "MSG_DONTWAIT", 0)
WRITABLE_SIZE = 2**11


class Deadline:
    """A time limit for several steps.

    Args:
        timeout: seconds from now; None for no limit.
    """

    __slots__ = ("_end",)

    def __init__(self, timeout: float | None) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout

    def rest(self) -> float | None:
        """Return the seconds that are left, 0 where it is over, or None."""
        return None if self._end is None else max(self._end - time.monotonic(), 0.0)


class Socket:
    """A socket without TLS.

    It stays in blocking mode, which saves system calls; calls that must not wait use a flag.

    Args:
        sock: a connected socket.

    Attributes:
        has_output: whether it has bytes of its own to send, as TLS has.
    """

    has_output = False

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(None)
        self.sock = sock

    def recv(self) -> bytes:
        """Wait for bytes; return empty bytes at the end of the stream."""
        return self.sock.recv(READ_SIZE)

    def recv_now(self) -> bytes | None:
        """Return bytes without waiting: None if there are none, empty bytes at the end of the stream."""
        if not NO_WAIT and not self.wait(read=True, write=False, timeout=0)[0]:
            return None
        try:
            return self.sock.recv(READ_SIZE, NO_WAIT)
        except BlockingIOError:
            return None

    def recv_within(self, deadline: Deadline) -> bytes:
        """Return bytes as `recv` does.

        Raises:
            TimeoutError: the deadline is over.
        """
        while True:
            rest = deadline.rest()
            if rest is None:
                return self.recv()
            if not self.wait(read=True, write=False, timeout=rest)[0]:
                raise TimeoutError("timed out")
            data = self.recv_now()
            if data is not None:
                return data

    def sendall(self, data: bytes) -> None:
        """Send bytes, waiting for the peer."""
        self.sock.sendall(data)

    def send_now(self, data: bytes) -> int:
        """Send as many bytes as can be sent without waiting, and return how many."""
        if not NO_WAIT:
            if not self.wait(read=False, write=True, timeout=0)[1]:
                return 0
            data = data[:WRITABLE_SIZE]
        try:
            return self.sock.send(data, NO_WAIT)
        except BlockingIOError:
            return 0

    def wait(self, *, read: bool, write: bool, timeout: float | None) -> tuple[bool, bool]:
        """Wait until the socket can be read from, or written to.

        An error counts as both: the read or write then raises it.

        Args:
            read, write: what to wait for.
            timeout: seconds; None for no limit.

        Returns:
            Whether it can be read from, and written to.

        Raises:
            OSError: the socket is closed.
        """
        if self.sock.fileno() < 0:  # the application has closed it: no ValueError of `select`
            raise OSError(EBADF, strerror(EBADF))
        if not hasattr(select, "poll"):  # Windows
            sockets = [self.sock]
            readable, writable, _ = select.select(
                sockets if read else [], sockets if write else [], [], timeout
            )
            return bool(readable), bool(writable)
        poll = select.poll()
        poll.register(self.sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
        found = poll.poll(None if timeout is None else ceil(timeout * 1000))
        events = found[0][1] if found else 0
        error = events & ~(select.POLLIN | select.POLLOUT)
        return bool(events & select.POLLIN or error) and read, bool(
            events & select.POLLOUT or error
        ) and write

    def send_close_notify(self) -> None:
        """Tell the peer that nothing more is sent, if the protocol below can."""

    def end_input(self) -> None:
        """End the stream from the peer: a thread that waits for bytes returns."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RD)

    def half_close(self) -> None:
        """End the stream to the peer."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def end_streams(self) -> None:
        """End both streams; threads that wait in a call return from it."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)
