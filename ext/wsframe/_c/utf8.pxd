from libc.stdint cimport uint8_t

from wsframe._c.kernel cimport wsf_utf8_stats


cdef extern from "Python.h":
    str PyUnicode_New(Py_ssize_t size, Py_UCS4 maxchar)
    uint8_t *PyUnicode_1BYTE_DATA(object text)
    void *PyUnicode_DATA(object text)
    int PyUnicode_KIND(object text)
    bint PyUnicode_IS_ASCII(object text)
    int PyUnicode_READY(object text) except -1
    Py_ssize_t PyUnicode_GET_LENGTH(object text)


cdef object text_of(const uint8_t *src, Py_ssize_t n, const uint8_t *key)
cdef str transcode(const uint8_t *src, Py_ssize_t n, const wsf_utf8_stats *stats)
cdef Py_ssize_t valid_prefix(const uint8_t *src, Py_ssize_t n, wsf_utf8_stats *stats) noexcept nogil
