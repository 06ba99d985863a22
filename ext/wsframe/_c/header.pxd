from libc.stdint cimport uint8_t, uint64_t

# What the first bytes of a frame say (RFC 6455, 5.2); the numbers are those of _spec.
cdef enum:
    FIN = 0x80
    RSV = 0x70
    RSV1 = 0x40
    OPCODE = 0x0F
    CONTROL = 0x08
    MASKED = 0x80
    LENGTH = 0x7F
    LENGTH_16 = 126
    LENGTH_64 = 127
    MAX_LENGTH_7 = 125
    MAX_LENGTH_16 = 65535
    MAX_HEADER = 14

# What read_header returns for a broken rule. The first three show in the first two bytes of a header.
cdef enum:
    RESERVED_OPCODE = -1
    FRAGMENTED_CONTROL = -2
    LONG_CONTROL = -3
    LENGTH_NOT_MINIMAL = -4
    LENGTH_OVERFLOW = -5

cdef tuple OPCODES

cdef int read_header(const uint8_t *data, Py_ssize_t size, uint64_t *length) noexcept nogil
cdef object header_violation(int code, uint8_t first)


cdef inline int header_size(uint64_t length, bint masked) noexcept nogil:
    return (2 if length <= MAX_LENGTH_7 else 4 if length <= MAX_LENGTH_16 else 10) + 4 * masked


cdef inline int write_header(uint8_t *dst, uint8_t first, uint64_t length, const uint8_t *key) noexcept nogil:
    """Write a header and return its size; key is NULL for a frame that is not masked."""
    cdef uint8_t masked = MASKED if key != NULL else 0
    cdef int size = 2, i
    dst[0] = first
    if length <= MAX_LENGTH_7:
        dst[1] = masked | <uint8_t>length
    elif length <= MAX_LENGTH_16:
        dst[1] = masked | LENGTH_16
        dst[2] = <uint8_t>(length >> 8)
        dst[3] = <uint8_t>length
        size = 4
    else:
        dst[1] = masked | LENGTH_64
        for i in range(8):
            dst[2 + i] = <uint8_t>(length >> (56 - 8 * i))
        size = 10
    if key != NULL:
        for i in range(4):
            dst[size + i] = key[i]
        size += 4
    return size

cdef int opcode_of(object value) except -1
cdef int first_byte(int opcode, uint64_t length, bint fin, object rsv) except -1
