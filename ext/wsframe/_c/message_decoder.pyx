# cython: binding=False
"""Bytes to messages (RFC 6455, 5 to 8)."""

# Rules of a MessageDecoder.
#
# 1. One call of `feed` runs at a time; another one, from any thread, raises RuntimeError and changes nothing.
# 2. `feed` returns every message once, whole, and in the order of arrival. It returns what is complete
#    before an error, and puts the error in `error`; from then on it raises that error.
# 3. If anything but a ProtocolError is raised while it decodes, the place in the stream is lost: `stopped`
#    stays set, and `error` says "decoding was interrupted". Bad arguments are refused and change nothing.
# 4. Messages and errors do not depend on how the stream was cut into reads, nor on budgets.
# 5. `opcode` is 0 between messages, and that of the first fragment inside one. Between messages `buffer` is
#    empty and `checked` is 0; between control frames `control_size` is 0. Neither `closed` nor `skipping`
#    is ever reset.
# 6. The fast path of `decode` runs only between messages and between frames (no `opcode`, no `in_payload`, no
#    `head_size`), and changes none of these.
# 7. With `streaming`, what has arrived of a message is returned as a Fragment at the end of each frame and of
#    each call, and amid a frame from STREAMED_SIZE on. A message begun so is returned in Fragments to its
#    end. Texts that are not UTF-8 may then fail before an error of their compression does.
# 8. No byte is stored twice: it is in `unread_data`, in `head`, in `buffer` or in `control`. `buffer`
#    has no more than `max_message` bytes, and no memory is allocated for bytes that have not arrived.
# 9. A header is checked as soon as the byte that breaks a rule has arrived, in this order: opcode and size of
#    control frames, masking, reserved bits, order of frames, form of the length, limits.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_Append, PyList_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from wsframe import _errors
from wsframe._errors import ProtocolError
from wsframe._spec import (
    DEFAULT_MAX_FRAGMENTS,
    DEFAULT_MAX_MESSAGE,
    DEFLATED_COST as _DEFLATED_COST,
    DEFLATED_PIECE as _DEFLATED_PIECE,
    FRAME_COST as _FRAME_COST,
    STREAM_COST as _STREAM_COST,
    STREAMED_PIECE as _STREAMED_PIECE,
    STREAMED_SIZE as _STREAMED_SIZE,
    Close,
    Fragment,
    Ping,
    Pong,
    may_be_sent,
)

from wsframe._c.decoder cimport NO_BUDGET, NO_LIMIT, _Decoder, budget_of, limit_of, server_of
from wsframe._c.header cimport CONTROL, FIN, LENGTH_16, MASKED, MAX_LENGTH_7, OPCODE, RSV, RSV1
from wsframe._c.kernel cimport active
from wsframe._c.mask cimport NO_KEY, unmasked
from wsframe._c.utf8 cimport text_of, transcode, valid_prefix


cdef enum:
    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    PING = 0x9
    PONG = 0xA
    ONE_MESSAGE = 1  # as in _spec

cdef uint64_t FRAME_COST = _FRAME_COST
cdef uint64_t DEFLATED_COST = _DEFLATED_COST
cdef uint64_t STREAM_COST = _STREAM_COST
cdef uint64_t DEFLATED_PIECE = _DEFLATED_PIECE
cdef uint64_t STREAMED_PIECE = _STREAMED_PIECE
cdef Py_ssize_t STREAMED_SIZE = _STREAMED_SIZE


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


cdef class MessageDecoder(_Decoder):
    """MessageDecoder(role, *, max_message=1048576, max_fragments=131072, max_frame=None, deflate=None)\n--\n
    Turn a stream of bytes into messages: str, bytes, Ping, Pong and Close (RFC 6455, 5 to 8).

    Args:
        role: which side we are; a server requires masked frames and a client refuses them (5.1).
        max_message: bytes a message may have over all its fragments; None for no limit.
        max_fragments: frames a message may have, unless it is returned in fragments; None for no limit.
        max_frame: bytes a frame of a message may have, inflated; None for no limit of its own.
        deflate: the permessage-deflate object of this connection (see Inflater), or None.

    Attributes:
        error: the ProtocolError that ended the stream, or None.
        closed: whether a Close frame has arrived; what follows it is discarded (1.4).
        skipping: may be set, and not reset: messages are dropped from now on, neither inflated nor checked;
            headers are still checked and control frames returned.
        streaming: may be set: 1 to return the message that arrives, or else the next one, in Fragments, as
            they arrive, and then to reset it to 0; 2 to return all messages so.  Setting it back to 0 does
            not affect a message of which a Fragment was returned.
        controls: how many Ping, Pong and Close messages, and Fragments, were returned so far.
        buffered: bytes that have arrived of a message that is not whole; what is unread does not count.
        unread: bytes that were fed and are not decoded yet, because a budget was used up.
        inflated: the cost of what was decoded so far: 1 for each inflated byte, 4 for each compressed byte,
            1024 for each DEFLATE stream that is not the first of its message, and 256 for each frame, except
            frames that hold a whole message uncompressed.

    Raises:
        TypeError, ValueError: an argument is of the wrong type or out of range.
    """

    def __cinit__(
        self,
        role=...,
        *excess,
        max_message=DEFAULT_MAX_MESSAGE,
        max_fragments=DEFAULT_MAX_FRAGMENTS,
        max_frame=None,
        deflate=None,
        **unknown,
    ):
        if role is ... or excess or unknown:
            raise _errors.wrong_call("MessageDecoder", len(excess), unknown)
        self.masked = server_of(role)
        self.max_piece = NO_LIMIT
        self.max_message = limit_of("max_message", max_message, 0)
        self.max_fragments = limit_of("max_fragments", max_fragments, 1)
        self.max_frame = limit_of("max_frame", max_frame, 0)
        self.max_whole = min(self.max_message, self.max_frame)
        self.deflate = deflate
        self.counts_streams = hasattr(deflate, "extra_streams")

    @property
    def buffered(self):
        return self.buffer_size + self.control_size

    @property
    def unread(self):
        return 0 if self.unread_data is None else PyBytes_GET_SIZE(self.unread_data) - self.unread_start

    @property
    def inflated(self):
        return self.cost

    def feed(self, data, budget=None):
        """feed($self, data, budget=None)\n--\n
        Decode the next bytes of the stream.

        Args:
            data: any contiguous buffer; no reference to it is kept.
            budget: what this call may cost, counted as in `inflated`.  Once it is used up, or 4,096
                messages are complete, decoding stops, and the remaining bytes are `unread`: the next call,
                whose data may be empty, begins with them.  None for no limit.

        Returns:
            The messages that are now complete, including those before a violation, which is then in `error`.

        Raises:
            ProtocolError: an earlier call met a violation.
            TypeError: data is not a bytes-like object, or budget is not an int.
            ValueError: budget is negative.
            BufferError: data is not contiguous, or has more than one dimension.
            RuntimeError: another call of feed is running.
        """
        return self.feed_object(data, NO_BUDGET if budget is None else budget_of(budget))

    cdef const uint8_t *decode(self, const uint8_t *p, const uint8_t *end, list out) except? NULL:
        cdef uint8_t first, second
        cdef bint fast
        cdef Py_ssize_t length, size, key_size = 4 if self.masked else 0
        cdef uint8_t direction = MASKED if self.masked else 0
        cdef const uint8_t *key = NO_KEY
        if self.closed:
            return NULL
        if self.streaming and self.buffer_size and not self.skipping:  # that came before `streaming` was set
            self.return_fragment(False, out)
        while p != NULL and p != end:
            # The fast path: unfragmented, uncompressed messages that have arrived whole change no state.
            fast = not (self.in_payload or self.opcode or self.head_size or self.skipping or self.streaming)
            while fast and end - p >= 2:
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
                if length > end - p - size or <uint64_t>length > self.max_whole:
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
                if PyList_GET_SIZE(out) >= self.max_returned:
                    return p
            if p != end:
                p = self.step(p, end, out)
                if self.cost >= self.cost_limit or PyList_GET_SIZE(out) >= self.max_returned:
                    break
        if (self.streaming or self.in_fragments) and self.buffer_size and not self.skipping:
            self.return_fragment(False, out)
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
            if self.fragments >= self.max_fragments and not (self.streaming or self.in_fragments):
                raise _errors.too_many_fragments(self.max_fragments)
        elif self.opcode:
            raise _errors.unfinished_message()
        return 0

    cdef int check_size(self, uint8_t first, uint64_t length) except -1:
        cdef uint8_t opcode = first & OPCODE
        if opcode & CONTROL:
            return 0
        # What counts for a compressed message is its inflated size.
        if first & RSV1 if opcode else self.compressed:
            return 0
        if length > self.max_message - (0 if opcode else self.buffer_size + self.returned):
            raise _errors.message_too_big(self.max_message)
        if length > self.max_frame:
            raise _errors.frame_too_big(self.max_frame)
        return 0

    cdef int begin_frame(self, uint8_t first) except -1:
        cdef uint8_t opcode = first & OPCODE
        if opcode & CONTROL:
            self.max_piece = NO_LIMIT
            self.cost += FRAME_COST
            return 0
        if opcode:
            self.opcode = opcode
            self.compressed = first & RSV1 != 0
            self.fragments = 0
            self.in_fragments = False
            self.returned = 0
        self.fragments += 1
        self.frame_inflated = 0
        self.max_piece = NO_LIMIT
        if self.compressed:
            self.max_piece = STREAMED_PIECE if self.streaming or self.in_fragments else DEFLATED_PIECE
        if self.compressed or not opcode or not first & FIN:
            self.cost += FRAME_COST
        return 0

    cdef bint receive_payload(self, const uint8_t *p, Py_ssize_t n, list out) except -1:
        cdef const uint8_t *key = self.key
        cdef bint final = self.first & FIN and not self.in_payload
        if self.first & CONTROL:
            active.xor_(self.control + self.control_size, p, n, key)
            self.control_size += <int>n
            return not self.in_payload and self.end_control(out)
        if self.skipping:
            _Decoder.discard_payload(self)
            if final:
                self.opcode = 0
            return False
        if self.compressed:
            piece = self.inflate(unmasked(p, n, key), final)
            p = <const uint8_t *>PyBytes_AS_STRING(piece)
            n = PyBytes_GET_SIZE(piece)
            key = NO_KEY
        if self.streaming or self.in_fragments:
            self.append(p, n, key, NO_LIMIT)
            if not self.in_payload or self.buffer_size >= STREAMED_SIZE:
                self.return_fragment(final, out)
            return False
        if final and not self.buffer_size:
            message = text_of(p, n, key) if self.opcode == TEXT else unmasked(p, n, key)
            if message is None:
                raise _errors.invalid_text()
        else:
            self.append(p, n, key, self.remaining if self.first & FIN and not self.compressed else NO_LIMIT)
            # Text is checked once all of a compressed frame is inflated: of two errors in it, the one of the
            # compression counts, however the frame was cut into reads.
            if self.opcode == TEXT and not (self.compressed and self.in_payload):
                self.check_text()
            if not final:
                return False
            message = self.end_text() if self.opcode == TEXT else self.detach_buffer()
        out.append(message)
        self.opcode = 0
        return False

    cdef int return_fragment(self, bint final, list out) except -1:
        """Return what has arrived of the message, but not half a character."""
        cdef uint8_t rest[3]
        cdef Py_ssize_t left = 0
        cdef Py_ssize_t size = self.buffer_size
        if self.opcode == TEXT:
            self.check_text()
            left = size - self.checked
            size = self.checked
            if final and left:
                raise _errors.invalid_text()
            memcpy(rest, self.buffer_data() + size, left)  # 3 at most: more is an error by now
            data = transcode(self.buffer_data(), size, &self.stats)
            _Decoder.discard_payload(self)
            self.checked = 0
            self.stats.chars = 0
            self.stats.max = 0
            if left:
                self.append(rest, left, NO_KEY, NO_LIMIT)
        else:
            data = self.detach_buffer()
        self.returned += size
        if final:
            self.opcode = 0
            if self.streaming == ONE_MESSAGE:
                self.streaming = 0
        self.in_fragments = not final and (self.in_fragments or size > 0)
        if size or final:
            out.append(Fragment(data, final))
            self.controls += 1
        return 0

    cdef int check_text(self) except -1:
        """Fail as soon as no continuation could make the text valid."""
        cdef Py_ssize_t size = self.buffer_size - self.checked
        cdef Py_ssize_t valid = valid_prefix(self.buffer_data() + self.checked, size, &self.stats)
        if valid < 0:
            raise _errors.invalid_text()
        self.checked += valid
        return 0

    cdef str end_text(self):
        if self.checked != self.buffer_size:
            raise _errors.invalid_text()
        text = transcode(self.buffer_data(), self.buffer_size, &self.stats)
        self.discard_payload()
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
            self.discard_payload()
        self.controls += 1
        return self.closed

    cdef void discard_payload(self) noexcept:
        _Decoder.discard_payload(self)
        self.control_size = 0

    cdef bytes inflate(self, bytes piece, bint final):
        cdef uint64_t room = self.max_message - self.buffer_size - self.returned
        cdef uint64_t streams, in_frame = self.max_frame - self.frame_inflated
        self.cost += DEFLATED_COST * <uint64_t>PyBytes_GET_SIZE(piece)
        try:
            inflated = self.deflate.inflate(piece, final, min(room, in_frame))
            piece = inflated if PyBytes_CheckExact(inflated) else memoryview(inflated).tobytes()
            if self.counts_streams:
                streams = self.deflate.extra_streams
                self.cost += STREAM_COST * (streams - self.streams)
                self.streams = streams
        except ProtocolError:
            raise
        except Exception as exc:
            raise _errors.inflate_failed() from exc
        self.cost += <uint64_t>PyBytes_GET_SIZE(piece)
        self.frame_inflated += <uint64_t>PyBytes_GET_SIZE(piece)
        if <uint64_t>PyBytes_GET_SIZE(piece) > room:
            raise _errors.message_too_big(self.max_message)
        if <uint64_t>PyBytes_GET_SIZE(piece) > in_frame:
            raise _errors.frame_too_big(self.max_frame)
        return piece
