from libc.stdint cimport uint8_t


cdef list messages_in(object decoder, const uint8_t *p, Py_ssize_t size, bint *plain)
