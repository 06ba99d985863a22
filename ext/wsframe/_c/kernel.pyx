"""The kernels of this machine, linked here alone, and the one in use."""

import os

from libc.stdint cimport uint8_t


cdef extern from "kernels/kernels.h" nogil:
    const wsf_kernel *wsf_kernels(size_t *count)
    bint wsf_utf8_may_continue(const uint8_t *, size_t)


cdef bint may_continue(const uint8_t *rest, size_t n) noexcept nogil:
    return wsf_utf8_may_continue(rest, n)


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
