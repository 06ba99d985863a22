"""Frames written by hand (RFC 6455, 5.2), with none of wsframe's code: also those that break the rules."""

from __future__ import annotations

import zlib
from itertools import cycle
from operator import xor

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
KEY = bytes.fromhex("37fa213d")  # of the examples in 5.7


def masked(payload: bytes, key: bytes, offset: int = 0) -> bytes:
    """XOR byte by byte, as 5.3 says it."""
    rotation = offset % 4
    return bytes(map(xor, payload, cycle(key[rotation:] + key[:rotation])))


def header(
    opcode: int,
    length: int,
    *,
    fin: bool = True,
    rsv: int = 0,
    key: bytes | None = None,
    form: int | None = None,
) -> bytes:
    """A header that may announce anything.

    Args:
        opcode: any four bits.
        length: what to announce, up to 2**64 - 1.
        rsv: the three reserved bits, RSV1 = 4.
        key: the masking key; None leaves the mask bit 0.
        form: bits of the length field, 7, 16 or 64; the shortest that fits when None.
    """
    if form is None:
        form = 7 if length < 126 else 16 if length < 2**16 else 64
    first = fin << 7 | rsv << 4 | opcode
    bit = 0 if key is None else 0x80
    if form == 7:
        start = bytes([first, bit | length])
    elif form == 16:
        start = bytes([first, bit | 126]) + length.to_bytes(2, "big")
    else:
        start = bytes([first, bit | 127]) + length.to_bytes(8, "big")
    return start + (key or b"")


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    key: bytes | None = None,
    form: int | None = None,
) -> bytes:
    """A frame whose header tells the truth about its length."""
    head = header(opcode, len(payload), fin=fin, rsv=rsv, key=key, form=form)
    return head + (payload if key is None else masked(payload, key))


def text(message: str) -> bytes:
    """A whole message of a client."""
    return frame(TEXT, message.encode(), key=KEY)


def close(code: int, reason: bytes = b"", *, key: bytes | None = None) -> bytes:
    """A Close frame with a status code (5.5.1)."""
    return frame(CLOSE, code.to_bytes(2, "big") + reason, key=key)


def compressed(payload: bytes) -> bytes:
    """Deflate a message on its own (RFC 7692, 7.2.1)."""
    squeeze = zlib.compressobj(wbits=-15)
    return (squeeze.compress(payload) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]
