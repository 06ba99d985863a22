cdef enum:
    # When to send a write: now, behind the pending bytes; now if it is the first one of this loop iteration;
    # at the end of the iteration, or as soon as PENDING_SIZE bytes are pending; the same, and the
    # flusher thread does not send it earlier.
    NOW
    FIRST_NOW
    LATER
    AT_END
    # A time, in seconds, that is always longer ago than `_gap`.
    LONG_AGO = -1000000000


cdef class Iteration:
    cdef list coalescers
    cdef void *group
    cdef int add(self, Coalescer coalescer) except -1


cdef class Coalescer:
    cdef object _transport
    cdef public object _transport_write
    cdef public object _call_soon
    cdef public Iteration _iteration
    cdef public double _gap
    cdef public bint _next_is_reply
    cdef public bint _receiving
    cdef public bint _writes_at_once
    cdef public bint _intercepts
    cdef public bint _intercepting
    cdef public dict _transport_attributes
    cdef double last_write_at
    cdef readonly Py_ssize_t _pending_size  # pending bytes; the flusher may have sent some
    cdef void *pending
    cdef int fd
    cdef int flushed_by
    cdef readonly bint _has_flusher  # the flusher sends what is pending, if nobody else does
    cdef bint bypasses  # pending bytes are written to the socket directly
    # The transport is of asyncio: read its attributes, for methods cost more and may be intercepted.
    cdef bint has_closing_flag
    cdef bint has_buffer
    cdef int write_data(self, object data) except -1
    cdef int write_at(self, bytes frame, int when) except -1
    cdef int append_pending(self, bytes frame, int when) except -1
    cdef int send_now(self, bytes data) except -1
    cdef int flush_pending(self) except -1
    cdef bint can_bypass(self) except -1
    cdef bint transport_is_busy(self) except -1
    cdef bint write_is_replaced(self)
