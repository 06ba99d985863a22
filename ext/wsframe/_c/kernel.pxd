from libc.stdint cimport uint8_t, uint16_t, uint32_t


cdef extern from "kernels/kernels.h" nogil:
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
        void (*sha1)(uint8_t *, const uint8_t *, size_t) noexcept nogil


# The kernel in use.
cdef const wsf_kernel *active

cdef bint may_continue(const uint8_t *rest, size_t n) noexcept nogil
cdef size_t utf8_size(const void *units, size_t chars, int width) noexcept nogil
cdef void utf8_write(uint8_t *dst, const void *units, size_t chars, int width) noexcept nogil
