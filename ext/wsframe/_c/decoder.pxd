from libc.stdint cimport uint8_t, uint64_t

cdef extern from *:
    """
    #define WSF_NO_BUDGET UINT64_MAX
    """
    const uint64_t NO_BUDGET "WSF_NO_BUDGET"


cdef list messages_in(object decoder, const uint8_t *p, Py_ssize_t size, uint64_t budget, bint *plain)
cdef uint64_t inflated_by(object decoder) except? 0
cdef bint has_unread(object decoder) except -1
cdef int skip_messages(object decoder) except -1
