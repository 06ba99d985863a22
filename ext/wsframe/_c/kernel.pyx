"""The kernels of this machine, linked here alone, and the one in use."""

import os

from libc.stdint cimport uint8_t, uint16_t, uint32_t


cdef extern from "kernels/kernels.h" nogil:
    const wsf_kernel *wsf_kernels(size_t *count)
    bint wsf_utf8_may_continue(const uint8_t *, size_t)
    size_t wsf_utf8_size_ucs1(const uint8_t *, size_t)
    size_t wsf_utf8_size_ucs2(const uint16_t *, size_t)
    size_t wsf_utf8_size_ucs4(const uint32_t *, size_t)
    void wsf_utf8_from_ucs1(uint8_t *, const uint8_t *, size_t)
    void wsf_utf8_from_ucs2(uint8_t *, const uint16_t *, size_t)
    void wsf_utf8_from_ucs4(uint8_t *, const uint32_t *, size_t)


cdef bint may_continue(const uint8_t *rest, size_t n) noexcept nogil:
    return wsf_utf8_may_continue(rest, n)


cdef size_t utf8_size(const void *units, size_t chars, int width) noexcept nogil:
    if width == 1:
        return wsf_utf8_size_ucs1(<const uint8_t *>units, chars)
    if width == 2:
        return wsf_utf8_size_ucs2(<const uint16_t *>units, chars)
    return wsf_utf8_size_ucs4(<const uint32_t *>units, chars)


cdef void utf8_write(uint8_t *dst, const void *units, size_t chars, int width) noexcept nogil:
    if width == 1:
        wsf_utf8_from_ucs1(dst, <const uint8_t *>units, chars)
    elif width == 2:
        wsf_utf8_from_ucs2(dst, <const uint16_t *>units, chars)
    else:
        wsf_utf8_from_ucs4(dst, <const uint32_t *>units, chars)


def available():
    """Name the kernels this CPU can run, slowest first."""
    cdef size_t count, i
    cdef const wsf_kernel *kernels = wsf_kernels(&count)
    return tuple([kernels[i].name.decode("ascii") for i in range(count)])


def selected():
    """Name the kernel in use."""
    return active.name.decode("ascii")


def select(str name):
    """Put another kernel in use; no other thread may be inside the codec."""
    global active
    cdef size_t count, i
    cdef const wsf_kernel *kernels = wsf_kernels(&count)
    for i in range(count):
        if kernels[i].name.decode("ascii") == name:
            active = &kernels[i]
            return
    raise ValueError(f"no kernel {name!r} on this CPU, only {', '.join(available())}")


*_, _fastest = available()
select(os.environ.get("WSFRAME_KERNEL") or _fastest)
