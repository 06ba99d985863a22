# cython: binding=False
"""What the decoders of frames and of messages share (RFC 6455, 5.2)."""

from cpython.buffer cimport Py_buffer, PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from wsframe import _errors
from wsframe._errors import ProtocolError
from wsframe._spec import MAX_MESSAGES, Role

from wsframe._c.header cimport LONG_CONTROL, MASKED, MAX_HEADER, header_violation, read_header
from wsframe._c.kernel cimport active
from wsframe._c.mask cimport data_of, int_in, natural_of, view_of


cdef extern from "Python.h":
    const Py_ssize_t PY_SSIZE_T_MAX
    int _PyBytes_Resize(PyObject **bytes, Py_ssize_t size) except -1
    PyObject *PyBytes_New "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t size) except NULL
    char *PyBytes_Data "PyBytes_AS_STRING"(PyObject *bytes)

cdef extern from "guard.h":
    bint wsf_enter(char *busy)
    void wsf_leave(char *busy)


# The error of a stream for which there was no memory to make one.
cdef object INTERRUPTED = _errors.interrupted()
cdef Py_ssize_t MESSAGES_OF_A_CALL = MAX_MESSAGES


cdef uint64_t limit_of(str name, object value, int low) except? 0:
    """Read a limit; None means the largest number."""
    if value is None:
        return NO_LIMIT
    return int_in(name, value, low, NO_LIMIT)


cdef uint64_t budget_of(object value) except? 0:
    """Read a budget; None means no budget."""
    return NO_BUDGET if value is None else natural_of("budget", value)


cdef bint server_of(object role) except -1:
    """Tell whether we are the server."""
    if not isinstance(role, Role):
        raise _errors.not_role(role)
    return role is Role.SERVER


cdef class _Decoder:
    """What both decoders share: headers, masking keys, and frames that arrive in pieces."""

    def __dealloc__(self):
        Py_XDECREF(self.buffer)

    @property
    def error(self):
        if self.stopped and self.violation is None and not self.busy:
            try:
                self.violation = _errors.interrupted()
            except MemoryError:
                return INTERRUPTED
        return self.violation

    cdef list feed_object(self, object data, uint64_t budget):
        cdef Py_buffer view
        if PyBytes_CheckExact(data):
            return self.feed_bytes(<const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), budget)
        try:
            view_of("data", data, &view)
        except MemoryError:
            self.stopped = True  # these bytes are lost
            raise
        try:
            return self.feed_bytes(data_of(&view), view.len, budget)
        finally:
            PyBuffer_Release(&view)

    cdef list feed_bytes(self, const uint8_t *p, Py_ssize_t size, uint64_t budget):
        cdef list out
        if not wsf_enter(&self.busy):
            raise _errors.busy()
        try:
            if self.stopped:
                if self.violation is None:
                    self.violation = _errors.interrupted()
                raise self.violation.with_traceback(None)
            self.stopped = True  # first, for what fails below may leave no memory to note it
            # At least 1, so that every call decodes something.
            self.cost_limit = self.cost + max(budget, <uint64_t>1)
            if self.cost_limit < self.cost:
                self.cost_limit = NO_BUDGET
            self.max_returned = PY_SSIZE_T_MAX if budget == NO_BUDGET else MESSAGES_OF_A_CALL
            try:
                out = []
                self.consume(p, size, out)
                self.stopped = False
            except ProtocolError as exc:
                self.fail(exc)
            except BaseException:
                self.discard_all()
                raise
            return out
        finally:
            wsf_leave(&self.busy)

    cdef int fail(self, object error) except -1:
        """End the stream; keep neither what has arrived nor a reference to the frames of the call."""
        self.discard_all()
        if not isinstance(error, ProtocolError):  # it was one, but there was no memory for its traceback
            raise error
        self.violation = error
        error.__context__ = None
        error.with_traceback(None)
        return 0

    cdef void discard_all(self) noexcept:
        """Discard what has arrived and is not decoded."""
        self.unread_data = None
        self.discard_payload()

    cdef int consume(self, const uint8_t *p, Py_ssize_t size, list out) except -1:
        """Decode what the last call left, and then the new bytes."""
        cdef const uint8_t *end = p + size
        cdef bytes rest = self.unread_data
        if rest is not None:
            if size:
                self.unread_data = rest = joined(rest, self.unread_start, p, size)
                self.unread_start = 0
            p = <const uint8_t *>PyBytes_AS_STRING(rest)
            end = p + PyBytes_GET_SIZE(rest)
            p += self.unread_start
        p = self.decode(p, end, out)
        if p == NULL or p == end:
            self.unread_data = None
        elif rest is None:
            self.unread_data = PyBytes_FromStringAndSize(<const char *>p, end - p)
            self.unread_start = 0
        else:
            self.unread_start = PyBytes_GET_SIZE(rest) - (end - p)
        return 0

    cdef const uint8_t *decode(self, const uint8_t *p, const uint8_t *end, list out) except? NULL:
        """Decode up to the end of the input or of the budget; return where, or NULL to discard the rest."""
        while p != NULL and p != end:
            p = self.step(p, end, out)
        return p

    cdef const uint8_t *step(self, const uint8_t *p, const uint8_t *end, list out) except? NULL:
        """Decode up to the end of a frame or of the input; return where, or NULL to discard the rest."""
        cdef uint64_t size
        if not self.in_payload:
            p = self.receive_header(p, end)
            if not self.in_payload:
                return end
        size = min(min(self.remaining, self.max_piece), <uint64_t>(end - p))
        self.remaining -= size
        self.in_payload = self.remaining > 0
        if self.receive_payload(p, size, out):
            return NULL
        if self.in_payload:
            self.rotate_key(size)
        return p + size

    cdef const uint8_t *receive_header(self, const uint8_t *p, const uint8_t *end) except NULL:
        """Begin a frame, or keep the bytes of a header that has not arrived whole."""
        cdef int kept = self.head_size
        cdef int size = <int>min(end - p, <Py_ssize_t>(MAX_HEADER - kept))
        cdef uint64_t length
        cdef uint8_t *head = self.head
        memcpy(head + kept, p, size)
        size += kept
        self.head_size = size
        if size < 2:
            return end
        cdef int head_size = read_header(head, size, &length)
        if LONG_CONTROL <= head_size < 0:
            raise header_violation(head_size, head[0])
        if bool(head[1] & MASKED) != self.masked:
            raise _errors.unmasked_frame() if self.masked else _errors.masked_frame()
        self.check_sequence(head[0])
        if head_size < 0:
            raise header_violation(head_size, head[0])
        if head_size == 0:
            return end
        self.check_size(head[0], length)
        if size < head_size:
            return end
        if self.masked:
            memcpy(self.key, head + head_size - 4, 4)
        self.first = head[0]
        self.remaining = length
        self.in_payload = True
        self.head_size = 0
        self.begin_frame(head[0])
        return p + (head_size - kept)

    cdef void rotate_key(self, uint64_t size) noexcept:
        """Align the masking key with the next byte of the payload."""
        cdef uint8_t key[4]
        cdef int i
        for i in range(4):
            key[i] = self.key[(i + size) & 3]
        memcpy(self.key, key, 4)

    cdef int append(self, const uint8_t *p, Py_ssize_t n, const uint8_t *key, uint64_t more) except -1:
        """Unmask payload bytes into the buffer, which grows by half, but never past what may still come."""
        cdef Py_ssize_t need = self.buffer_size + n
        cdef Py_ssize_t grown
        if need > self.buffer_capacity:
            grown = self.buffer_capacity + (self.buffer_capacity >> 1)
            if <uint64_t>grown > need + more:
                grown = need + <Py_ssize_t>more
            grown = max(grown, need)
            if self.buffer == NULL:
                self.buffer = PyBytes_New(NULL, grown)
            else:
                self.buffer_capacity = self.buffer_size = 0  # _PyBytes_Resize frees it when it fails
                _PyBytes_Resize(&self.buffer, grown)
                self.buffer_size = need - n
            self.buffer_capacity = grown
        active.xor_(self.buffer_data() + self.buffer_size, p, n, key)
        self.buffer_size = need
        return 0

    cdef uint8_t *buffer_data(self) noexcept:
        # An empty message has no buffer: any other address will do, for nothing is read or written there.
        return <uint8_t *>PyBytes_Data(self.buffer) if self.buffer != NULL else self.head

    cdef bytes detach_buffer(self):
        """Return the buffer as bytes, and begin with an empty one."""
        cdef PyObject *buffer = self.buffer
        if buffer == NULL:
            return b""
        cdef Py_ssize_t size = self.buffer_size
        self.buffer = NULL
        self.buffer_size = self.buffer_capacity = 0
        if PyBytes_GET_SIZE(<object>buffer) != size:
            _PyBytes_Resize(&buffer, size)
        out = <bytes>buffer
        Py_XDECREF(buffer)
        return out

    cdef void discard_payload(self) noexcept:
        """Discard what has arrived of a frame or message."""
        Py_XDECREF(self.buffer)
        self.buffer = NULL
        self.buffer_size = self.buffer_capacity = 0

    cdef int check_sequence(self, uint8_t first) except -1:
        """Check the reserved bits and the order of frames, by the first byte of a header."""
        raise NotImplementedError

    cdef int check_size(self, uint8_t first, uint64_t length) except -1:
        """Check the length of a frame against the limits."""
        raise NotImplementedError

    cdef int begin_frame(self, uint8_t first) except -1:
        """Note the first byte of a frame whose header is whole and valid."""
        return 0

    cdef bint receive_payload(self, const uint8_t *p, Py_ssize_t n, list out) except -1:
        """Take the next piece of a payload; return whether to discard everything behind it."""
        raise NotImplementedError


cdef bytes joined(bytes rest, Py_ssize_t at, const uint8_t *p, Py_ssize_t size):
    cdef Py_ssize_t left = PyBytes_GET_SIZE(rest) - at
    cdef bytes out = PyBytes_FromStringAndSize(NULL, left + size)
    memcpy(PyBytes_AS_STRING(out), PyBytes_AS_STRING(rest) + at, left)
    memcpy(PyBytes_AS_STRING(out) + left, p, size)
    return out
