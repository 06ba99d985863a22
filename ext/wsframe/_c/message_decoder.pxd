from libc.stdint cimport uint8_t, uint64_t

from wsframe._c.decoder cimport _Decoder
from wsframe._c.header cimport MAX_LENGTH_7
from wsframe._c.kernel cimport wsf_utf8_stats


cdef class MessageDecoder(_Decoder):
    cdef readonly bint closed
    cdef readonly uint64_t controls
    cdef public bint skipping
    cdef uint64_t max_message
    cdef public int streaming
    cdef uint64_t max_fragments
    cdef uint64_t max_frame
    cdef uint64_t max_whole  # the smaller one of both limits of sizes
    cdef object deflate
    cdef bint counts_streams
    cdef uint64_t streams  # that the deflate object has counted
    cdef int control_size
    cdef uint8_t control[MAX_LENGTH_7]
    cdef uint8_t opcode  # of the message that is being received, or 0
    cdef bint compressed  # that message is
    cdef uint64_t fragments  # frames of that message so far
    cdef bint in_fragments  # it is returned in Fragments
    cdef uint64_t returned  # bytes of it that were returned
    cdef uint64_t frame_inflated  # bytes of the frame, if it is compressed
    cdef Py_ssize_t checked  # bytes of the buffer known to be valid UTF-8
    cdef wsf_utf8_stats stats  # of those bytes
    cdef int return_fragment(self, bint final, list out) except -1
    cdef int check_text(self) except -1
    cdef str end_text(self)
    cdef bint end_control(self, list out) except -1
    cdef bytes inflate(self, bytes piece, bint final)
