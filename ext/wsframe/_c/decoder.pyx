"""Bytes to frames and messages (RFC 6455, 5)."""

from cpython.buffer cimport Py_buffer, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_Append, PyList_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF
from cpython.sequence cimport PySequence_DelSlice
from libc.limits cimport LLONG_MAX
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memchr, memcpy

from wsframe import _errors
from wsframe._errors import ProtocolError
from wsframe._spec import (
    DEFAULT_MAX_FRAGMENTS,
    DEFAULT_MAX_MESSAGE,
    DEFLATED_COST,
    DEFLATED_PIECE,
    FRAME_COST,
    MAX_LENGTH,
    MAX_MESSAGES,
    STREAM_COST,
    Close,
    Frame,
    Ping,
    Pong,
    Role,
    may_be_sent,
)

from wsframe._c.header cimport (
    CONTROL,
    FIN,
    LENGTH,
    LENGTH_16,
    MASKED,
    MAX_HEADER,
    MAX_LENGTH_7,
    OPCODE,
    OPCODES,
    RSV,
    RSV1,
    check_start,
    read_length,
)
from wsframe._c.kernel cimport active, wsf_utf8_stats
from wsframe._c.mask cimport data_of, int_in, natural_of, view_of
from wsframe._c.utf8 cimport check, text_of, transcode


cdef extern from "Python.h":
    const Py_ssize_t PY_SSIZE_T_MAX
    int _PyBytes_Resize(PyObject **bytes, Py_ssize_t size) except -1
    PyObject *PyBytes_New "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t size) except NULL
    char *PyBytes_Data "PyBytes_AS_STRING"(PyObject *bytes)

cdef extern from "guard.h":
    bint wsf_enter(char *busy)
    void wsf_leave(char *busy)


cdef enum:
    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    PING = 0x9
    PONG = 0xA

cdef const uint8_t *NO_KEY = b"\0\0\0\0"
cdef uint64_t NO_LIMIT = MAX_LENGTH
# Stands for the error of a stream where there is no memory to make one.
cdef object INTERRUPTED = _errors.interrupted()
cdef uint64_t COST_OF_FRAME = FRAME_COST
cdef uint64_t COST_OF_DEFLATED = DEFLATED_COST
cdef uint64_t PIECE = DEFLATED_PIECE
cdef Py_ssize_t MOST = MAX_MESSAGES
cdef uint64_t COST_OF_STREAM = STREAM_COST


cdef uint64_t limit_of(str name, object value, int low) except? 0:
    """Read a limit; None stands for the largest there is."""
    if value is None:
        return NO_LIMIT
    return int_in(name, value, low, NO_LIMIT)


cdef uint64_t budget_of(object value) except? 0:
    """Read a budget; None stands for one that is never used up."""
    return NO_BUDGET if value is None else natural_of("budget", value)


cdef bint server_of(object role) except -1:
    if not isinstance(role, Role):
        raise _errors.not_role(role)
    return role is Role.SERVER


cdef object parse_close(bytes body):
    """Read the body of a Close frame (RFC 6455, 5.5.1)."""
    if not body:
        return Close()
    if len(body) == 1:
        raise _errors.short_close()
    code = int.from_bytes(body[:2], "big")
    if not may_be_sent(code):
        raise _errors.close_code(code)
    try:
        return Close(code, body[2:].decode("utf-8"))
    except UnicodeDecodeError:
        raise _errors.invalid_reason() from None


cdef class _Decoder:
    """What both decoders share: the header, the key, and the pieces a frame arrives in."""

    cdef object violation  # that ended the stream
    cdef bint over  # nothing more is decoded: set while a call decodes, and cleared when it came to its end
    cdef char busy
    cdef bint masked
    cdef bint open  # whether a payload is under way
    cdef int head_size
    cdef uint8_t head[MAX_HEADER]  # of a header that has not arrived whole
    cdef uint8_t first
    cdef uint8_t key[4]
    cdef uint64_t left  # bytes of the payload still to come

    # A message or frame that did not arrive in one piece, in a bytes object with room to grow.
    cdef PyObject *store
    cdef Py_ssize_t have
    cdef Py_ssize_t room

    cdef bytes rest  # what was fed and not decoded, from `at` on; None when there is nothing
    cdef Py_ssize_t at
    cdef uint64_t spent  # what compressed messages have cost so far
    cdef Py_ssize_t most  # messages that the call that runs returns
    cdef uint64_t largest  # piece of a payload that is taken at once
    cdef uint64_t stop_at  # what they may have cost when the call that runs has to return

    def __dealloc__(self):
        Py_XDECREF(self.store)

    @property
    def error(self):
        if self.over and self.violation is None and not self.busy:
            try:
                self.violation = _errors.interrupted()
            except MemoryError:
                return INTERRUPTED
        return self.violation

    cdef list run(self, object data, uint64_t budget):
        cdef Py_buffer view
        if PyBytes_CheckExact(data):
            return self.run_over(<const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), budget)
        try:
            view_of("data", data, &view)
        except MemoryError:
            self.over = True  # these bytes are lost
            raise
        try:
            return self.run_over(data_of(&view), view.len, budget)
        finally:
            PyBuffer_Release(&view)

    cdef list run_over(self, const uint8_t *p, Py_ssize_t size, uint64_t budget):
        cdef list out
        if not wsf_enter(&self.busy):
            raise _errors.busy()
        try:
            if self.over:
                if self.violation is None:
                    self.violation = _errors.interrupted()
                raise self.violation.with_traceback(None)
            self.over = True  # first, for what fails below may leave no memory to note it
            # A call that inflates nothing does not stop, nor one that has not inflated anything yet.
            self.stop_at = self.spent + max(budget, <uint64_t>1)
            if self.stop_at < self.spent:
                self.stop_at = NO_BUDGET
            self.most = PY_SSIZE_T_MAX if budget == NO_BUDGET else MOST
            try:
                out = []
                self.consume(p, size, out)
                self.over = False
            except ProtocolError as exc:
                self.stop(exc)
            except BaseException:
                self.forget()
                raise
            return out
        finally:
            wsf_leave(&self.busy)

    cdef int stop(self, object error) except -1:
        """End the stream; hold no longer what has arrived, nor the calls that saw it."""
        self.forget()
        if not isinstance(error, ProtocolError):  # it was one, but there was no memory for its traceback
            raise error
        self.violation = error
        error.__context__ = None
        error.with_traceback(None)
        return 0

    cdef void forget(self) noexcept:
        """Let go of what has arrived."""
        self.rest = None
        self.drop()

    cdef int consume(self, const uint8_t *p, Py_ssize_t size, list out) except -1:
        """Decode what was left by the last call, and what has come since."""
        cdef const uint8_t *end = p + size
        cdef bytes rest = self.rest
        if rest is not None:
            if size:
                self.rest = rest = joined(rest, self.at, p, size)
                self.at = 0
            p = <const uint8_t *>PyBytes_AS_STRING(rest)
            end = p + PyBytes_GET_SIZE(rest)
            p += self.at
        p = self.decode(p, end, out)
        if p == NULL or p == end:
            self.rest = None
        elif rest is None:
            self.rest = PyBytes_FromStringAndSize(<const char *>p, end - p)
            self.at = 0
        else:
            self.at = PyBytes_GET_SIZE(rest) - (end - p)
        return 0

    cdef const uint8_t *decode(self, const uint8_t *p, const uint8_t *end, list out) except? NULL:
        """Decode up to the end of the input or of the budget; return where, or NULL to discard the rest."""
        while p != NULL and p != end:
            p = self.step(p, end, out)
        return p

    cdef const uint8_t *step(self, const uint8_t *p, const uint8_t *end, list out) except? NULL:
        """Go on to the end of a frame or of the input; answer where, or NULL to discard the rest."""
        cdef uint64_t take
        if not self.open:
            p = self.read_header(p, end)
            if not self.open:
                return end
        take = min(min(self.left, self.largest), <uint64_t>(end - p))
        self.left -= take
        self.open = self.left > 0
        if self.take(p, take, out):
            return NULL
        if self.open:
            self.turn_key(take)
        return p + take

    cdef const uint8_t *read_header(self, const uint8_t *p, const uint8_t *end) except NULL:
        """Open a frame, or keep the bytes of a header that is not whole yet."""
        cdef int kept = self.head_size
        cdef int size = <int>min(end - p, <Py_ssize_t>(MAX_HEADER - kept))
        cdef uint64_t length
        cdef uint8_t *head = self.head
        memcpy(head + kept, p, size)
        size += kept
        self.head_size = size
        if size < 2:
            return end
        violation = check_start(head[0], head[1])
        if violation is not None:
            raise violation
        if bool(head[1] & MASKED) != self.masked:
            raise _errors.unmasked_frame() if self.masked else _errors.masked_frame()
        self.check_sequence(head[0])
        cdef int used = read_length(head, size, &length)
        if used == 0:
            return end
        self.check_size(head[0], length)
        if self.masked:
            if size < used + 4:
                return end
            memcpy(self.key, head + used, 4)
            used += 4
        self.first = head[0]
        self.left = length
        self.open = True
        self.head_size = 0
        self.begin(head[0])
        return p + (used - kept)

    cdef void turn_key(self, uint64_t taken) noexcept:
        """Make the key meet the next byte of the payload."""
        cdef uint8_t key[4]
        cdef int i
        for i in range(4):
            key[i] = self.key[(i + taken) & 3]
        memcpy(self.key, key, 4)

    cdef int keep(self, const uint8_t *p, Py_ssize_t n, const uint8_t *key, uint64_t more) except -1:
        """Add payload bytes to the store, which grows by halves but never past what may still come."""
        cdef Py_ssize_t need = self.have + n
        cdef Py_ssize_t grown
        if need > self.room:
            grown = self.room + (self.room >> 1)
            if <uint64_t>grown > need + more:
                grown = need + <Py_ssize_t>more
            grown = max(grown, need)
            if self.store == NULL:
                self.store = PyBytes_New(NULL, grown)
            else:
                self.room = self.have = 0  # for _PyBytes_Resize lets go of it when it fails
                _PyBytes_Resize(&self.store, grown)
                self.have = need - n
            self.room = grown
        active.xor_(self.stored() + self.have, p, n, key)
        self.have = need
        return 0

    cdef uint8_t *stored(self) noexcept:
        # An empty message has no store; nobody reads or writes through what stands for it.
        return <uint8_t *>PyBytes_Data(self.store) if self.store != NULL else self.head

    cdef bytes release(self):
        """Hand the store over."""
        cdef PyObject *store = self.store
        if store == NULL:
            return b""
        cdef Py_ssize_t have = self.have
        self.store = NULL
        self.have = self.room = 0
        if PyBytes_GET_SIZE(<object>store) != have:
            _PyBytes_Resize(&store, have)
        out = <bytes>store
        Py_XDECREF(store)
        return out

    cdef void drop(self) noexcept:
        Py_XDECREF(self.store)
        self.store = NULL
        self.have = self.room = 0

    cdef int check_sequence(self, uint8_t first) except -1:
        """Hold the rules about reserved bits and the order of frames."""
        raise NotImplementedError

    cdef int check_size(self, uint8_t first, uint64_t length) except -1:
        """Hold the limits."""
        raise NotImplementedError

    cdef int begin(self, uint8_t first) except -1:
        """Take note of a frame whose header is whole."""
        return 0

    cdef bint take(self, const uint8_t *p, Py_ssize_t n, list out) except -1:
        """Take the next piece of a payload; answer whether to discard all that follows."""
        raise NotImplementedError


cdef bytes joined(bytes rest, Py_ssize_t at, const uint8_t *p, Py_ssize_t size):
    cdef Py_ssize_t left = PyBytes_GET_SIZE(rest) - at
    cdef bytes out = PyBytes_FromStringAndSize(NULL, left + size)
    memcpy(PyBytes_AS_STRING(out), PyBytes_AS_STRING(rest) + at, left)
    memcpy(PyBytes_AS_STRING(out) + left, p, size)
    return out


cdef class FrameDecoder(_Decoder):
    """FrameDecoder(role, *, max_frame=1048576, rsv=0)

    Cut a stream of bytes into frames (RFC 6455, 5.2).

    It holds the rules one frame can break alone; the order of frames, UTF-8 and the body of
    Close frames are not its business.

    Args:
        role: which side we are; a server demands masked frames and a client refuses them (5.1).
        max_frame: bytes of payload a frame may carry; None for no limit.
        rsv: the reserved bits that extensions define for data frames, from 0 to 7, RSV1 = 4.

    Attributes:
        error: the ProtocolError that ended the stream, or None.
        buffered: bytes of payload held of a frame that has not arrived whole.

    Raises:
        TypeError, ValueError: an argument is of the wrong type or out of range.
    """

    cdef uint64_t max_frame
    cdef uint8_t refused_bits

    def __cinit__(self, role, *, max_frame=DEFAULT_MAX_MESSAGE, rsv=0):
        self.masked = server_of(role)
        self.largest = NO_LIMIT
        self.max_frame = limit_of("max_frame", max_frame, 0)
        self.refused_bits = RSV & ~(<int>int_in("rsv", rsv, 0, 7) << 4)

    @property
    def buffered(self):
        return self.have

    def feed(self, data):
        """feed(data)

        Take the next bytes of the stream.

        Args:
            data: any contiguous buffer; no reference to it is kept.

        Returns:
            The frames that are now complete.  Those before a violation are among them; the
            violation then stands in `error`.

        Raises:
            ProtocolError: an earlier call met a violation.
            TypeError: data is not a bytes-like object.
            BufferError: data is not contiguous, or has more than one dimension.
            RuntimeError: another call of feed is running.
        """
        return self.run(data, NO_BUDGET)

    cdef int check_sequence(self, uint8_t first) except -1:
        if first & (RSV if first & CONTROL else self.refused_bits):
            raise _errors.reserved_bits()
        return 0

    cdef int check_size(self, uint8_t first, uint64_t length) except -1:
        if length > self.max_frame:
            raise _errors.frame_too_big(self.max_frame)
        return 0

    cdef bint take(self, const uint8_t *p, Py_ssize_t n, list out) except -1:
        cdef bytes payload
        if self.open or self.have:
            self.keep(p, n, self.key, self.left)
            if self.open:
                return False
            payload = self.release()
        else:
            payload = unmasked(p, n, self.key)
        out.append(
            Frame(OPCODES[self.first & OPCODE], payload, self.first & FIN != 0, (self.first & RSV) >> 4)
        )
        return False


cdef bytes unmasked(const uint8_t *p, Py_ssize_t n, const uint8_t *key):
    cdef bytes out = PyBytes_FromStringAndSize(NULL, n)
    active.xor_(<uint8_t *>PyBytes_AS_STRING(out), p, n, key)
    return out


cdef class MessageDecoder(_Decoder):
    """MessageDecoder(role, *, max_message=1048576, max_fragments=131072, deflate=None)

    Turn a stream of bytes into messages: str, bytes, Ping, Pong and Close (RFC 6455, 5 to 8).

    Args:
        role: which side we are; a server demands masked frames and a client refuses them (5.1).
        max_message: bytes a message may have over all its fragments; None for no limit.
        max_fragments: frames a message may have; None for no limit.
        deflate: the permessage-deflate object of this connection (see Inflater), or None.

    Attributes:
        error: the ProtocolError that ended the stream, or None.
        closed: whether a Close frame has arrived; what follows it is discarded (1.4).
        skipping: may be set: messages are dropped from now on, neither inflated nor checked, while
            control frames are returned and headers are held to the rules; there is no way back.
        controls: how many Ping, Pong and Close messages it has answered so far.
        buffered: bytes held of a message that has not arrived whole; what is unread does not count.
        unread: bytes that were fed and are not decoded yet, because a budget was used up.
        inflated: what was decoded has cost so far: a unit for each byte inflated, 4 for each byte to be
            inflated, 256 for each frame but those that hold a whole message as it is, and 1024 for each
            DEFLATE stream that is not the first of its message.

    Raises:
        TypeError, ValueError: an argument is of the wrong type or out of range.
    """

    cdef readonly bint closed
    cdef readonly uint64_t controls
    cdef public bint skipping
    cdef uint64_t max_message
    cdef uint64_t max_fragments
    cdef object deflate
    cdef bint counts_streams
    cdef uint64_t streams  # that the deflate object has counted
    cdef int control_size
    cdef uint8_t control[MAX_LENGTH_7]
    cdef uint8_t opcode  # of the message under way
    cdef bint compressed
    cdef uint64_t fragments
    cdef Py_ssize_t checked  # bytes of the store known to be valid UTF-8
    cdef wsf_utf8_stats stats

    def __cinit__(
        self,
        role,
        *,
        max_message=DEFAULT_MAX_MESSAGE,
        max_fragments=DEFAULT_MAX_FRAGMENTS,
        deflate=None,
    ):
        self.masked = server_of(role)
        self.largest = NO_LIMIT
        self.max_message = limit_of("max_message", max_message, 0)
        self.max_fragments = limit_of("max_fragments", max_fragments, 1)
        self.deflate = deflate
        self.counts_streams = hasattr(deflate, "extra_streams")

    @property
    def buffered(self):
        return self.have + self.control_size

    @property
    def unread(self):
        return 0 if self.rest is None else PyBytes_GET_SIZE(self.rest) - self.at

    @property
    def inflated(self):
        return self.spent

    def feed(self, data, budget=None):
        """feed(data, budget=None)

        Take the next bytes of the stream.

        Args:
            data: any contiguous buffer; no reference to it is kept.
            budget: what this call may cost, counted as in `inflated`.  Where it is used up, or 4,096
                messages are complete, decoding stops, and the bytes behind are `unread`: they come first
                in the next call, whose data may be empty.  None for no bound.

        Returns:
            The messages that are now complete.  Those before a violation are among them; the
            violation then stands in `error`.

        Raises:
            ProtocolError: an earlier call met a violation.
            TypeError: data is not a bytes-like object, or budget is not an int.
            ValueError: budget is negative.
            BufferError: data is not contiguous, or has more than one dimension.
            RuntimeError: another call of feed is running.
        """
        return self.run(data, NO_BUDGET if budget is None else budget_of(budget))

    cdef const uint8_t *decode(self, const uint8_t *p, const uint8_t *end, list out) except? NULL:
        cdef uint8_t first, second
        cdef Py_ssize_t length, size
        cdef Py_ssize_t key_size = 4 if self.masked else 0
        cdef uint8_t direction = MASKED if self.masked else 0
        cdef const uint8_t *key = NO_KEY
        if self.closed:
            return NULL
        while p != NULL and p != end:
            # Whole unfragmented messages, nearly all there are, need no state.
            while end - p >= 2 and not (self.open or self.opcode or self.head_size or self.skipping):
                first = p[0]
                second = p[1] ^ direction
                if first != (FIN | TEXT) and first != (FIN | BINARY):
                    break
                if second <= MAX_LENGTH_7:
                    length = second
                    size = 2 + key_size
                elif second == LENGTH_16 and end - p >= 4:
                    length = p[2] << 8 | p[3]
                    size = 4 + key_size
                    if length <= MAX_LENGTH_7:
                        break
                else:
                    break
                if length > end - p - size or <uint64_t>length > self.max_message:
                    break
                if key_size:
                    key = p + size - 4
                if first == (FIN | TEXT):
                    message = text_of(p + size, length, key)
                    if message is None:
                        raise _errors.invalid_text()
                else:
                    message = unmasked(p + size, length, key)
                PyList_Append(out, message)
                p += size + length
                if PyList_GET_SIZE(out) >= self.most:
                    return p
            if p != end:
                p = self.step(p, end, out)
                if self.spent >= self.stop_at or PyList_GET_SIZE(out) >= self.most:
                    break
        return p

    cdef int check_sequence(self, uint8_t first) except -1:
        cdef uint8_t opcode = first & OPCODE
        cdef uint8_t bits = first & RSV
        if bits and (bits != RSV1 or self.deflate is None or opcode & CONTROL or not opcode):
            raise _errors.reserved_bits()
        if opcode & CONTROL:
            return 0
        if opcode == CONTINUATION:
            if not self.opcode:
                raise _errors.unexpected_continuation()
            if self.fragments >= self.max_fragments:
                raise _errors.too_many_fragments(self.max_fragments)
        elif self.opcode:
            raise _errors.unfinished_message()
        return 0

    cdef int check_size(self, uint8_t first, uint64_t length) except -1:
        cdef uint8_t opcode = first & OPCODE
        if opcode & CONTROL:
            return 0
        # What a compressed message inflates to is counted, not what it takes on the wire.
        if first & RSV1 if opcode else self.compressed:
            return 0
        if length > self.max_message - self.have:
            raise _errors.message_too_big(self.max_message)
        return 0

    cdef int begin(self, uint8_t first) except -1:
        cdef uint8_t opcode = first & OPCODE
        if opcode & CONTROL:
            self.largest = NO_LIMIT
            self.spent += COST_OF_FRAME
            return 0
        if opcode:
            self.opcode = opcode
            self.compressed = first & RSV1 != 0
            self.fragments = 0
        self.fragments += 1
        self.largest = PIECE if self.compressed else NO_LIMIT
        if self.compressed or not opcode or not first & FIN:
            self.spent += COST_OF_FRAME
        return 0

    cdef bint take(self, const uint8_t *p, Py_ssize_t n, list out) except -1:
        cdef const uint8_t *key = self.key
        cdef bint final = self.first & FIN and not self.open
        if self.first & CONTROL:
            active.xor_(self.control + self.control_size, p, n, key)
            self.control_size += <int>n
            return not self.open and self.end_control(out)
        if self.skipping:
            _Decoder.drop(self)
            if final:
                self.opcode = 0
            return False
        if self.compressed:
            piece = self.inflate(unmasked(p, n, key), final)
            p = <const uint8_t *>PyBytes_AS_STRING(piece)
            n = PyBytes_GET_SIZE(piece)
            key = NO_KEY
        if final and not self.have:
            message = text_of(p, n, key) if self.opcode == TEXT else unmasked(p, n, key)
            if message is None:
                raise _errors.invalid_text()
        else:
            self.keep(p, n, key, self.left if self.first & FIN and not self.compressed else NO_LIMIT)
            # Where a frame is both bad text and bad data, its data are looked at first, all of them.
            if self.opcode == TEXT and not (self.compressed and self.open):
                self.check_text()
            if not final:
                return False
            message = self.end_text() if self.opcode == TEXT else self.release()
        out.append(message)
        self.opcode = 0
        return False

    cdef int check_text(self) except -1:
        """Fail as soon as no continuation could make the text valid."""
        cdef Py_ssize_t valid = check(self.stored() + self.checked, self.have - self.checked, &self.stats)
        if valid < 0:
            raise _errors.invalid_text()
        self.checked += valid
        return 0

    cdef str end_text(self):
        if self.checked != self.have:
            raise _errors.invalid_text()
        text = transcode(self.stored(), self.have, &self.stats)
        self.drop()
        self.checked = 0
        self.stats.chars = 0
        self.stats.max = 0
        return text

    cdef bint end_control(self, list out) except -1:
        cdef uint8_t opcode = self.first & OPCODE
        body = PyBytes_FromStringAndSize(<char *>self.control, self.control_size)
        self.control_size = 0
        if opcode == PING:
            out.append(Ping(body))
        elif opcode == PONG:
            out.append(Pong(body))
        else:
            out.append(parse_close(body))
            self.closed = True
            self.drop()
        self.controls += 1
        return self.closed

    cdef void drop(self) noexcept:
        _Decoder.drop(self)
        self.control_size = 0

    cdef bytes inflate(self, bytes piece, bint final):
        cdef uint64_t room = self.max_message - self.have
        cdef uint64_t streams
        self.spent += COST_OF_DEFLATED * <uint64_t>PyBytes_GET_SIZE(piece)
        try:
            inflated = self.deflate.inflate(piece, final, room)
            piece = inflated if PyBytes_CheckExact(inflated) else memoryview(inflated).tobytes()
            if self.counts_streams:
                streams = self.deflate.extra_streams
                self.spent += COST_OF_STREAM * (streams - self.streams)
                self.streams = streams
        except ProtocolError:
            raise
        except Exception as exc:
            raise _errors.inflate_failed() from exc
        self.spent += <uint64_t>PyBytes_GET_SIZE(piece)
        if <uint64_t>PyBytes_GET_SIZE(piece) > room:
            raise _errors.message_too_big(self.max_message)
        return piece


cdef list messages_in(object decoder, const uint8_t *p, Py_ssize_t size, uint64_t budget, bint *plain):
    """Feed a MessageDecoder from memory; tell whether it gave nothing but messages."""
    cdef MessageDecoder d = <MessageDecoder?>decoder
    cdef uint64_t controls = d.controls
    cdef list out = d.run_over(p, size, budget)
    plain[0] = d.controls == controls and not d.over
    return out


cdef uint64_t inflated_by(object decoder) except? 0:
    return (<MessageDecoder?>decoder).spent


cdef bint has_unread(object decoder) except -1:
    return (<MessageDecoder?>decoder).rest is not None


cdef int skip_messages(object decoder) except -1:
    if decoder is not None:
        (<MessageDecoder?>decoder).skipping = True
    return 0


def cut_frames(data, start, bint masked, max_frame, bytes firsts=None, count=None):
    """cut_frames(data, start, masked, max_frame, firsts=None, count=None)

    Cut whole, valid frames off a buffer until one is not (RFC 6455, 5.2).

    For those who have a parser of their own for the rest: it stops before a frame that is not
    whole, breaks a rule of the header, is longer than max_frame, or begins otherwise than asked.

    Args:
        data: any contiguous buffer.
        start: where in it the first frame begins.
        masked: whether frames must be masked or must not.
        max_frame: bytes of payload a frame may carry.
        firsts: the bytes a frame may begin with; None for any.
        count: frames to cut at most; None for all.

    Returns:
        The first byte and the unmasked payload of each frame, and where the next one begins.
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

    Take one frame off the front of a buffer, if it is whole and valid (RFC 6455, 5.2).

    Args:
        buffer: holds what has arrived; keeps what follows the frame, or all of it.
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

    Take one message off the front of a buffer, if a single valid frame holds all of it (RFC 6455, 5.6).

    Args:
        buffer: holds what has arrived; keeps what follows the message, or all of it.
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


cdef int header_of(const uint8_t *p, Py_ssize_t n, bint masked, uint64_t *length) except -1:
    """Read the header of a frame that is whole and breaks no rule of the header; answer its size, or 0."""
    cdef int size = 2
    if n < 2 or bool(p[1] & MASKED) != masked or check_start(p[0], p[1]) is not None:
        return 0
    length[0] = p[1] & LENGTH
    if length[0] >= LENGTH_16:
        try:
            size = read_length(p, n, length)
        except ProtocolError:
            return 0
        if size == 0:
            return 0
    if masked:
        size += 4
    return size if n >= size and length[0] <= <uint64_t>(n - size) else 0
