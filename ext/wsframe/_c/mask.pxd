from cpython.buffer cimport Py_buffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t

from wsframe._c.kernel cimport active


cdef extern from *:
    """
    /* The address of an empty buffer that has none: kernels and memcpy get no NULL. */
    static uint8_t wsf_nothing[1];
    /* The masking key of a frame that is not masked. */
    #define wsf_no_key ((const uint8_t *)"\\0\\0\\0")
    """
    uint8_t *wsf_nothing
    const uint8_t *NO_KEY "wsf_no_key"


cdef inline uint8_t *data_of(const Py_buffer *view) noexcept nogil:
    return <uint8_t *>view.buf if view.buf != NULL else wsf_nothing


cdef inline bytes unmasked(const uint8_t *p, Py_ssize_t n, const uint8_t *key):
    cdef bytes out = PyBytes_FromStringAndSize(NULL, n)
    active.xor_(<uint8_t *>PyBytes_AS_STRING(out), p, n, key)
    return out


cdef int view_of(str name, object value, Py_buffer *view, bint writable=*) except -1
cdef int key_of(str name, object value, uint8_t *key) except -1
cdef long long int_in(str name, object value, long long low, long long high) except? -1
cdef long long natural_of(str name, object value) except -1
cdef bytes random_bytes(Py_ssize_t size)
