from libc.stdint cimport uint8_t, uint64_t

from wsframe._c.coalescer cimport Coalescer
from wsframe._c.waiter cimport Waiter


cdef class Receiver(Coalescer):
    cdef public object _decoder  # a MessageDecoder; None while there is nothing to decode
    cdef public object _listener  # its `on_message` gets the messages instead of the queue
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
    cdef public Py_ssize_t _high_water_queued  # length of the queue over which it is called
    cdef public Py_ssize_t _max_resume_at  # upper limit of `_resume_at_queued`
    cdef public Py_ssize_t _resume_at_queued  # length of the queue at which to call it, or -1
    cdef public bint _reading  # the transport reads
    cdef public object _loop
    cdef public Waiter _waiter  # of the call that waits for a message
    cdef Waiter last_waiter  # which can perhaps be used again
    cdef Waiter ready_waiter  # it was `_waiter`: its task runs at the end of the read
    cdef public bint _drop_excess  # closing: drop messages over the high-water mark
    cdef public bint _received_since_check  # bytes have arrived since the last check of the keep-alive
    cdef bint single_message  # the listener has the only message of a read
    cdef readonly uint64_t _messages_received  # whole messages and last fragments
    cdef readonly uint64_t _bytes_received  # of frames
    cdef int receive_read(self, Py_ssize_t size) except -1
    cdef int receive_bytes(self, void *data, Py_ssize_t size) except -1
    cdef int decode_bytes(self, const uint8_t *data, Py_ssize_t size) except -1
    cdef Py_ssize_t queue_size(self)
    cdef int extend_queue(self, list messages) except -1
    cdef object pop(self)
    cdef Waiter message_waiter(self)
    cdef int wakeup_waiter(self) except -1
    cdef int resume_woken(self) except -1
