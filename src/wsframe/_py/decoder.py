"""What the decoders of frames and of messages share (RFC 6455, 5.2)."""

from __future__ import annotations

import sys
from threading import Lock
from typing import TYPE_CHECKING, Any

from .. import _errors
from .._errors import ProtocolError
from .._spec import KEY_SIZE, MASKED, MAX_HEADER, MAX_LENGTH, MAX_MESSAGES, NO_BUDGET, Role
from .header import LONG_CONTROL, header_violation, read_header
from .mask import bytes_of, int_in, natural_of, xor

if TYPE_CHECKING:
    from typing_extensions import Buffer

# The error of a stream for which there was no memory to make one.
INTERRUPTED = _errors.interrupted()


def limit_of(name: str, value: int | None, low: int) -> int:
    """Read a limit; None means the largest number."""
    return MAX_LENGTH if value is None else int_in(name, value, low, MAX_LENGTH)


def budget_of(value: int | None) -> int:
    """Read a budget; None means no budget."""
    return NO_BUDGET if value is None else natural_of("budget", value)


class _Decoder:
    """What both decoders share: headers, masking keys, and frames that arrive in pieces."""

    def __init__(self, role: Role) -> None:
        if not isinstance(role, Role):
            raise _errors.not_role(role)
        self._violation: ProtocolError | None = None  # that ended the stream
        self._stopped = False  # nothing more is decoded; set while a call decodes, and cleared at its end
        self._masked = role is Role.SERVER
        self._busy = Lock()  # of the call of feed that runs
        self._head = bytearray()  # of a header that has not arrived whole
        self._in_payload = False  # a header was read, and its payload has not arrived whole
        self._first = 0  # byte of the header
        self._key = b""
        self._remaining = 0  # bytes of the payload that have not arrived
        self._unread_data = b""  # what was fed and not decoded, from `_unread_start` on
        self._unread_start = 0
        self._cost = 0  # of all that was decoded so far
        self._max_returned = 0  # messages that the call that runs returns
        self._max_piece = MAX_LENGTH  # bytes of a payload that `_receive_payload` takes at once
        self._cost_limit = 0  # at which the call that runs returns

    @property
    def error(self) -> ProtocolError | None:
        if self._stopped and self._violation is None and not self._busy.locked():
            try:
                self._violation = _errors.interrupted()
            except MemoryError:
                return INTERRUPTED
        return self._violation

    def _feed_bytes(self, data: Buffer, budget: int = NO_BUDGET) -> list[Any]:
        if type(data) is not bytes:
            try:
                data = bytes_of("data", data)
            except MemoryError:
                self._stopped = True  # these bytes are lost
                raise
        if not self._busy.acquire(False):
            raise _errors.busy()
        try:
            if self._stopped:
                if self._violation is None:
                    self._violation = _errors.interrupted()
                raise self._violation.with_traceback(None)
            self._stopped = True  # first, for what fails below may leave no memory to note it
            try:
                out: list[Any] = []
                # At least 1, so that every call decodes something.
                self._cost_limit = self._cost + max(budget, 1)
                self._max_returned = sys.maxsize if budget == NO_BUDGET else MAX_MESSAGES
                self._consume(data, out)
                self._stopped = False
            except ProtocolError as exc:
                self._fail(exc)
            except BaseException:
                self._unread_data, self._unread_start = (
                    b"",
                    0,
                )  # without a call, for which there may be no memory
                self._discard_payload()
                raise
            return out
        finally:
            self._busy.release()

    def _fail(self, error: ProtocolError) -> None:
        """End the stream; keep neither what has arrived nor a reference to the frames of the call."""
        self._violation = error
        self._unread_data, self._unread_start = b"", 0
        self._discard_payload()
        error.__context__ = None
        error.with_traceback(None)

    def _consume(self, data: bytes, out: list[Any]) -> None:
        """Decode what the last call left, and then the new bytes."""
        position = 0
        if self._unread_data:
            if data:
                self._unread_data = data = self._unread_data[self._unread_start :] + data
                self._unread_start = 0
            else:
                data, position = self._unread_data, self._unread_start
        position = self._decode(data, position, out)
        if position == len(data):
            self._unread_data, self._unread_start = b"", 0
        elif data is self._unread_data:
            self._unread_start = position
        else:
            self._unread_data, self._unread_start = data[position:], 0

    def _decode(self, data: bytes, position: int, out: list[Any]) -> int:
        """Decode up to the end of the input or of the budget; return where."""
        end = len(data)
        while position < end:
            if not self._in_payload:
                position = self._receive_header(data, position)
                if not self._in_payload:
                    return end
            piece = data[position : position + min(self._remaining, self._max_piece)]
            position += len(piece)
            self._remaining -= len(piece)
            if self._masked:
                piece = xor(piece, self._key)
                offset = len(piece) % KEY_SIZE
                self._key = self._key[offset:] + self._key[:offset]  # of the next byte
            self._in_payload = self._remaining > 0
            if self._receive_payload(piece, out):
                return end
            if self._cost >= self._cost_limit or len(out) >= self._max_returned:
                break
        return position

    def _receive_header(self, data: bytes, position: int) -> int:
        """Begin a frame, or keep the bytes of a header that has not arrived whole."""
        head = self._head
        kept = len(head)
        head += data[position : position + MAX_HEADER - kept]
        if len(head) < 2:
            return len(data)
        first = head[0]
        size, length = read_header(head, 0)
        if LONG_CONTROL <= size < 0:
            raise header_violation(size, first)
        if bool(head[1] & MASKED) is not self._masked:
            raise _errors.unmasked_frame() if self._masked else _errors.masked_frame()
        self._check_sequence(first)
        if size < 0:
            raise header_violation(size, first)
        if not size:
            return len(data)
        self._check_size(first, length)
        if len(head) < size:
            return len(data)
        if self._masked:
            self._key = bytes(head[size - KEY_SIZE : size])
        self._first = first
        self._remaining = length
        self._in_payload = True
        self._begin_frame(first)
        head.clear()
        return position + size - kept

    def _discard_payload(self) -> None:
        """Discard what has arrived of a frame or message."""
        raise NotImplementedError

    def _check_sequence(self, first: int) -> None:
        """Check the reserved bits and the order of frames, by the first byte of a header."""
        raise NotImplementedError

    def _check_size(self, first: int, length: int) -> None:
        """Check the length of a frame against the limits."""
        raise NotImplementedError

    def _begin_frame(self, first: int) -> None:
        """Note the first byte of a frame whose header is whole and valid."""
        raise NotImplementedError

    def _receive_payload(self, piece: bytes, out: list[Any]) -> bool:
        """Take the next piece of a payload; return whether to discard everything behind it."""
        raise NotImplementedError
