"""Frame headers (RFC 6455, 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _errors
from .._errors import ProtocolError
from .._spec import (
    CONTROL,
    FIN,
    KEY_SIZE,
    LENGTH,
    LENGTH_16,
    LENGTH_64,
    MASKED,
    MAX_CONTROL_PAYLOAD,
    MAX_HEADER,
    MAX_LENGTH,
    MAX_LENGTH_7,
    MAX_LENGTH_16,
    OPCODE,
    RSV,
    Header,
    Opcode,
)
from .mask import int_in, int_of, key_of, natural_of, view_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

OPCODES = {int(opcode): opcode for opcode in Opcode}


# What read_header returns for a broken rule. The first three show in the first two bytes of a header.
RESERVED_OPCODE = -1
FRAGMENTED_CONTROL = -2
LONG_CONTROL = -3
LENGTH_NOT_MINIMAL = -4
LENGTH_OVERFLOW = -5


def read_header(data: bytes | bytearray | memoryview, start: int) -> tuple[int, int]:
    """Read the header of a frame that begins at `start`, and its length (RFC 6455, 5.2).

    This is the one place that reads a header.

    Returns:
        The size of the header, including a masking key, which may not have arrived yet; 0 if more bytes are
        needed to tell; less than 0 if it breaks a rule that holds for both sides, see `header_violation`.
        Then the length of the payload.
    """
    if len(data) - start < 2:
        return 0, 0
    first, second = data[start], data[start + 1]
    if first & OPCODE not in OPCODES:
        return RESERVED_OPCODE, 0
    length = second & LENGTH
    if first & CONTROL:
        if not first & FIN:
            return FRAGMENTED_CONTROL, 0
        if length > MAX_CONTROL_PAYLOAD:
            return LONG_CONTROL, 0
    size = 2
    if length >= LENGTH_16:
        size, shorter_max = (4, MAX_LENGTH_7) if length == LENGTH_16 else (10, MAX_LENGTH_16)
        if len(data) - start < size:
            return 0, 0
        length = int.from_bytes(data[start + 2 : start + size], "big")
        if length <= shorter_max:
            return LENGTH_NOT_MINIMAL, 0
        if length > MAX_LENGTH:
            return LENGTH_OVERFLOW, 0
    return (size + KEY_SIZE if second & MASKED else size), length


def header_violation(code: int, first: int) -> ProtocolError:
    """Make the error of a rule that `read_header` found broken in a header with this first byte."""
    if code == RESERVED_OPCODE:
        return _errors.reserved_opcode(first & OPCODE)
    if code == FRAGMENTED_CONTROL:
        return _errors.fragmented_control()
    if code == LONG_CONTROL:
        return _errors.long_control()
    return _errors.length_not_minimal() if code == LENGTH_NOT_MINIMAL else _errors.length_overflow()


def parse_header(buffer: Buffer, offset: int = 0) -> Header | None:
    """Read the frame header that begins at an offset (RFC 6455, 5.2).

    Args:
        buffer: any contiguous buffer.
        offset: where in it the frame begins, in bytes.

    Returns:
        The header, or None when more bytes are needed.

    Raises:
        ProtocolError: no frame can begin so, whichever side sent it.
        TypeError: an argument is of the wrong type.
        ValueError: offset is negative or past the end of buffer.
        BufferError: buffer is not contiguous, or has more than one dimension.
    """
    with view_of("buffer", buffer) as view:
        offset = natural_of("offset", offset)
        if offset > view.nbytes:
            raise _errors.offset_past_end()
        with view.cast("B") as octets, octets[offset : offset + MAX_HEADER] as head:
            data = head.tobytes()
    size, length = read_header(data, 0)
    if size < 0:
        raise header_violation(size, data[0])
    if not size or len(data) < size:
        return None
    first = data[0]
    key = data[size - KEY_SIZE : size] if data[1] & MASKED else None
    return Header(first & FIN != 0, (first & RSV) >> 4, OPCODES[first & OPCODE], key, length, size)


def build_header(
    opcode: int,
    length: int,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask_key: Buffer | None = None,
) -> bytes:
    """Write a frame header (RFC 6455, 5.2).

    Args:
        opcode: what the frame carries.
        length: bytes of payload that will follow, from 0 to 2**63 - 1.
        fin: whether the frame ends its message.
        rsv: the three reserved bits as a number from 0 to 7, RSV1 = 4.
        mask_key: the masking key, 4 bytes, of a frame that a client sends.

    Returns:
        From 2 to 14 bytes.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is out of range, or a control frame is fragmented or too long.
    """
    fin = bool(fin)
    wanted, opcode = opcode, int_of("opcode", opcode)
    if opcode not in OPCODES:
        raise _errors.not_an_opcode(wanted)
    length = int_in("length", length, 0, MAX_LENGTH)
    rsv = int_in("rsv", rsv, 0, RSV >> 4)
    if opcode & CONTROL:
        if not fin:
            raise _errors.control_frame("is not fragmented")
        if length > MAX_CONTROL_PAYLOAD:
            raise _errors.control_frame(f"carries at most {MAX_CONTROL_PAYLOAD} bytes")
    key = b"" if mask_key is None else key_of("mask_key", mask_key)
    first = (FIN if fin else 0) | rsv << 4 | opcode
    masked = MASKED if key else 0
    if length <= MAX_LENGTH_7:
        return bytes((first, masked | length)) + key
    if length <= MAX_LENGTH_16:
        return bytes((first, masked | LENGTH_16)) + length.to_bytes(2, "big") + key
    return bytes((first, masked | LENGTH_64)) + length.to_bytes(8, "big") + key
