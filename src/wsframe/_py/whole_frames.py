"""Whole frames off the front of a buffer, for libraries that keep their own parser (RFC 6455, 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _errors
from .._spec import FIN, KEY_SIZE, MASKED, MAX_LENGTH, Opcode
from .header import read_header
from .mask import bytes_of, int_in, xor

if TYPE_CHECKING:
    from typing_extensions import Buffer


def cut_frames(
    data: Buffer,
    start: int,
    masked: bool,
    max_frame: int,
    firsts: bytes | None = None,
    count: int | None = None,
) -> tuple[list[tuple[int, bytes]], int]:
    """Cut whole, valid frames off a buffer until one is not (RFC 6455, 5.2).

    For libraries that parse all other frames themselves: it stops before a frame that is not whole,
    breaks a rule of the header, is longer than max_frame, or has a first byte that is not in firsts.

    Args:
        data: any contiguous buffer.
        start: offset of the first frame, in bytes.
        masked: whether frames must be masked or must not.
        max_frame: bytes of payload a frame may carry.
        firsts: the first bytes (FIN, RSV and opcode) a frame may have; None for any.
        count: frames to cut at most; None for all.

    Returns:
        The first byte and the unmasked payload of each frame, and the offset of the next frame.
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
    """Remove one frame from the front of a buffer, if it is whole and valid (RFC 6455, 5.2).

    Args:
        buffer: what has arrived; what follows the frame stays in it.
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
    """Remove one message from the front of a buffer, if a single valid frame holds all of it (RFC 6455, 5.6).

    Args:
        buffer: what has arrived; what follows the message stays in it.
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
    """Read the header of a frame that is whole and valid.

    Returns:
        The length of the payload and where it begins, or None.
    """
    size, length = read_header(data, start)
    if size <= 0 or bool(data[start + 1] & MASKED) is not masked or length > len(data) - start - size:
        return None
    return length, start + size


def _payload(data: bytes | bytearray, body: int, length: int, masked: bool) -> bytes:
    payload = bytes(data[body : body + length])
    return xor(payload, bytes(data[body - KEY_SIZE : body])) if masked else payload
