from libc.stdint cimport uint8_t

from wsframe._c.coalescer cimport Coalescer


cdef class Receiver(Coalescer):
    cdef public object _decoder  # a MessageDecoder; None while there is nothing to decode
    cdef public object _listener  # whose on_message takes the messages, instead of the queue
    cdef object buffer
    cdef object buffer_owner  # keeps the memory of the buffer where it is
    cdef void *buffer_start
    cdef Py_ssize_t buffer_size
    cdef int reads_in_progress  # calls that decode bytes of the buffer
    cdef bint reads_socket  # instead of its transport
    cdef list queue
    cdef Py_ssize_t queue_head  # how many messages of the queue are popped
    cdef readonly Py_ssize_t _backlog  # bytes read since the queue was last empty
    cdef public Py_ssize_t _high_water  # bytes of backlog over which `_pause_reading` is called
    cdef public Py_ssize_t _high_water_messages  # queued messages over which it is called, too
    cdef public Py_ssize_t _low_water_most  # that `_low_water_messages` is set to
    cdef public Py_ssize_t _low_water_messages  # queued, at which `_low_water_reached` is called; or -1
    cdef public bint _reading  # the transport reads
    cdef public object _create_future
    cdef public object _waiter  # the future of the call that waits for a message
    cdef public bint _discarding  # messages over the high-water mark are dropped: the connection is closing
    cdef public bint _received_any  # bytes have arrived since the keep-alive looked
    cdef bint single_message  # the listener has the only message of a read
    cdef int receive_read(self, Py_ssize_t size) except -1
    cdef int receive_bytes(self, void *data, Py_ssize_t size) except -1
    cdef int decode_bytes(self, const uint8_t *data, Py_ssize_t size) except -1
    cdef Py_ssize_t queue_size(self)
    cdef int extend_queue(self, list messages) except -1
    cdef int wakeup_waiter(self) except -1
