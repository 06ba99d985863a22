from cpython.buffer cimport Py_buffer
from libc.stdint cimport uint8_t


cdef int view_of(str name, object value, Py_buffer *view, bint writable=*) except -1
cdef int key_of(str name, object value, uint8_t *key) except -1
