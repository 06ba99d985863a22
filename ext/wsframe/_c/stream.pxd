from libc.stdint cimport uint64_t

from wsframe._c.receiver cimport Receiver


cdef enum:
    LARGE_MESSAGE = 262144  # as in _spec


cdef class Stream(Receiver):
    cdef public bint _masked  # frames are to be masked: we are a client
    cdef public bint _encodes_directly  # see rule 1
    cdef public bint congested  # the transport has called pause_writing()
    cdef public int _pending_sends  # calls of `_send_slow_path` that have not written their last frame
    cdef readonly uint64_t _messages_sent  # whole messages and last fragments
    cdef readonly uint64_t _bytes_sent  # of frames
    cdef int send_message(self, object message) except -1
    cdef int write_frame(self, bytes frame) except -1
