from libc.stdint cimport uint8_t, uint16_t, uint32_t


cdef extern from "kernels/kernels.h" nogil:
    enum:
        WSF_SHORT

    ctypedef struct wsf_utf8_stats:
        size_t chars
        uint8_t max

    ctypedef struct wsf_kernel:
        const char *name
        void (*xor_)(uint8_t *, const uint8_t *, size_t, const uint8_t *) noexcept nogil
        uint8_t (*xor_or)(uint8_t *, const uint8_t *, size_t, const uint8_t *) noexcept nogil
        size_t (*utf8_scan)(const uint8_t *, size_t, wsf_utf8_stats *) noexcept nogil
        void (*utf8_ucs1)(uint8_t *, size_t, const uint8_t *, size_t) noexcept nogil
        void (*utf8_ucs2)(uint16_t *, size_t, const uint8_t *, size_t) noexcept nogil
        void (*utf8_ucs4)(uint32_t *, size_t, const uint8_t *, size_t) noexcept nogil
        uint32_t (*utf8_short)(
            uint32_t *, size_t *, const uint8_t *, size_t, const uint8_t *
        ) noexcept nogil
        size_t (*utf8_size_ucs1)(const uint8_t *, size_t) noexcept nogil
        size_t (*utf8_size_ucs2)(const uint16_t *, size_t) noexcept nogil
        size_t (*utf8_size_ucs4)(const uint32_t *, size_t) noexcept nogil
        size_t (*utf8_from_ucs1)(uint8_t *, size_t, const uint8_t *, size_t) noexcept nogil
        size_t (*utf8_from_ucs2)(uint8_t *, size_t, const uint16_t *, size_t) noexcept nogil
        size_t (*utf8_from_ucs4)(uint8_t *, size_t, const uint32_t *, size_t) noexcept nogil
        void (*sha1)(uint8_t *, const uint8_t *, size_t) noexcept nogil


# The kernel in use.
cdef const wsf_kernel *active

cdef bint may_continue(const uint8_t *rest, size_t n) noexcept nogil


cdef inline size_t utf8_size(const void *units, size_t chars, int width) noexcept nogil:
    if width == 1:
        return active.utf8_size_ucs1(<const uint8_t *>units, chars)
    if width == 2:
        return active.utf8_size_ucs2(<const uint16_t *>units, chars)
    return active.utf8_size_ucs4(<const uint32_t *>units, chars)


cdef inline size_t utf8_write(
    uint8_t *dst, size_t room, const void *units, size_t chars, int width
) noexcept nogil:
    if width == 1:
        return active.utf8_from_ucs1(dst, room, <const uint8_t *>units, chars)
    if width == 2:
        return active.utf8_from_ucs2(dst, room, <const uint16_t *>units, chars)
    return active.utf8_from_ucs4(dst, room, <const uint32_t *>units, chars)
