"""Masking (RFC 6455, 5.3)."""

import os

from cpython.buffer cimport (
    PyBUF_ND,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_CheckBuffer,
    PyObject_GetBuffer,
)
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.limits cimport LLONG_MAX
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from wsframe import _errors
from wsframe._c.kernel cimport active

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) except? -1
    unsigned long PyLong_AsUnsignedLongMask(object number) except? <unsigned long>-1

cdef extern from *:
    """
    /* Whether the bytes stay where they are without a Py_buffer, as long as no Python code runs. */
    #ifdef Py_GIL_DISABLED
    #define wsf_is_still(o) 0
    #else
    #define wsf_is_still(o) PyByteArray_CheckExact(o)
    #endif
    """
    bint wsf_is_still(object)

cdef object ZERO = 0


cdef int view_of(str name, object value, Py_buffer *view, bint writable=False) except -1:
    """Get a view of a contiguous one-dimensional buffer; the caller releases it."""
    if not PyObject_CheckBuffer(value):
        raise _errors.not_bytes_like(name, value)
    try:
        PyObject_GetBuffer(value, view, PyBUF_ND | PyBUF_WRITABLE if writable else PyBUF_ND)
    except (BufferError, ValueError, TypeError) as exc:
        raise refusal(name, value, writable, exc) from None
    if view.ndim != 1:
        PyBuffer_Release(view)
        raise _errors.not_contiguous(name)
    return 0


cdef object refusal(str name, object value, bint writable, object exc):
    """Make the error for a buffer that cannot be had."""
    try:
        view = memoryview(value)
    except Exception:
        return exc
    if view.ndim != 1 or not view.c_contiguous:
        return _errors.not_contiguous(name)
    return _errors.not_writable(name) if writable and view.readonly else exc


cdef int key_of(str name, object value, uint8_t *key) except -1:
    """Read a masking key."""
    cdef Py_buffer view
    if PyBytes_CheckExact(value) and PyBytes_GET_SIZE(value) == 4:
        memcpy(key, PyBytes_AS_STRING(value), 4)
        return 0
    view_of(name, value, &view)
    try:
        if view.len != 4:
            raise _errors.key_size(name, view.len)
        memcpy(key, view.buf, 4)
    finally:
        PyBuffer_Release(&view)
    return 0


cdef long long int_in(str name, object value, long long low, long long high) except? -1:
    """Read an int that must be in a range; methods of a subclass are not called."""
    cdef int overflow = 0
    if not isinstance(value, int):
        raise _errors.not_int(name, value)
    cdef long long number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow or not low <= number <= high:
        raise _errors.out_of_range(name, low, high)
    return number


cdef long long natural_of(str name, object value) except -1:
    """Read an int that must not be negative; one that is too large becomes the largest there is."""
    cdef int overflow = 0
    if not isinstance(value, int):
        raise _errors.not_int(name, value)
    cdef long long number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow > 0:
        return LLONG_MAX
    if overflow or number < 0:
        raise _errors.negative(name)
    return number


cdef bytes random_bytes(Py_ssize_t size):
    """Return bytes of `os.urandom`, checked in case somebody has replaced it."""
    entropy = os.urandom(size)
    if not PyBytes_CheckExact(entropy) or PyBytes_GET_SIZE(entropy) != size:
        raise _errors.not_random(size, entropy)
    return entropy


cdef int rotate(uint8_t *key, object offset) except -1:
    """Align a masking key with the payload byte at `offset`."""
    cdef uint8_t rotated[4]
    cdef int i, first
    natural_of("offset", offset)
    first = PyLong_AsUnsignedLongMask(offset) & 3
    for i in range(4):
        rotated[i] = key[(i + first) & 3]
    memcpy(key, rotated, 4)
    return 0


def mask(data, key, offset=0):
    """mask(data, key, offset=0)

    Mask or unmask payload bytes: XOR with the repeated 4-byte key (RFC 6455, 5.3).

    Args:
        data: any contiguous buffer.
        key: the masking key, 4 bytes.
        offset: how many bytes of the payload came before data; it rotates the key.

    Returns:
        As many bytes as data has.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: key is not 4 bytes, or offset is negative.
        BufferError: data is not contiguous, or has more than one dimension.
    """
    cdef uint8_t k[4]
    cdef Py_buffer view
    cdef bytes out
    cdef Py_ssize_t size
    if PyBytes_CheckExact(data):
        key_of("key", key, k)
        if offset is not ZERO:
            rotate(k, offset)
        size = PyBytes_GET_SIZE(data)
        out = PyBytes_FromStringAndSize(NULL, size)
        active.xor_(<uint8_t *>PyBytes_AS_STRING(out), <uint8_t *>PyBytes_AS_STRING(data), size, k)
        return out
    view_of("data", data, &view)
    try:
        key_of("key", key, k)
        if offset is not ZERO:
            rotate(k, offset)
        out = PyBytes_FromStringAndSize(NULL, view.len)
        active.xor_(<uint8_t *>PyBytes_AS_STRING(out), data_of(&view), view.len, k)
        return out
    finally:
        PyBuffer_Release(&view)


def mask_into(buffer, key, offset=0):
    """mask_into(buffer, key, offset=0)

    Mask or unmask payload bytes in place (RFC 6455, 5.3).

    Args:
        buffer: any writable contiguous buffer.
        key: the masking key, 4 bytes.
        offset: how many bytes of the payload came before buffer; it rotates the key.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: key is not 4 bytes, or offset is negative.
        BufferError: buffer is read-only, not contiguous, or has more than one dimension.
    """
    cdef uint8_t k[4]
    cdef uint8_t *p
    cdef Py_buffer view
    if wsf_is_still(buffer) and PyBytes_CheckExact(key):
        key_of("key", key, k)
        if offset is not ZERO:
            rotate(k, offset)
        p = <uint8_t *>PyByteArray_AS_STRING(buffer)
        active.xor_(p, p, PyByteArray_GET_SIZE(buffer), k)
        return
    view_of("buffer", buffer, &view, True)
    try:
        key_of("key", key, k)
        if offset is not ZERO:
            rotate(k, offset)
        p = data_of(&view)
        active.xor_(p, p, view.len, k)
    finally:
        PyBuffer_Release(&view)
