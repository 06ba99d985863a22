# cython: binding=False
"""Several writes of one loop iteration in one system call, none much later than asked for."""

cimport cython
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.time cimport perf_counter
from libc.stdint cimport uint8_t

import os


cdef extern from "coalescer.h" nogil:
    ctypedef struct wsf_group:
        pass
    ctypedef struct wsf_pending:
        uint8_t *data
        size_t start

    wsf_group *wsf_group_new()
    void wsf_group_free(wsf_group *group)
    wsf_pending *wsf_pending_new(wsf_group *group)
    void wsf_pending_free(wsf_pending *pending)
    void wsf_pending_use(wsf_pending *pending, int fd)
    Py_ssize_t wsf_pending_append(wsf_pending *pending, const void *data, size_t size, int watched)
    size_t wsf_pending_flush(wsf_pending *pending, int now)
    void wsf_pending_clear(wsf_pending *pending)
    void wsf_flusher_start()
    void wsf_flusher_stop()
    void wsf_flusher_allow()
    Py_ssize_t wsf_send(int fd, const void *data, size_t size)


cdef enum:
    # Bytes that are pending at most.
    PENDING_SIZE = 65536
    # Bytes that are given to the socket at once at most: the GIL is held meanwhile.
    SEND_SIZE = 2 * PENDING_SIZE

# Seconds after the previous write, from which on a write without that thread is sent at once.
cdef double GAP = 50e-6

cdef enum:
    # Where a coalescer was written to in this iteration: nowhere; inside a read, whose end flushes it; so
    # that the iteration has it in its list.
    UNMARKED
    MARKED
    LISTED


cdef class Iteration:
    """The coalescers of a loop that are to be flushed when its iteration ends."""

    def __cinit__(self):
        self.waiting = []
        self.group = wsf_group_new()
        if self.group is NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.group is not NULL:
            wsf_group_free(<wsf_group *>self.group)

    cdef int add(self, Coalescer coalescer) except -1:
        if not self.waiting:
            coalescer.call_soon(self.end)
        self.waiting.append(coalescer)
        return 0

    def end(self):
        """Flush them all."""
        cdef Coalescer coalescer
        while self.waiting:
            coalescer = self.waiting.pop()
            coalescer.mark = UNMARKED
            coalescer.written = LONG_AGO
            try:
                coalescer.flush_pending()
            except BaseException:
                if self.waiting:
                    coalescer.call_soon(self.end)
                raise


cdef class Coalescer:
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

    def __cinit__(self, *args, **kwargs):
        self.fd = -1
        self.gap = GAP
        self.written = LONG_AGO

    def __dealloc__(self):
        if self.pending is not NULL:
            wsf_pending_free(<wsf_pending *>self.pending)

    @property
    def transport(self):
        """The asyncio transport; whoever asks for it finds that nothing is pending."""
        self.flush_pending()
        return self._transport

    @transport.setter
    def transport(self, transport):
        self._transport = transport

    def use_socket(self, int fd, bint reads=True):
        """use_socket(fd, reads=True)

        Write to a socket past its transport, while that has nothing left to write.

        Args:
            fd: of the socket of `transport`, which sends bytes as they are; -1 to leave all to the transport.
            reads: whether to read from it too; only for the transports of asyncio's selector loops.
        """
        self.fd = fd
        self.behind = True
        self.has_flag = hasattr(self._transport, "_closing")
        if fd >= 0:
            wsf_flusher_start()
        if self.pending is not NULL:
            wsf_pending_use(<wsf_pending *>self.pending, fd)

    def write(self, data):
        """write(data)

        Write now, or with others at the end of this iteration of the loop.

        Args:
            data: bytes; anything else may change, or is an error, and goes to the transport at once.
        """
        if not PyBytes_CheckExact(data):
            self.flush_pending()
            self.transport_write(data)
        elif self.receiving:
            self.write_at(data, LATER)
        elif self.replies_next:
            self.replies_next = False
            self.write_at(data, NOW)
        else:
            self.write_at(data, FIRST_NOW)

    def write_at_end(self, bytes data not None):
        """write_at_end(data)

        Write with others at the end of this iteration of the loop, also where code keeps the loop busy.
        """
        self.write_at(data, AT_END)

    def divert(self):
        """Something is pending now: have whoever else writes to the transport flush it first."""

    def restore(self):
        """Nothing is pending any more."""

    cdef int write_at(self, bytes frame, int when) except -1:
        with cython.critical_section(self):
            if self.size == 0:
                if when == NOW:
                    self.send_now(frame)
                    self.written = perf_counter()
                    return 0
                if when == FIRST_NOW and self.mark == UNMARKED and (
                    self.written == LONG_AGO or perf_counter() - self.written > self.gap
                ):
                    if self.receiving:
                        self.mark = MARKED
                    elif self.iteration is not None:
                        self.mark = LISTED
                        self.iteration.add(self)
                    self.send_now(frame)
                    self.written = perf_counter()
                    return 0
            self.append_pending(frame, when)
        return 0

    cdef int append_pending(self, bytes frame, int when) except -1:
        cdef Py_ssize_t size = PyBytes_GET_SIZE(frame)
        cdef Py_ssize_t pending
        cdef double now
        if self.iteration is None:
            raise RuntimeError("a coalescer without an iteration cannot write later")
        if size > PENDING_SIZE:
            self.flush_pending()
            self.send_now(frame)
            self.written = perf_counter()
            return 0
        if self.size == 0:
            self.bypasses = self.can_bypass()
            self.watched = self.bypasses and when != AT_END
            if not self.bypasses and (self.is_wrapped() or (self.fd >= 0 and not self.behind)):
                self.transport_write(frame)
                return 0
        elif self.bypasses and not self.watched and when != AT_END:
            when = NOW  # no flusher would send it in time
        if self.fd < 0 and when != AT_END:
            now = perf_counter()
            if now - self.written > self.gap:
                when = NOW
                if self.size == 0:
                    self.send_now(frame)
                    self.written = perf_counter()
                    return 0
            self.written = now
        if self.pending is NULL:
            self.pending = wsf_pending_new(<wsf_group *>self.iteration.group)
            if self.pending is NULL:
                raise MemoryError
            wsf_pending_use(<wsf_pending *>self.pending, self.fd)
        pending = wsf_pending_append(
            <wsf_pending *>self.pending, PyBytes_AS_STRING(frame), size, self.watched
        )
        if pending < 0:
            raise MemoryError
        self.size = pending or size
        if self.diverts and not self.diverted:
            self.divert()
        if when == NOW or pending > PENDING_SIZE or pending == 0:
            self.flush_pending()
        elif not self.receiving and self.mark != LISTED:
            self.mark = LISTED
            self.iteration.add(self)
        return 0

    def flush(self):
        """Write what is pending."""
        self.flush_pending()

    cdef int flush_pending(self) except -1:
        cdef size_t left
        cdef wsf_pending *pending
        if self.mark == MARKED and not self.receiving:
            self.mark = UNMARKED
        if self.size == 0:
            return 0
        with cython.critical_section(self):
            pending = <wsf_pending *>self.pending
            self.size = 0
            left = wsf_pending_flush(pending, self.bypasses + (self.bypasses and self.diverts))
            try:
                if left:
                    data = PyBytes_FromStringAndSize(<char *>pending.data + pending.start, left)
                    wsf_pending_clear(pending)
                    if not self.diverts or not self._transport.is_closing():  # or it was lost meanwhile
                        self.behind = True
                        self.transport_write(data)  # which handles a socket that is full or gone
            finally:
                if self.diverted and not self.receiving and self.size == 0:
                    self.restore()
        return 0

    cdef int send_now(self, bytes data) except -1:
        cdef Py_ssize_t sent, size = PyBytes_GET_SIZE(data)
        if self.fd >= 0 and size <= SEND_SIZE and self.can_bypass():
            sent = wsf_send(self.fd, PyBytes_AS_STRING(data), size)
            if sent == size:
                return 0
            if sent > 0:
                data = data[sent:]
        self.behind = True
        self.transport_write(data)  # which handles a socket that is full or gone
        return 0

    cdef bint can_bypass(self) except -1:
        if self.fd < 0:
            return False
        if self.behind:
            self.behind = self._transport.get_write_buffer_size() != 0
            if self.behind:
                return False
        if self.is_wrapped():
            return False
        return not (self._transport._closing if self.has_flag else self._transport.is_closing())

    cdef bint is_wrapped(self):
        return self.attributes is not None and not self.diverted and "write" in self.attributes

    def discard(self):
        """Forget what is pending."""
        if self.size:
            self.size = 0
            wsf_pending_clear(<wsf_pending *>self.pending)
            if self.diverted and not self.receiving:
                self.restore()


def _before_fork():
    with nogil:
        wsf_flusher_stop()


def _after_fork():
    with nogil:
        wsf_flusher_allow()


if hasattr(os, "register_at_fork"):
    # CPython warns of a fork while another thread runs.
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
