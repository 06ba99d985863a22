"""Frame headers (RFC 6455, 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _errors
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


def check_start(first: int, second: int) -> None:
    """Hold the rules that the first two bytes can break whoever sent them."""
    opcode = first & OPCODE
    if opcode not in OPCODES:
        raise _errors.reserved_opcode(opcode)
    if opcode & CONTROL:
        if not first & FIN:
            raise _errors.fragmented_control()
        if second & LENGTH > MAX_CONTROL_PAYLOAD:
            raise _errors.long_control()


def read_length(data: bytes | bytearray | memoryview, start: int) -> tuple[int, int] | None:
    """Read the length field of the header at `start`; answer it and where it ends."""
    short = data[start + 1] & LENGTH
    if short < LENGTH_16:
        return short, start + 2
    end = start + (4 if short == LENGTH_16 else 10)
    if len(data) < end:
        return None
    length = int.from_bytes(data[start + 2 : end], "big")
    if length <= (MAX_LENGTH_7 if short == LENGTH_16 else MAX_LENGTH_16):
        raise _errors.length_not_minimal()
    if length > MAX_LENGTH:
        raise _errors.length_overflow()
    return length, end


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
    if len(data) < 2:
        return None
    first, second = data[0], data[1]
    check_start(first, second)
    found = read_length(data, 0)
    if found is None:
        return None
    length, size = found
    key = None
    if second & MASKED:
        key = data[size : size + KEY_SIZE]
        if len(key) < KEY_SIZE:
            return None
        size += KEY_SIZE
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
