"""Bytes to messages (RFC 6455, 5 to 8)."""

# Rules of a MessageDecoder.
#
# 1. One call of `feed` runs at a time; another one, from any thread, raises RuntimeError and changes nothing.
# 2. `feed` returns every message once, whole, and in the order of arrival. It returns what is complete
#    before an error, and puts the error in `error`; from then on it raises that error.
# 3. If anything but a ProtocolError is raised while it decodes, the place in the stream is lost: `_stopped`
#    stays set, and `error` says "decoding was interrupted". Bad arguments are refused and change nothing.
# 4. Messages and errors do not depend on how the stream was cut into reads, nor on budgets.
# 5. `_opcode` is 0 between messages, and that of the first fragment in one. Between messages `_message` is
#    empty and `_checked` is 0; between control frames `_control` is empty. Neither `closed` nor `skipping`
#    is ever reset.
# 6. The compiled twin has a fast path for whole messages, which changes none of these; here there is none.
# 7. With `streaming`, what has arrived of a message is returned as a Fragment at the end of each frame and of
#    each call, and amid a frame from STREAMED_SIZE on. A message begun so is returned in Fragments to its
#    end. Texts that are not UTF-8 may then fail before an error of their compression does.
# 8. No byte is stored twice: it is in `_unread_data`, in `_head`, in `_message` or in `_control`. `_message`
#    has no more than `max_message` bytes, and no memory is allocated for bytes that have not arrived.
# 9. A header is checked as soon as the byte that breaks a rule has arrived, in this order: opcode and size of
#    control frames, masking, reserved bits, order of frames, form of the length, limits.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _errors
from .._errors import ProtocolError
from .._spec import (
    CONTROL,
    DEFAULT_MAX_FRAGMENTS,
    DEFAULT_MAX_MESSAGE,
    DEFLATED_COST,
    DEFLATED_PIECE,
    FIN,
    FRAME_COST,
    MAX_LENGTH,
    NO_BUDGET,
    ONE_MESSAGE,
    OPCODE,
    RSV,
    RSV1,
    STREAM_COST,
    STREAMED_PIECE,
    STREAMED_SIZE,
    Close,
    Fragment,
    Inflater,
    Opcode,
    Ping,
    Pong,
    Role,
    may_be_sent,
)
from .decoder import _Decoder, budget_of, limit_of
from .utf8 import valid_prefix

if TYPE_CHECKING:
    from typing_extensions import Buffer

Message = str | bytes | Ping | Pong | Close | Fragment


def parse_close(body: bytes) -> Close:
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


class MessageDecoder(_Decoder):
    """Turn a stream of bytes into messages: str, bytes, Ping, Pong and Close (RFC 6455, 5 to 8).

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

    def __init__(
        self,
        role: Role,
        *,
        max_message: int | None = DEFAULT_MAX_MESSAGE,
        max_fragments: int | None = DEFAULT_MAX_FRAGMENTS,
        max_frame: int | None = None,
        deflate: Inflater | None = None,
    ) -> None:
        super().__init__(role)
        self._max_message = limit_of("max_message", max_message, 0)
        self._max_fragments = limit_of("max_fragments", max_fragments, 1)
        self._max_frame = limit_of("max_frame", max_frame, 0)
        self._deflate = deflate
        self._counts_streams = hasattr(deflate, "extra_streams")
        self._streams = 0  # that the deflate object has counted
        self.closed: bool = False
        self.skipping: bool = False
        self.streaming: int = 0
        self.controls: int = 0
        self._control = bytearray()
        self._opcode = 0  # of the message that is being received, or 0
        self._compressed = False  # that message is
        self._fragments = 0  # frames of that message so far
        self._in_fragments = False  # it is returned in Fragments
        self._returned = 0  # bytes of it that were returned
        self._frame_inflated = 0  # bytes of the frame, if it is compressed
        self._message = bytearray()
        self._checked = 0  # bytes of it known to be valid UTF-8

    @property
    def buffered(self) -> int:
        return len(self._message) + len(self._control)

    @property
    def unread(self) -> int:
        return len(self._unread_data) - self._unread_start

    @property
    def inflated(self) -> int:
        return self._cost

    def feed(self, data: Buffer, budget: int | None = None) -> list[Message]:
        """Decode the next bytes of the stream.

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
        return self._feed_bytes(data, NO_BUDGET if budget is None else budget_of(budget))

    def _decode(self, data: bytes, position: int, out: list[Any]) -> int:
        if self.closed:
            return len(data)
        if self.streaming and self._message and not self.skipping:  # that came before `streaming` was set
            self._return_fragment(False, out)
        position = super()._decode(data, position, out)
        if (self.streaming or self._in_fragments) and self._message and not self.skipping:
            self._return_fragment(False, out)
        return position

    def _check_sequence(self, first: int) -> None:
        opcode = first & OPCODE
        bits = first & RSV
        if bits and (bits != RSV1 or self._deflate is None or opcode & CONTROL or not opcode):
            raise _errors.reserved_bits()
        if opcode & CONTROL:
            return
        if opcode == Opcode.CONTINUATION:
            if not self._opcode:
                raise _errors.unexpected_continuation()
            if self._fragments >= self._max_fragments and not (self.streaming or self._in_fragments):
                raise _errors.too_many_fragments(self._max_fragments)
        elif self._opcode:
            raise _errors.unfinished_message()

    def _check_size(self, first: int, length: int) -> None:
        opcode = first & OPCODE
        if opcode & CONTROL:
            return
        # What counts for a compressed message is its inflated size.
        compressed = first & RSV1 if opcode else self._compressed
        if compressed:
            return
        if length > self._max_message - (0 if opcode else len(self._message) + self._returned):
            raise _errors.message_too_big(self._max_message)
        if length > self._max_frame:
            raise _errors.frame_too_big(self._max_frame)

    def _begin_frame(self, first: int) -> None:
        opcode = first & OPCODE
        if opcode & CONTROL:
            self._max_piece = MAX_LENGTH
            self._cost += FRAME_COST
            return
        if opcode:
            self._opcode = opcode
            self._compressed = bool(first & RSV1)
            self._fragments = 0
            self._in_fragments = False
            self._returned = 0
        self._fragments += 1
        self._frame_inflated = 0
        self._max_piece = MAX_LENGTH
        if self._compressed:
            self._max_piece = STREAMED_PIECE if self.streaming or self._in_fragments else DEFLATED_PIECE
        if self._compressed or not opcode or not first & FIN:
            self._cost += FRAME_COST

    def _receive_payload(self, piece: bytes, out: list[Any]) -> bool:
        if self._first & CONTROL:
            self._control += piece
            return not self._in_payload and self._end_control(out)
        final = bool(self._first & FIN) and not self._in_payload
        if self.skipping:
            self._message.clear()
            if final:
                self._opcode = 0
            return False
        if self._compressed:
            piece = self._inflate(piece, final)
        if self.streaming or self._in_fragments:
            self._message += piece
            if not self._in_payload or len(self._message) >= STREAMED_SIZE:
                self._return_fragment(final, out)
            return False
        whole: bytes | bytearray = piece
        if not final or self._message:
            self._message += piece
            # Text is checked once all of a compressed frame is inflated: of two errors in it, the one of the
            # compression counts, however the frame was cut into reads.
            if self._opcode == Opcode.TEXT and not (self._compressed and self._in_payload):
                self._check_text()
            if not final:
                return False
            whole = self._message
        if self._opcode == Opcode.TEXT:
            try:
                out.append(whole.decode("utf-8"))
            except UnicodeDecodeError:
                raise _errors.invalid_text() from None
        else:
            out.append(bytes(whole))
        self._opcode = 0
        self._checked = 0
        self._message.clear()
        return False

    def _return_fragment(self, final: bool, out: list[Any]) -> None:
        """Return what has arrived of the message, but not half a character."""
        data: str | bytes
        if self._opcode == Opcode.TEXT:
            self._check_text()
            size = self._checked
            if final and size != len(self._message):
                raise _errors.invalid_text()
            data = self._message[:size].decode("utf-8")
            del self._message[:size]
            self._checked = 0
        else:
            data = bytes(self._message)
            size = len(data)
            self._message.clear()
        self._returned += size
        if final:
            self._opcode = 0
            if self.streaming == ONE_MESSAGE:
                self.streaming = 0
        self._in_fragments = not final and (self._in_fragments or size > 0)
        if data or final:
            out.append(Fragment(data, final))
            self.controls += 1

    def _check_text(self) -> None:
        with memoryview(self._message) as view, view[self._checked :] as rest:
            try:
                self._checked += valid_prefix(rest)
            except UnicodeDecodeError:
                raise _errors.invalid_text() from None

    def _end_control(self, out: list[Any]) -> bool:
        body = bytes(self._control)
        self._control.clear()
        opcode = self._first & OPCODE
        if opcode == Opcode.PING:
            out.append(Ping(body))
        elif opcode == Opcode.PONG:
            out.append(Pong(body))
        else:
            out.append(parse_close(body))
            self.closed = True
            self._discard_payload()
        self.controls += 1
        return self.closed

    def _discard_payload(self) -> None:
        self._message.clear()
        self._control.clear()

    def _inflate(self, piece: bytes, final: bool) -> bytes:
        room = self._max_message - len(self._message) - self._returned
        in_frame = self._max_frame - self._frame_inflated
        assert self._deflate is not None
        self._cost += DEFLATED_COST * len(piece)
        try:
            piece = self._deflate.inflate(piece, final, min(room, in_frame))
            if type(piece) is not bytes:
                piece = memoryview(piece).tobytes()
            if self._counts_streams:
                streams: int = self._deflate.extra_streams  # type: ignore[attr-defined]
                self._cost += STREAM_COST * (streams - self._streams)
                self._streams = streams
        except ProtocolError:
            raise
        except Exception as exc:
            raise _errors.inflate_failed() from exc
        self._cost += len(piece)
        self._frame_inflated += len(piece)
        if len(piece) > room:
            raise _errors.message_too_big(self._max_message)
        if len(piece) > in_frame:
            raise _errors.frame_too_big(self._max_frame)
        return piece
