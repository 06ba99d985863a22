"""Writes that leave together."""

from cpython.bytes cimport PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from cpython.time cimport monotonic


cdef class Cork:
    """Holds back what is written, to write it at once.

    Args:
        write: takes what leaves, bytes.
        size: bytes that are held back at most.
        seconds: how long the first piece waits; the next one after that takes it along, and ends the waiting.
    """

    cdef list pieces
    cdef Py_ssize_t held
    cdef Py_ssize_t size
    cdef double seconds
    cdef public double until  # what is held back may wait
    cdef object out
    cdef public bint open  # nothing is held back

    def __cinit__(self, *args, **kwargs):
        self.pieces = []

    def __init__(self, write not None, Py_ssize_t size, double seconds):
        self.out = write
        self.size = size
        self.seconds = seconds

    def __len__(self):
        return PyList_GET_SIZE(self.pieces)

    def write(self, data):
        """Hold data back; what is not bytes may change, or be an error, and is written at once."""
        cdef double now
        if self.open or not PyBytes_CheckExact(data):
            self.flush()
            self.out(data)
            return
        now = monotonic()
        if not self.pieces:
            self.until = now + self.seconds
        self.pieces.append(data)
        self.held += PyBytes_GET_SIZE(data)
        if now > self.until:
            self.draw()
        elif self.held > self.size:
            self.flush()

    def draw(self):
        """Write what was held back, and hold back no more."""
        self.open = True
        self.flush()

    def flush(self):
        """Write what was held back."""
        if self.pieces:
            data = b"".join(self.pieces)
            self.drop()
            self.out(data)

    def drop(self):
        """Forget what was held back."""
        self.pieces.clear()
        self.held = 0
