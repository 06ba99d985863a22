"""Whole frames off the front of a buffer, for libraries that keep their own parser (RFC 6455, 5.2)."""

from cpython.buffer cimport Py_buffer, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.sequence cimport PySequence_DelSlice
from libc.limits cimport LLONG_MAX
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memchr

from wsframe import _errors

from wsframe._c.header cimport FIN, MASKED, read_header
from wsframe._c.mask cimport NO_KEY, data_of, int_in, unmasked, view_of
from wsframe._c.utf8 cimport text_of

cdef enum:
    TEXT = 0x1
    BINARY = 0x2


def cut_frames(data, start, bint masked, max_frame, bytes firsts=None, count=None):
    """cut_frames(data, start, masked, max_frame, firsts=None, count=None)

    Cut whole, valid frames off a buffer until one is not (RFC 6455, 5.2).

    For libraries that parse all other frames themselves: it stops before a frame that is not whole,
    breaks a rule of the header, is longer than max_frame, or has a first byte that is not in firsts.

    Args:
        data: any contiguous buffer.
        start: offset of the first frame, in bytes.
        masked: whether frames must be masked or must not.
        max_frame: bytes of payload a frame may carry.
        firsts: the first bytes (FIN, RSV and opcode) a frame may have; None for any.
        count: frames to cut at most; None for all.

    Returns:
        The first byte and the unmasked payload of each frame, and the offset of the next frame.
    """
    cdef long long room
    cdef Py_buffer view
    cdef const uint8_t *p
    cdef const uint8_t *origin
    cdef long long limit
    cdef Py_ssize_t size
    cdef uint64_t length
    cdef list out = []
    view_of("data", data, &view)
    try:
        origin = data_of(&view)
        p = origin + int_in("start", start, 0, view.len)
        limit = int_in("max_frame", max_frame, -LLONG_MAX, LLONG_MAX)
        room = LLONG_MAX if count is None else int_in("count", count, 0, LLONG_MAX)
        while room > 0:
            room -= 1
            size = header_of(p, view.len - (p - origin), masked, &length)
            if size == 0 or <long long>length > limit:
                break
            if firsts is not None:
                if memchr(PyBytes_AS_STRING(firsts), p[0], PyBytes_GET_SIZE(firsts)) == NULL:
                    break
            out.append((p[0], unmasked(p + size, length, p + size - 4 if masked else NO_KEY)))
            p += size + length
        return out, p - origin
    finally:
        PyBuffer_Release(&view)


def take_frame(buffer, bint masked):
    """take_frame(buffer, masked)

    Remove one frame from the front of a buffer, if it is whole and valid (RFC 6455, 5.2).

    Args:
        buffer: what has arrived; what follows the frame stays in it.
        masked: whether frames must be masked or must not.

    Returns:
        The first byte and the unmasked payload; None when the buffer does not begin with such a frame.

    Raises:
        TypeError: buffer is not a bytearray.
    """
    cdef Py_buffer view
    cdef const uint8_t *p
    cdef Py_ssize_t size
    cdef uint64_t length
    if not isinstance(buffer, bytearray):
        raise _errors.not_bytearray("buffer", buffer)
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
    try:
        p = data_of(&view)
        size = header_of(p, view.len, masked, &length)
        if size == 0:
            return None
        frame = (p[0], unmasked(p + size, length, p + size - 4 if masked else NO_KEY))
    finally:
        PyBuffer_Release(&view)
    PySequence_DelSlice(buffer, 0, size + <Py_ssize_t>length)
    return frame


def take_message(buffer, bint masked):
    """take_message(buffer, masked)

    Remove one message from the front of a buffer, if a single valid frame holds all of it (RFC 6455, 5.6).

    Args:
        buffer: what has arrived; what follows the message stays in it.
        masked: whether frames must be masked or must not.

    Returns:
        The message; None when the buffer begins with anything else: a part of a frame, a fragment, a
        control frame, a reserved bit, a broken rule, or text that is not valid UTF-8.

    Raises:
        TypeError: buffer is not a bytearray.
    """
    cdef Py_buffer view
    cdef const uint8_t *p
    cdef const uint8_t *key = NO_KEY
    cdef Py_ssize_t size
    cdef uint64_t length
    if not isinstance(buffer, bytearray):
        raise _errors.not_bytearray("buffer", buffer)
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
    try:
        p = data_of(&view)
        size = header_of(p, view.len, masked, &length)
        if size == 0:
            return None
        if masked:
            key = p + size - 4
        if p[0] == (FIN | TEXT):
            message = text_of(p + size, length, key)
        elif p[0] == (FIN | BINARY):
            message = unmasked(p + size, length, key)
        else:
            message = None
    finally:
        PyBuffer_Release(&view)
    if message is not None:
        PySequence_DelSlice(buffer, 0, size + <Py_ssize_t>length)
    return message


cdef int header_of(const uint8_t *p, Py_ssize_t n, bint masked, uint64_t *length) noexcept:
    """Read the header of a frame that is whole and valid; return its size, or 0 if there is none."""
    cdef int size = read_header(p, n, length)
    if size <= 0 or n < size or bool(p[1] & MASKED) != masked or length[0] > <uint64_t>(n - size):
        return 0
    return size
