"""Several writes of one loop iteration in one system call, none much later than asked for."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

# Bytes that are pending at most.
PENDING_SIZE = 2**16

# Seconds after the previous write, from which on a write without that thread is sent at once.
GAP = 50e-6

# When a write leaves: now, with what is pending before it; now if it is the first of this iteration of the
# loop; at the end of the iteration, or as soon as more is pending than one write takes; the same, also where
# code keeps the loop busy.
NOW, FIRST_NOW, LATER, AT_END = range(4)
# The time, in seconds, of a write that was in no case a moment ago.
LONG_AGO = -1_000_000_000

# Where a coalescer was written to in this iteration: nowhere; inside a read, whose end flushes it; so that
# the iteration has it in its list.
UNMARKED, MARKED, LISTED = range(3)


class Iteration:
    """The coalescers of a loop that are to be flushed when its iteration ends."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[Coalescer] = []

    def add(self, coalescer: Coalescer) -> None:
        """Have one flushed."""
        if not self._waiting:
            coalescer.call_soon(self.end)
        self._waiting.append(coalescer)

    def end(self) -> None:
        """Flush them all."""
        while self._waiting:
            coalescer = self._waiting.pop()
            coalescer._mark = UNMARKED
            coalescer._written = LONG_AGO
            try:
                coalescer.flush()
            except BaseException:
                if self._waiting:
                    coalescer.call_soon(self.end)
                raise


class Coalescer:
    """Coalesces the writes to one transport.

    The first write of a loop iteration is sent at once; later ones are coalesced and flushed at its end.  If
    the application keeps the loop busy, a thread flushes after 1 to 3 ms.  Without that thread (TLS, Windows,
    a transport that is not known) a write is pending only while the previous one is no older than `gap`.

    Attributes:
        transport: of asyncio, or with the same methods; reading this attribute flushes.
        transport_write: is called with what the socket did not take, or should not be given.
        call_soon: of the loop.
        iteration: of the loop.
        gap: seconds.
        replies_next: something was received since the last write: the next write is the reply to it.
        receiving: nothing is flushed, because whoever has set this will flush.
        diverts: call `divert` and `restore`.
        diverted: `divert` was called, and `restore` not yet.
        attributes: of the transport; a `write` among them must be called for every write.
        size: bytes that are pending; some of them may have been sent.
        watched: the thread flushes, if nobody else does.
    """

    __slots__ = (
        "_mark",
        "_pieces",
        "_transport",
        "_written",
        "attributes",
        "call_soon",
        "diverted",
        "diverts",
        "replies_next",
        "gap",
        "iteration",
        "receiving",
        "size",
        "transport_write",
    )

    watched = False  # by the thread that sends what is pending

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self.transport_write: Callable[[bytes], object]
        self.call_soon: Callable[..., Any]
        self.iteration: Iteration
        self.gap = GAP
        self.replies_next = False
        self.receiving = False
        self.diverts = self.diverted = False
        self.attributes: dict[str, Any] | None = None
        self._written: float = LONG_AGO  # when the last write was made
        self._pieces: list[bytes] = []
        self.size = 0  # of the pieces
        self._mark = UNMARKED

    @property
    def transport(self) -> asyncio.Transport:
        """The asyncio transport; whoever asks for it finds that nothing is pending."""
        self.flush()
        return self._transport

    @transport.setter
    def transport(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def use_socket(self, fd: int, reads: bool = True) -> None:
        """Write to a socket past its transport, while that has nothing left to write.

        In Python that gains nothing: the transport does it all.

        Args:
            fd: of the socket of `transport`, which sends bytes as they are; -1 to leave all to the transport.
            reads: whether to read from it too; only for the transports of asyncio's selector loops.
        """

    def write(self, data: Any) -> None:
        """Write now, or with others at the end of this iteration of the loop.

        Args:
            data: bytes; anything else may change, or is an error, and goes to the transport at once.
        """
        if type(data) is not bytes:
            self.flush()
            self.transport_write(data)
        elif self.receiving:
            self._write_at(data, LATER)
        elif self.replies_next:
            self.replies_next = False
            self._write_at(data, NOW)
        else:
            self._write_at(data, FIRST_NOW)

    def write_at_end(self, data: bytes) -> None:
        """Write with others at the end of this iteration of the loop, also where code keeps the loop busy."""
        self._write_at(data, AT_END)

    def divert(self) -> None:
        """Something is pending now: have whoever else writes to the transport flush it first."""

    def restore(self) -> None:
        """Nothing is pending any more."""

    def _write_at(self, frame: bytes, when: int) -> None:
        if not self.size:
            if when == NOW:
                self.transport_write(frame)
                self._written = perf_counter()
                return
            if when == FIRST_NOW and self._mark == UNMARKED and perf_counter() - self._written > self.gap:
                if self.receiving:
                    self._mark = MARKED
                else:
                    self._mark = LISTED
                    self.iteration.add(self)
                self.transport_write(frame)
                self._written = perf_counter()
                return
        self._append_pending(frame, when)

    def _append_pending(self, frame: bytes, when: int) -> None:
        if len(frame) > PENDING_SIZE:
            self.flush()
            self.transport_write(frame)
            self._written = perf_counter()
            return
        if not self.size and self._is_wrapped():
            self.transport_write(frame)
            return
        if when != AT_END:
            now = perf_counter()
            if now - self._written > self.gap:
                when = NOW
                if not self.size:
                    self.transport_write(frame)
                    self._written = perf_counter()
                    return
            self._written = now
        self._pieces.append(frame)
        self.size += len(frame)
        if self.diverts and not self.diverted:
            self.divert()
        if when == NOW or self.size > PENDING_SIZE:
            self.flush()
        elif not self.receiving and self._mark != LISTED:
            self._mark = LISTED
            self.iteration.add(self)

    def flush(self) -> None:
        """Write what is pending."""
        if self._mark == MARKED and not self.receiving:
            self._mark = UNMARKED
        if self.size:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self.size = 0
            try:
                if not self.diverts or not self._transport.is_closing():  # or it was lost meanwhile
                    self.transport_write(data)
            finally:
                if self.diverted and not self.receiving and not self.size:
                    self.restore()

    def _is_wrapped(self) -> bool:
        return self.attributes is not None and not self.diverted and "write" in self.attributes

    def discard(self) -> None:
        """Forget what is pending."""
        if self.size:
            self._pieces.clear()
            self.size = 0
            if self.diverted and not self.receiving:
                self.restore()
