"""Bytes to frames and messages (RFC 6455, 5)."""

from __future__ import annotations

import sys
from threading import Lock
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
    KEY_SIZE,
    MASKED,
    MAX_HEADER,
    MAX_LENGTH,
    MAX_MESSAGES,
    NO_BUDGET,
    OPCODE,
    RSV,
    RSV1,
    STREAM_COST,
    Close,
    Frame,
    Inflater,
    Opcode,
    Ping,
    Pong,
    Role,
    may_be_sent,
)
from .header import OPCODES, check_start, read_length
from .mask import bytes_of, int_in, natural_of, xor
from .utf8 import valid_prefix

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Stands for the error of a stream where there is no memory to make one.
INTERRUPTED = _errors.interrupted()

Message = str | bytes | Ping | Pong | Close


def limit_of(name: str, value: int | None, low: int) -> int:
    """Read a limit; None stands for the largest there is."""
    return MAX_LENGTH if value is None else int_in(name, value, low, MAX_LENGTH)


def budget_of(value: int | None) -> int:
    """Read a budget; None stands for one that is never used up."""
    return NO_BUDGET if value is None else natural_of("budget", value)


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


class _Decoder:
    """What both decoders share: the header, the key, and the pieces a frame arrives in."""

    def __init__(self, role: Role) -> None:
        if not isinstance(role, Role):
            raise _errors.not_role(role)
        self._violation: ProtocolError | None = None  # that ended the stream
        # Nothing more is decoded: set while a call decodes, and cleared when it came to its end.
        self._over = False
        self._masked = role is Role.SERVER
        self._turn = Lock()  # held by the one call of feed that runs
        self._head = bytearray()  # of a header that has not arrived whole
        self._open = False  # whether a payload is under way
        self._first = 0
        self._key = b""
        self._left = 0  # bytes of the payload still to come
        self._rest = b""  # what was fed and not decoded, from `_at` on
        self._at = 0
        self._spent = 0  # what compressed messages have cost so far
        self._most = 0  # messages that the call that runs returns
        self._largest = MAX_LENGTH  # piece of a payload that is taken at once
        self._stop_at = 0  # what they may have cost when the call that runs has to return

    @property
    def error(self) -> ProtocolError | None:
        if self._over and self._violation is None and not self._turn.locked():
            try:
                self._violation = _errors.interrupted()
            except MemoryError:
                return INTERRUPTED
        return self._violation

    def _feed(self, data: Buffer, budget: int = NO_BUDGET) -> list[Any]:
        if type(data) is not bytes:
            try:
                data = bytes_of("data", data)
            except MemoryError:
                self._over = True  # these bytes are lost
                raise
        if not self._turn.acquire(False):
            raise _errors.busy()
        try:
            if self._over:
                if self._violation is None:
                    self._violation = _errors.interrupted()
                raise self._violation.with_traceback(None)
            self._over = True  # first, for what fails below may leave no memory to note it
            try:
                out: list[Any] = []
                # A call that inflates nothing does not stop, nor one that has not inflated anything yet.
                self._stop_at = self._spent + max(budget, 1)
                self._most = sys.maxsize if budget == NO_BUDGET else MAX_MESSAGES
                self._consume(data, out)
                self._over = False
            except ProtocolError as exc:
                self._stop(exc)
            except BaseException:
                self._rest, self._at = b"", 0  # without a call, for which there may be no memory
                self._drop()
                raise
            return out
        finally:
            self._turn.release()

    def _stop(self, error: ProtocolError) -> None:
        """End the stream; hold no longer what has arrived, nor the calls that saw it."""
        self._violation = error
        self._rest, self._at = b"", 0
        self._drop()
        error.__context__ = None
        error.with_traceback(None)

    def _consume(self, data: bytes, out: list[Any]) -> None:
        """Decode what was left by the last call, and what has come since."""
        position = 0
        if self._rest:
            if data:
                self._rest = data = self._rest[self._at :] + data
                self._at = 0
            else:
                data, position = self._rest, self._at
        position = self._decode(data, position, out)
        if position == len(data):
            self._rest, self._at = b"", 0
        elif data is self._rest:
            self._at = position
        else:
            self._rest, self._at = data[position:], 0

    def _decode(self, data: bytes, position: int, out: list[Any]) -> int:
        """Decode up to the end of the input or of the budget; return where."""
        end = len(data)
        while position < end:
            if not self._open:
                position = self._read_header(data, position)
                if not self._open:
                    return end
            piece = data[position : position + min(self._left, self._largest)]
            position += len(piece)
            self._left -= len(piece)
            if self._masked:
                piece = xor(piece, self._key)
                turn = len(piece) % KEY_SIZE
                self._key = self._key[turn:] + self._key[:turn]
            self._open = self._left > 0
            if self._take(piece, out):
                return end
            if self._spent >= self._stop_at or len(out) >= self._most:
                break
        return position

    def _read_header(self, data: bytes, position: int) -> int:
        """Open a frame, or keep the bytes of a header that is not whole yet."""
        head = self._head
        kept = len(head)
        head += data[position : position + MAX_HEADER - kept]
        if len(head) < 2:
            return len(data)
        first, second = head[0], head[1]
        check_start(first, second)
        if bool(second & MASKED) is not self._masked:
            raise _errors.unmasked_frame() if self._masked else _errors.masked_frame()
        self._check_sequence(first)
        found = read_length(head, 0)
        if found is None:
            return len(data)
        length, size = found
        self._check_size(first, length)
        if self._masked:
            self._key = bytes(head[size : size + KEY_SIZE])
            size += KEY_SIZE
            if len(head) < size:
                return len(data)
        self._first = first
        self._left = length
        self._open = True
        self._begin(first)
        head.clear()
        return position + size - kept

    def _drop(self) -> None:
        """Forget what has arrived of a message or frame."""
        raise NotImplementedError

    def _check_sequence(self, first: int) -> None:
        """Hold the rules about reserved bits and the order of frames."""
        raise NotImplementedError

    def _check_size(self, first: int, length: int) -> None:
        """Hold the limits."""
        raise NotImplementedError

    def _begin(self, first: int) -> None:
        """Take note of a frame whose header is whole."""
        raise NotImplementedError

    def _take(self, piece: bytes, out: list[Any]) -> bool:
        """Take the next piece of a payload; answer whether to discard all that follows."""
        raise NotImplementedError


class FrameDecoder(_Decoder):
    """Cut a stream of bytes into frames (RFC 6455, 5.2).

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

    def __init__(self, role: Role, *, max_frame: int | None = DEFAULT_MAX_MESSAGE, rsv: int = 0) -> None:
        super().__init__(role)
        self._max_frame = limit_of("max_frame", max_frame, 0)
        self._refused_bits = RSV & ~(int_in("rsv", rsv, 0, RSV >> 4) << 4)
        self._payload = bytearray()

    @property
    def buffered(self) -> int:
        return len(self._payload)

    def feed(self, data: Buffer) -> list[Frame]:
        """Take the next bytes of the stream.

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
        return self._feed(data)

    def _check_sequence(self, first: int) -> None:
        if first & (RSV if first & CONTROL else self._refused_bits):
            raise _errors.reserved_bits()

    def _check_size(self, first: int, length: int) -> None:
        if length > self._max_frame:
            raise _errors.frame_too_big(self._max_frame)

    def _begin(self, first: int) -> None:
        pass

    def _take(self, piece: bytes, out: list[Any]) -> bool:
        if self._open or self._payload:
            self._payload += piece
            if self._open:
                return False
            piece = bytes(self._payload)
            self._payload.clear()
        first = self._first
        out.append(Frame(OPCODES[first & OPCODE], piece, first & FIN != 0, (first & RSV) >> 4))
        return False

    def _drop(self) -> None:
        self._payload.clear()


class MessageDecoder(_Decoder):
    """Turn a stream of bytes into messages: str, bytes, Ping, Pong and Close (RFC 6455, 5 to 8).

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

    def __init__(
        self,
        role: Role,
        *,
        max_message: int | None = DEFAULT_MAX_MESSAGE,
        max_fragments: int | None = DEFAULT_MAX_FRAGMENTS,
        deflate: Inflater | None = None,
    ) -> None:
        super().__init__(role)
        self._max_message = limit_of("max_message", max_message, 0)
        self._max_fragments = limit_of("max_fragments", max_fragments, 1)
        self._deflate = deflate
        self._counts_streams = hasattr(deflate, "extra_streams")
        self._streams = 0  # that the deflate object has counted
        self.closed = False
        self.skipping = False
        self.controls = 0
        self._control = bytearray()
        self._opcode = 0  # of the message under way
        self._compressed = False
        self._fragments = 0
        self._message = bytearray()
        self._checked = 0  # bytes of it known to be valid UTF-8

    @property
    def buffered(self) -> int:
        return len(self._message) + len(self._control)

    @property
    def unread(self) -> int:
        return len(self._rest) - self._at

    @property
    def inflated(self) -> int:
        return self._spent

    def feed(self, data: Buffer, budget: int | None = None) -> list[Message]:
        """Take the next bytes of the stream.

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
        return self._feed(data, NO_BUDGET if budget is None else budget_of(budget))

    def _decode(self, data: bytes, position: int, out: list[Any]) -> int:
        return len(data) if self.closed else super()._decode(data, position, out)

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
            if self._fragments >= self._max_fragments:
                raise _errors.too_many_fragments(self._max_fragments)
        elif self._opcode:
            raise _errors.unfinished_message()

    def _check_size(self, first: int, length: int) -> None:
        opcode = first & OPCODE
        if opcode & CONTROL:
            return
        # What a compressed message inflates to is counted, not what it takes on the wire.
        compressed = first & RSV1 if opcode else self._compressed
        if not compressed and length > self._max_message - len(self._message):
            raise _errors.message_too_big(self._max_message)

    def _begin(self, first: int) -> None:
        opcode = first & OPCODE
        if opcode & CONTROL:
            self._largest = MAX_LENGTH
            self._spent += FRAME_COST
            return
        if opcode:
            self._opcode = opcode
            self._compressed = bool(first & RSV1)
            self._fragments = 0
        self._fragments += 1
        self._largest = DEFLATED_PIECE if self._compressed else MAX_LENGTH
        if self._compressed or not opcode or not first & FIN:
            self._spent += FRAME_COST

    def _take(self, piece: bytes, out: list[Any]) -> bool:
        if self._first & CONTROL:
            self._control += piece
            return not self._open and self._end_control(out)
        final = bool(self._first & FIN) and not self._open
        if self.skipping:
            self._message.clear()
            if final:
                self._opcode = 0
            return False
        if self._compressed:
            piece = self._inflate(piece, final)
        whole: bytes | bytearray = piece
        if not final or self._message:
            self._message += piece
            # Where a frame is both bad text and bad data, its data are looked at first, all of them.
            if self._opcode == Opcode.TEXT and not (self._compressed and self._open):
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
            self._drop()
        self.controls += 1
        return self.closed

    def _drop(self) -> None:
        self._message.clear()
        self._control.clear()

    def _inflate(self, piece: bytes, final: bool) -> bytes:
        room = self._max_message - len(self._message)
        assert self._deflate is not None
        self._spent += DEFLATED_COST * len(piece)
        try:
            piece = self._deflate.inflate(piece, final, room)
            if type(piece) is not bytes:
                piece = memoryview(piece).tobytes()
            if self._counts_streams:
                streams: int = self._deflate.extra_streams  # type: ignore[attr-defined]
                self._spent += STREAM_COST * (streams - self._streams)
                self._streams = streams
        except ProtocolError:
            raise
        except Exception as exc:
            raise _errors.inflate_failed() from exc
        self._spent += len(piece)
        if len(piece) > room:
            raise _errors.message_too_big(self._max_message)
        return piece


def cut_frames(
    data: Buffer,
    start: int,
    masked: bool,
    max_frame: int,
    firsts: bytes | None = None,
    count: int | None = None,
) -> tuple[list[tuple[int, bytes]], int]:
    """Cut whole, valid frames off a buffer until one is not (RFC 6455, 5.2).

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
    if not isinstance(data, (bytes, bytearray)):
        data = bytes_of("data", data)
    masked = bool(masked)
    start = int_in("start", start, 0, len(data))
    max_frame = int_in("max_frame", max_frame, -MAX_LENGTH, MAX_LENGTH)
    room = MAX_LENGTH if count is None else int_in("count", count, 0, MAX_LENGTH)
    out: list[tuple[int, bytes]] = []
    while len(out) < room and (found := _header_of(data, start, masked)) and found[0] <= max_frame:
        if firsts is not None and data[start] not in firsts:
            break
        length, body = found
        out.append((data[start], _payload(data, body, length, masked)))
        start = body + length
    return out, start


def take_frame(buffer: bytearray, masked: bool) -> tuple[int, bytes] | None:
    """Take one frame off the front of a buffer, if it is whole and valid (RFC 6455, 5.2).

    Args:
        buffer: holds what has arrived; keeps what follows the frame, or all of it.
        masked: whether frames must be masked or must not.

    Returns:
        The first byte and the unmasked payload; None when the buffer does not begin with such a frame.

    Raises:
        TypeError: buffer is not a bytearray.
    """
    if not isinstance(buffer, bytearray):
        raise _errors.not_bytearray("buffer", buffer)
    masked = bool(masked)
    found = _header_of(buffer, 0, masked)
    if found is None:
        return None
    length, body = found
    frame = buffer[0], _payload(buffer, body, length, masked)
    del buffer[: body + length]
    return frame


def take_message(buffer: bytearray, masked: bool) -> str | bytes | None:
    """Take one message off the front of a buffer, if a single valid frame holds all of it (RFC 6455, 5.6).

    Args:
        buffer: holds what has arrived; keeps what follows the message, or all of it.
        masked: whether frames must be masked or must not.

    Returns:
        The message; None when the buffer begins with anything else: a part of a frame, a fragment, a
        control frame, a reserved bit, a broken rule, or text that is not valid UTF-8.

    Raises:
        TypeError: buffer is not a bytearray.
    """
    if not isinstance(buffer, bytearray):
        raise _errors.not_bytearray("buffer", buffer)
    masked = bool(masked)
    found = _header_of(buffer, 0, masked)
    if found is None or buffer[0] not in _WHOLE:
        return None
    length, body = found
    payload = _payload(buffer, body, length, masked)
    try:
        message = payload if buffer[0] == FIN | Opcode.BINARY else payload.decode("utf-8")
    except UnicodeDecodeError:
        return None
    del buffer[: body + length]
    return message


_WHOLE = (FIN | Opcode.TEXT, FIN | Opcode.BINARY)


def _header_of(data: bytes | bytearray, start: int, masked: bool) -> tuple[int, int] | None:
    """Read the header of a frame that is whole and breaks no rule of the header.

    Answer the length of the payload and where it begins.
    """
    rest = len(data) - start
    if rest < 2 or bool(data[start + 1] & MASKED) is not masked:
        return None
    try:
        check_start(data[start], data[start + 1])
        found = read_length(data, start)
    except ProtocolError:
        return None
    if found is None:
        return None
    length, body = found
    if masked:
        body += KEY_SIZE
    return (length, body) if length <= len(data) - body else None


def _payload(data: bytes | bytearray, body: int, length: int, masked: bool) -> bytes:
    payload = bytes(data[body : body + length])
    return xor(payload, bytes(data[body - KEY_SIZE : body])) if masked else payload
