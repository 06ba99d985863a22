cdef enum:
    # When a write leaves: now, with what is pending before it; now if it is the first of this iteration of
    # the loop; at the end of the iteration, or as soon as more is pending than one write takes; the same,
    # also where code keeps the loop busy.
    NOW
    FIRST_NOW
    LATER
    AT_END
    # The time, in seconds, of a write that was in no case a moment ago.
    LONG_AGO = -1000000000


cdef class Iteration:
    cdef list waiting
    cdef void *group
    cdef int add(self, Coalescer coalescer) except -1


cdef class Coalescer:
    cdef object _transport
    cdef public object transport_write
    cdef public object call_soon
    cdef public Iteration iteration
    cdef public double gap
    cdef public bint replies_next
    cdef public bint receiving
    cdef public bint diverts
    cdef public bint diverted
    cdef public dict attributes
    cdef double written  # when a write left, or was made pending without a flusher
    cdef readonly Py_ssize_t size  # bytes that are pending; the flusher may have sent some of them
    cdef void *pending
    cdef int fd
    cdef int mark
    cdef bint behind  # the transport was given bytes, and may not have sent them yet
    cdef readonly bint watched  # by the flusher
    cdef bint bypasses  # what is pending goes past the transport
    cdef bint has_flag
    cdef int write_at(self, bytes frame, int when) except -1
    cdef int append_pending(self, bytes frame, int when) except -1
    cdef int send_now(self, bytes data) except -1
    cdef int flush_pending(self) except -1
    cdef bint can_bypass(self) except -1
    cdef bint is_wrapped(self)
