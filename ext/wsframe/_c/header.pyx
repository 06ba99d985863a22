"""Frame headers (RFC 6455, 5.2)."""

from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t

from wsframe import _errors, _spec
from wsframe._spec import Header, Opcode

from wsframe._c.mask cimport data_of, int_in, key_of, natural_of, view_of

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) except? -1

# Indexed by the four bits; None where the opcode is reserved.
cdef tuple OPCODES = tuple([Opcode._value2member_map_.get(i) for i in range(16)])
# A bit for each opcode that is not reserved.
cdef unsigned int KNOWN_OPCODES = sum([1 << int(opcode) for opcode in Opcode])

cdef long long MAX_LENGTH = _spec.MAX_LENGTH


cdef int read_header(const uint8_t *data, Py_ssize_t size, uint64_t *length) noexcept nogil:
    """Read the header of a frame of which `size` bytes have arrived, and its length (RFC 6455, 5.2).

    This is the one place that reads a header; only the fast path of MessageDecoder looks at its bytes, too.

    Returns:
        The size of the header, including a masking key, which may not have arrived yet; 0 if more bytes are
        needed to tell; less than 0 if it breaks a rule that holds for both sides, see `header_violation`.
    """
    cdef uint8_t short
    cdef uint64_t value = 0
    cdef int end = 2, i
    if size < 2:
        return 0
    if not KNOWN_OPCODES >> (data[0] & OPCODE) & 1:
        return RESERVED_OPCODE
    short = data[1] & LENGTH
    if data[0] & CONTROL:
        if not data[0] & FIN:
            return FRAGMENTED_CONTROL
        if short > MAX_LENGTH_7:
            return LONG_CONTROL
    if short < LENGTH_16:
        length[0] = short
    else:
        end = 4 if short == LENGTH_16 else 10
        if size < end:
            return 0
        for i in range(2, end):
            value = value << 8 | data[i]
        if value <= <uint64_t>(MAX_LENGTH_7 if short == LENGTH_16 else MAX_LENGTH_16):
            return LENGTH_NOT_MINIMAL
        if value >> 63:
            return LENGTH_OVERFLOW
        length[0] = value
    return end + 4 if data[1] & MASKED else end


cdef object header_violation(int code, uint8_t first):
    """Make the error of a rule that `read_header` found broken in a header with this first byte."""
    if code == RESERVED_OPCODE:
        return _errors.reserved_opcode(first & OPCODE)
    if code == FRAGMENTED_CONTROL:
        return _errors.fragmented_control()
    if code == LONG_CONTROL:
        return _errors.long_control()
    return _errors.length_not_minimal() if code == LENGTH_NOT_MINIMAL else _errors.length_overflow()


cdef int opcode_of(object value) except -1:
    """Read the opcode that a caller wants."""
    cdef int overflow = 0
    if not isinstance(value, int):
        raise _errors.not_int("opcode", value)
    cdef long long opcode = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow or not 0 <= opcode < 16 or OPCODES[opcode] is None:
        raise _errors.not_an_opcode(value)
    return <int>opcode


cdef int first_byte(int opcode, uint64_t length, bint fin, object rsv) except -1:
    """Check what a caller wants in a header; return its first byte."""
    cdef int bits = <int>int_in("rsv", rsv, 0, 7)
    if opcode & CONTROL:
        if not fin:
            raise _errors.control_frame("is not fragmented")
        if length > MAX_LENGTH_7:
            raise _errors.control_frame(f"carries at most {MAX_LENGTH_7} bytes")
    return (FIN if fin else 0) | bits << 4 | opcode


cdef object header_at(const uint8_t *p, Py_ssize_t size):
    cdef uint64_t length
    cdef int end = read_header(p, size, &length)
    if end < 0:
        raise header_violation(end, p[0])
    if end == 0 or size < end:
        return None
    key = PyBytes_FromStringAndSize(<char *>p + end - 4, 4) if p[1] & MASKED else None
    return Header(p[0] & FIN != 0, (p[0] & RSV) >> 4, OPCODES[p[0] & OPCODE], key, length, end)


def parse_header(buffer, offset=0):
    """parse_header(buffer, offset=0)

    Read the frame header that begins at an offset (RFC 6455, 5.2).

    Args:
        buffer: any contiguous buffer.
        offset: where in it the frame begins, in bytes.

    Returns:
        The header, or None when more bytes are needed.

    Raises:
        ProtocolError: no frame can begin so, whichever side sent it.
        TypeError: an argument is of the wrong type.
        ValueError: offset is negative or past the end of buffer.
        BufferError: buffer is not contiguous, or has more than one dimension.
    """
    cdef Py_buffer view
    cdef uint8_t head[MAX_HEADER]
    cdef long long at
    cdef Py_ssize_t start, size, i
    view_of("buffer", buffer, &view)
    try:
        at = natural_of("offset", offset)
        if at > view.len:
            raise _errors.offset_past_end()
        start = <Py_ssize_t>at
        size = min(view.len - start, <Py_ssize_t>MAX_HEADER)
        # A copy: the rules must hold for the very bytes that are returned.
        for i in range(size):
            head[i] = data_of(&view)[start + i]
    finally:
        PyBuffer_Release(&view)
    return header_at(head, size)


def build_header(opcode, length, *, bint fin=True, rsv=0, mask_key=None):
    """build_header(opcode, length, *, fin=True, rsv=0, mask_key=None)

    Write a frame header (RFC 6455, 5.2).

    Args:
        opcode: what the frame carries.
        length: bytes of payload that will follow, from 0 to 2**63 - 1.
        fin: whether the frame ends its message.
        rsv: the three reserved bits as a number from 0 to 7, RSV1 = 4.
        mask_key: the masking key, 4 bytes, of a frame that a client sends.

    Returns:
        From 2 to 14 bytes.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is out of range, or a control frame is fragmented or too long.
    """
    cdef uint8_t out[MAX_HEADER]
    cdef uint8_t key[4]
    cdef int code = opcode_of(opcode)
    cdef uint64_t n = int_in("length", length, 0, MAX_LENGTH)
    cdef uint8_t first = first_byte(code, n, fin, rsv)
    if mask_key is not None:
        key_of("mask_key", mask_key, key)
    size = write_header(out, first, n, key if mask_key is not None else NULL)
    return PyBytes_FromStringAndSize(<char *>out, size)
