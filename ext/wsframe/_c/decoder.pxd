from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint64_t

from wsframe._c.header cimport MAX_HEADER

cdef extern from *:
    """
    #define WSF_NO_BUDGET UINT64_MAX
    #define WSF_NO_LIMIT 9223372036854775807ULL
    """
    const uint64_t NO_BUDGET "WSF_NO_BUDGET"
    const uint64_t NO_LIMIT "WSF_NO_LIMIT"  # the largest length of a frame


cdef uint64_t limit_of(str name, object value, int low) except? 0
cdef uint64_t budget_of(object value) except? 0
cdef bint server_of(object role) except -1


cdef class _Decoder:
    cdef object violation  # that ended the stream
    cdef bint stopped  # nothing more is decoded; set while a call decodes, and cleared at its end
    cdef char busy
    cdef bint masked
    cdef bint in_payload  # a header was read, and its payload has not arrived whole
    cdef int head_size
    cdef uint8_t head[MAX_HEADER]  # of a header that has not arrived whole
    cdef uint8_t first  # byte of the header
    cdef uint8_t key[4]
    cdef uint64_t remaining  # bytes of the payload that have not arrived

    # A message or frame that did not arrive in one piece, in a bytes object with room to grow.
    cdef PyObject *buffer
    cdef Py_ssize_t buffer_size
    cdef Py_ssize_t buffer_capacity

    cdef bytes unread_data  # what was fed and not decoded, from `unread_start` on; None if there is nothing
    cdef Py_ssize_t unread_start
    cdef uint64_t cost  # of all that was decoded so far
    cdef uint64_t cost_limit  # at which the call that runs returns
    cdef Py_ssize_t max_returned  # messages that the call that runs returns
    cdef uint64_t max_piece  # bytes of a payload that `receive_payload` takes at once

    cdef list feed_object(self, object data, uint64_t budget)
    cdef list feed_bytes(self, const uint8_t *p, Py_ssize_t size, uint64_t budget)
    cdef int fail(self, object error) except -1
    cdef void discard_all(self) noexcept
    cdef int consume(self, const uint8_t *p, Py_ssize_t size, list out) except -1
    cdef const uint8_t *decode(self, const uint8_t *p, const uint8_t *end, list out) except? NULL
    cdef const uint8_t *step(self, const uint8_t *p, const uint8_t *end, list out) except? NULL
    cdef const uint8_t *receive_header(self, const uint8_t *p, const uint8_t *end) except NULL
    cdef void rotate_key(self, uint64_t size) noexcept
    cdef int append(self, const uint8_t *p, Py_ssize_t n, const uint8_t *key, uint64_t more) except -1
    cdef uint8_t *buffer_data(self) noexcept
    cdef bytes detach_buffer(self)
    cdef void discard_payload(self) noexcept
    cdef int check_sequence(self, uint8_t first) except -1
    cdef int check_size(self, uint8_t first, uint64_t length) except -1
    cdef int begin_frame(self, uint8_t first) except -1
    cdef bint receive_payload(self, const uint8_t *p, Py_ssize_t n, list out) except -1
