# cython: binding=False
"""Several writes of one loop iteration in one system call, with a small bound on the delay."""

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
    # The maximum number of pending bytes.
    PENDING_SIZE = 65536
    # The maximum size of one send() to the socket: it holds the GIL.
    SEND_SIZE = 2 * PENDING_SIZE

# Seconds after the previous write from which a write is sent at once where no flusher thread runs.
cdef double GAP = 50e-6

cdef enum:
    # What flushes a coalescer that was written to in this loop iteration: nothing, it was not written to; the
    # end of the read being processed; the end of the iteration.
    NOT_SCHEDULED
    READ_END
    ITERATION_END


cdef class Iteration:
    """The coalescers of a loop to flush at the end of its current iteration."""

    def __cinit__(self):
        self.coalescers = []
        self.group = wsf_group_new()
        if self.group is NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.group is not NULL:
            wsf_group_free(<wsf_group *>self.group)

    cdef int add(self, Coalescer coalescer) except -1:
        cdef list coalescers = self.coalescers  # what is called may release this object
        if not coalescers:
            coalescer._call_soon(self.end)
        coalescers.append(coalescer)
        return 0

    def end(self):
        """Flush all of them."""
        cdef Coalescer coalescer
        while self.coalescers:
            coalescer = self.coalescers.pop()
            coalescer.flushed_by = NOT_SCHEDULED
            coalescer.last_write_at = LONG_AGO
            try:
                coalescer.flush_pending()
            except BaseException:
                if self.coalescers:
                    coalescer._call_soon(self.end)
                raise


cdef class Coalescer:
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

    def __cinit__(self, *args, **kwargs):
        self.fd = -1
        self._gap = GAP
        self.last_write_at = LONG_AGO

    def __dealloc__(self):
        if self.pending is not NULL:
            wsf_pending_free(<wsf_pending *>self.pending)

    @property
    def transport(self):
        """The asyncio transport; from now on every write leaves at once, so that none is overtaken."""
        self._writes_at_once = True
        self.flush_pending()
        return self._transport

    @transport.setter
    def transport(self, transport):
        self._transport = transport

    @property
    def _flushed_transport(self):
        """The transport, with nothing pending; for a use that ends before the next write."""
        self.flush_pending()
        return self._transport

    def _use_socket(self, int fd, bint reads=True):
        """_use_socket(fd, reads=True)

        Write to the socket directly, while its transport has nothing left to write.

        Args:
            fd: descriptor of the socket of `transport`, which sends bytes unchanged; -1 for none.
            reads: whether to read from it, too; only for the transports of asyncio's selector loops.
        """
        transport = self._transport  # which stays, whatever its attributes do
        self.fd = fd
        self.has_closing_flag = hasattr(transport, "_closing")
        self.has_buffer = hasattr(transport, "_buffer")
        if fd >= 0:
            wsf_flusher_start()
        if self.pending is not NULL:
            wsf_pending_use(<wsf_pending *>self.pending, fd)

    def _write(self, data):
        """_write(data)

        Write at once, or coalesced with other writes at the end of this loop iteration.

        Args:
            data: bytes; any other object is mutable or an error, and is passed to the transport at once.
        """
        self.write_data(data)

    cdef int write_data(self, object data) except -1:
        if not PyBytes_CheckExact(data):
            self.flush_pending()
            self._transport_write(data)
        elif self._receiving:
            self.write_at(data, LATER)
        elif self._next_is_reply:
            self._next_is_reply = False
            self.write_at(data, NOW)
        else:
            self.write_at(data, FIRST_NOW)
        return 0

    def _write_at_end(self, bytes data not None):
        """_write_at_end(data)

        Write at the end of this loop iteration.

        The flusher thread does not send it earlier if code blocks the loop.
        """
        self.write_at(data, AT_END)

    def _intercept(self):
        """Bytes are pending now: make other writers to the transport flush them first."""

    def _stop_intercepting(self):
        """No bytes are pending any more."""

    cdef int write_at(self, bytes frame, int when) except -1:
        with cython.critical_section(self):
            if self._writes_at_once:
                when = NOW
            if self._pending_size == 0:
                if when == NOW:
                    self.send_now(frame)
                    self.last_write_at = perf_counter()
                    return 0
                if when == FIRST_NOW and self.flushed_by == NOT_SCHEDULED and (
                    self.last_write_at == LONG_AGO or perf_counter() - self.last_write_at > self._gap
                ):
                    if self._receiving:
                        self.flushed_by = READ_END
                    elif self._iteration is not None:
                        self.flushed_by = ITERATION_END
                        self._iteration.add(self)
                    self.send_now(frame)
                    self.last_write_at = perf_counter()
                    return 0
            self.append_pending(frame, when)
        return 0

    cdef int append_pending(self, bytes frame, int when) except -1:
        cdef Py_ssize_t size = PyBytes_GET_SIZE(frame)
        cdef Py_ssize_t pending
        cdef double now
        if self._iteration is None:
            raise _no_iteration()
        if size > PENDING_SIZE:
            self.flush_pending()
            self.send_now(frame)
            self.last_write_at = perf_counter()
            return 0
        if self._pending_size == 0:
            self.bypasses = self.can_bypass()
            self._has_flusher = self.bypasses and when != AT_END
            if not self.bypasses and (
                self.write_is_replaced() or (self.fd >= 0 and not self.transport_is_busy())
            ):
                self._transport_write(frame)
                return 0
        elif self.bypasses and not self._has_flusher and when != AT_END:
            when = NOW  # the pending bytes have no flusher
        if self.fd < 0 and when != AT_END:
            now = perf_counter()
            if now - self.last_write_at > self._gap:
                when = NOW
                if self._pending_size == 0:
                    self.send_now(frame)
                    self.last_write_at = perf_counter()
                    return 0
            self.last_write_at = now
        if self.pending is NULL:
            if self._iteration is None:  # now: the transport may have changed it
                raise _no_iteration()
            self.pending = wsf_pending_new(<wsf_group *>self._iteration.group)
            if self.pending is NULL:
                raise MemoryError
            wsf_pending_use(<wsf_pending *>self.pending, self.fd)
        pending = wsf_pending_append(
            <wsf_pending *>self.pending, PyBytes_AS_STRING(frame), size, self._has_flusher
        )
        if pending < 0:
            raise MemoryError
        self._pending_size = pending or size
        if self._intercepts and not self._intercepting:
            self._intercept()
        if when == NOW or pending > PENDING_SIZE or pending == 0:
            self.flush_pending()
        elif not self._receiving and self.flushed_by != ITERATION_END:
            if self._iteration is None:  # now
                raise _no_iteration()
            self.flushed_by = ITERATION_END
            self._iteration.add(self)
        return 0

    def flush(self):
        """flush($self)\n--\n
        Send the pending bytes now.
        """
        self.flush_pending()

    cdef int flush_pending(self) except -1:
        cdef size_t left
        cdef wsf_pending *pending
        if self.flushed_by == READ_END and not self._receiving:
            self.flushed_by = NOT_SCHEDULED
        if self._pending_size == 0:
            return 0
        with cython.critical_section(self):
            pending = <wsf_pending *>self.pending
            self._pending_size = 0
            if self.bypasses and self.transport_is_busy():
                self.bypasses = False  # somebody else has written to the transport meanwhile
            left = wsf_pending_flush(pending, self.bypasses + (self.bypasses and self._intercepts))
            try:
                if left:
                    self._pending_size = left  # they stay, if there is no memory for this:
                    data = PyBytes_FromStringAndSize(<char *>pending.data + pending.start, left)
                    self._pending_size = 0
                    wsf_pending_clear(pending)
                    # A transport that is closing has lost the connection meanwhile.
                    if not self._intercepts or not self._transport.is_closing():
                        self._transport_write(data)  # which handles a socket that is full or gone
            finally:
                if self._intercepting and not self._receiving and self._pending_size == 0:
                    self._stop_intercepting()
        return 0

    cdef int send_now(self, bytes data) except -1:
        cdef Py_ssize_t sent, size = PyBytes_GET_SIZE(data)
        if self.fd >= 0 and size <= SEND_SIZE and self.can_bypass():
            sent = wsf_send(self.fd, PyBytes_AS_STRING(data), size)
            if sent == size:
                return 0
            if sent > 0:
                data = data[sent:]
        self._transport_write(data)  # which handles a socket that is full or gone
        return 0

    cdef bint can_bypass(self) except -1:
        if self.fd < 0 or self.transport_is_busy() or self.write_is_replaced():
            return False
        transport = self._transport
        return not (transport._closing if self.has_closing_flag else transport.is_closing())

    cdef bint transport_is_busy(self) except -1:
        """Return whether the transport has bytes left to write; others may have written them, too."""
        transport = self._transport
        if self.has_buffer:
            return bool(transport._buffer)
        return transport.get_write_buffer_size() != 0

    cdef bint write_is_replaced(self):
        attributes = self._transport_attributes
        return attributes is not None and not self._intercepting and "write" in attributes

    def _discard_pending(self):
        """Discard the pending bytes."""
        if self._pending_size:
            self._pending_size = 0
            wsf_pending_clear(<wsf_pending *>self.pending)
            if self._intercepting and not self._receiving:
                self._stop_intercepting()


cdef object _no_iteration():
    return RuntimeError("coalescer has no iteration: cannot write later")


def _before_fork():
    with nogil:
        wsf_flusher_stop()


def _after_fork():
    with nogil:
        wsf_flusher_allow()


if hasattr(os, "register_at_fork"):
    # CPython warns of a fork while another thread runs.
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
