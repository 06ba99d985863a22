"""Several writes of one loop iteration in one system call, with a small bound on the delay."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

# The maximum number of pending bytes.
PENDING_SIZE = 2**16

# Seconds after the previous write from which a write is sent at once where no flusher thread runs.
GAP = 50e-6

# When to send a write: now, behind the pending bytes; now if it is the first one of this loop iteration;
# at the end of the iteration, or as soon as PENDING_SIZE bytes are pending; the same, and the flusher thread
# does not send it earlier.
NOW, FIRST_NOW, LATER, AT_END = range(4)
# A time, in seconds, that is always longer ago than `_gap`.
LONG_AGO = -1_000_000_000

# What flushes a coalescer that was written to in this loop iteration: nothing, it was not written to; the end
# of the read being processed; the end of the iteration.
NOT_SCHEDULED, READ_END, ITERATION_END = range(3)


class Iteration:
    """The coalescers of a loop to flush at the end of its current iteration."""

    __slots__ = ("_coalescers",)

    def __init__(self) -> None:
        self._coalescers: list[Coalescer] = []

    def add(self, coalescer: Coalescer) -> None:
        """Flush a coalescer at the end of the iteration."""
        if not self._coalescers:
            coalescer._call_soon(self.end)
        self._coalescers.append(coalescer)

    def end(self) -> None:
        """Flush all of them."""
        while self._coalescers:
            coalescer = self._coalescers.pop()
            coalescer._flushed_by = NOT_SCHEDULED
            coalescer._last_write_at = LONG_AGO
            try:
                coalescer.flush()
            except BaseException:
                if self._coalescers:
                    coalescer._call_soon(self.end)
                raise


class Coalescer:
    """Coalesces the writes to one transport.

    The first write of a loop iteration is sent at once; later ones are coalesced and flushed at its end.  If
    the application blocks the loop, the flusher thread sends them after 1 to 3 ms.  Without that thread (TLS,
    Windows, an unknown transport) a write stays pending only while the previous one is no older than `_gap`.

    Attributes:
        transport: the asyncio transport, or an object with the same methods; who reads this attribute may
            use it at any time, so nothing is pending from then on.
        _transport_write: called with the bytes that the socket did not accept, or must not be given.
        _call_soon: the method of the loop.
        _iteration: shared by the coalescers of the loop.
        _gap: seconds; see above.
        _next_is_reply: something was received since the last write, so the next write is the reply to it.
        _receiving: a read is being processed; the code that set this flushes at the end.
        _intercepts: call `_intercept` when bytes become pending, `_stop_intercepting` when none are.
        _intercepting: between these two calls.
        _transport_attributes: the `__dict__` of the transport; a `write` in it gets every write.
        _writes_at_once: nothing is pending any more, since others have the transport.
        _pending_size: number of pending bytes; the flusher may have sent some of them.
        _has_flusher: the flusher thread sends the pending bytes if nobody else does.
    """

    __slots__ = (
        "_flushed_by",
        "_pieces",
        "_transport",
        "_last_write_at",
        "_transport_attributes",
        "_call_soon",
        "_intercepting",
        "_intercepts",
        "_next_is_reply",
        "_gap",
        "_iteration",
        "_receiving",
        "_pending_size",
        "_transport_write",
        "_writes_at_once",
    )

    _has_flusher = False  # only the compiled twin has that thread

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._transport_write: Callable[[bytes], object]
        self._call_soon: Callable[..., Any]
        self._iteration: Iteration
        self._gap = GAP
        self._next_is_reply = False
        self._receiving = False
        self._writes_at_once = False
        self._intercepts = self._intercepting = False
        self._transport_attributes: dict[str, Any] | None = None
        self._last_write_at: float = LONG_AGO
        self._pieces: list[bytes] = []
        self._pending_size = 0  # bytes in `_pieces`
        self._flushed_by = NOT_SCHEDULED

    @property
    def transport(self) -> asyncio.Transport:
        """The asyncio transport; from now on every write leaves at once, so that none is overtaken."""
        self._writes_at_once = True
        self.flush()
        return self._transport

    @transport.setter
    def transport(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    @property
    def _flushed_transport(self) -> asyncio.Transport:
        """The transport, with nothing pending; for a use that ends before the next write."""
        self.flush()
        return self._transport

    def _use_socket(self, fd: int, reads: bool = True) -> None:
        """Write to the socket directly, while its transport has nothing left to write.

        The pure twin always uses the transport: in Python this would gain nothing.

        Args:
            fd: descriptor of the socket of `transport`, which sends bytes unchanged; -1 for none.
            reads: whether to read from it, too; only for the transports of asyncio's selector loops.
        """

    def _write(self, data: Any) -> None:
        """Write at once, or coalesced with other writes at the end of this loop iteration.

        Args:
            data: bytes; any other object is mutable or an error, and is passed to the transport at once.
        """
        if type(data) is not bytes:
            self.flush()
            self._transport_write(data)
        elif self._receiving:
            self._write_at(data, LATER)
        elif self._next_is_reply:
            self._next_is_reply = False
            self._write_at(data, NOW)
        else:
            self._write_at(data, FIRST_NOW)

    def _write_at_end(self, data: bytes) -> None:
        """Write at the end of this loop iteration.

        The flusher thread does not send it earlier if code blocks the loop.
        """
        self._write_at(data, AT_END)

    def _intercept(self) -> None:
        """Bytes are pending now: make other writers to the transport flush them first."""

    def _stop_intercepting(self) -> None:
        """No bytes are pending any more."""

    def _write_at(self, frame: bytes, when: int) -> None:
        if self._writes_at_once:
            when = NOW
        if not self._pending_size:
            if when == NOW:
                self._transport_write(frame)
                self._last_write_at = perf_counter()
                return
            if (
                when == FIRST_NOW
                and self._flushed_by == NOT_SCHEDULED
                and perf_counter() - self._last_write_at > self._gap
            ):
                if self._receiving:
                    self._flushed_by = READ_END
                else:
                    self._flushed_by = ITERATION_END
                    self._iteration.add(self)
                self._transport_write(frame)
                self._last_write_at = perf_counter()
                return
        self._append_pending(frame, when)

    def _append_pending(self, frame: bytes, when: int) -> None:
        if len(frame) > PENDING_SIZE:
            self.flush()
            self._transport_write(frame)
            self._last_write_at = perf_counter()
            return
        if not self._pending_size and self._write_is_replaced():
            self._transport_write(frame)
            return
        if when != AT_END:
            now = perf_counter()
            if now - self._last_write_at > self._gap:
                when = NOW
                if not self._pending_size:
                    self._transport_write(frame)
                    self._last_write_at = perf_counter()
                    return
            self._last_write_at = now
        self._pieces.append(frame)
        self._pending_size += len(frame)
        if self._intercepts and not self._intercepting:
            self._intercept()
        if when == NOW or self._pending_size > PENDING_SIZE:
            self.flush()
        elif not self._receiving and self._flushed_by != ITERATION_END:
            self._flushed_by = ITERATION_END
            self._iteration.add(self)

    def flush(self) -> None:
        """Send the pending bytes now."""
        if self._flushed_by == READ_END and not self._receiving:
            self._flushed_by = NOT_SCHEDULED
        if self._pending_size:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._pending_size = 0
            try:
                if (
                    not self._intercepts or not self._transport.is_closing()
                ):  # else the connection was lost meanwhile
                    self._transport_write(data)
            finally:
                if self._intercepting and not self._receiving and not self._pending_size:
                    self._stop_intercepting()

    def _write_is_replaced(self) -> bool:
        return (
            self._transport_attributes is not None
            and not self._intercepting
            and "write" in self._transport_attributes
        )

    def _discard_pending(self) -> None:
        """Discard the pending bytes."""
        if self._pending_size:
            self._pieces.clear()
            self._pending_size = 0
            if self._intercepting and not self._receiving:
                self._stop_intercepting()
