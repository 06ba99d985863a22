"""Bytes to frames (RFC 6455, 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _errors
from .._spec import CONTROL, DEFAULT_MAX_MESSAGE, FIN, OPCODE, RSV, Frame, Role
from .decoder import _Decoder, limit_of
from .header import OPCODES
from .mask import int_in

if TYPE_CHECKING:
    from typing_extensions import Buffer


class FrameDecoder(_Decoder):
    """Cut a stream of bytes into frames (RFC 6455, 5.2).

    It checks the rules that one frame can break alone, and neither the order of frames nor UTF-8 nor
    the body of Close frames.

    Args:
        role: which side we are; a server requires masked frames and a client refuses them (5.1).
        max_frame: bytes of payload a frame may carry; None for no limit.
        rsv: the reserved bits that extensions define for data frames, from 0 to 7, RSV1 = 4.

    Attributes:
        error: the ProtocolError that ended the stream, or None.
        buffered: bytes of payload that have arrived of a frame that is not whole.

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
        """Decode the next bytes of the stream.

        Args:
            data: any contiguous buffer; no reference to it is kept.

        Returns:
            The frames that are now complete, including those before a violation, which is then in `error`.

        Raises:
            ProtocolError: an earlier call met a violation.
            TypeError: data is not a bytes-like object.
            BufferError: data is not contiguous, or has more than one dimension.
            RuntimeError: another call of feed is running.
        """
        return self._feed_bytes(data)

    def _check_sequence(self, first: int) -> None:
        if first & (RSV if first & CONTROL else self._refused_bits):
            raise _errors.reserved_bits()

    def _check_size(self, first: int, length: int) -> None:
        if length > self._max_frame:
            raise _errors.frame_too_big(self._max_frame)

    def _begin_frame(self, first: int) -> None:
        pass

    def _receive_payload(self, piece: bytes, out: list[Any]) -> bool:
        if self._in_payload or self._payload:
            self._payload += piece
            if self._in_payload:
                return False
            piece = bytes(self._payload)
            self._payload.clear()
        first = self._first
        out.append(Frame(OPCODES[first & OPCODE], piece, first & FIN != 0, (first & RSV) >> 4))
        return False

    def _discard_payload(self) -> None:
        self._payload.clear()
