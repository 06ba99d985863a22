"""Frames and messages to bytes (RFC 6455, 5)."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from .. import _errors
from .._spec import DEFLATE_TAIL, KEY_POOL, KEY_SIZE, RSV1, Opcode
from .header import build_header
from .mask import bytes_of, key_of, random_bytes, xor

if TYPE_CHECKING:
    from typing_extensions import Buffer


class _KeyPool(threading.local):
    """Masking keys of one thread, made many at a time from `os.urandom` (RFC 6455, 5.3)."""

    entropy = b""
    used = 0


_pool = _KeyPool()


def _discard_keys() -> None:
    """Keep a forked child from spending the keys of its parent."""
    global _pool
    _pool = _KeyPool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_discard_keys)


def new_mask_key() -> bytes:
    """Make a masking key that nobody can predict (RFC 6455, 5.3).

    Returns:
        4 bytes.

    Raises:
        TypeError, RuntimeError: os.urandom was replaced, and did not return that many bytes.
    """
    start = _pool.used
    if start == len(_pool.entropy):
        _pool.entropy = random_bytes(KEY_POOL)
        start = 0
    _pool.used = start + KEY_SIZE
    return _pool.entropy[start : start + KEY_SIZE]


def encode_frame(
    opcode: int,
    payload: str | Buffer,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask_key: Buffer | None = None,
) -> bytes:
    """Write a whole frame (RFC 6455, 5.2).

    Args:
        opcode: what the frame carries.
        payload: str, which leaves as UTF-8, or any contiguous buffer.
        fin: whether the frame ends its message.
        rsv: the three reserved bits as a number from 0 to 7, RSV1 = 4.
        mask_key: the masking key, 4 bytes, of a frame that a client sends.

    Returns:
        Header and payload, masked if there is a key.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is out of range, payload contains a lone surrogate, or a control
            frame is fragmented or too long.
        BufferError: payload is not contiguous, or has more than one dimension.
    """
    if isinstance(payload, str):
        data = str.encode(payload, "utf-8")
    else:
        try:
            data = bytes_of("payload", payload)
        except TypeError:
            raise _errors.not_str_or_bytes("payload", payload) from None
    header = build_header(opcode, len(data), fin=fin, rsv=rsv, mask_key=mask_key)
    if mask_key is not None:
        data = xor(data, key_of("mask_key", mask_key))
    return header + data


def encode_text(text: str, *, masked: bool = False) -> bytes:
    """Write a text message as one frame (RFC 6455, 5.6).

    Args:
        text: what to send.
        masked: whether to mask it with a new random key, as a client must.

    Returns:
        Header and payload.

    Raises:
        TypeError: text is not a str.
        ValueError: text contains a lone surrogate.
    """
    if not isinstance(text, str):
        raise _errors.not_str("text", text)
    data = str.encode(text, "utf-8")
    if masked:
        key = new_mask_key()
        return build_header(Opcode.TEXT, len(data), mask_key=key) + xor(data, key)
    return build_header(Opcode.TEXT, len(data)) + data


def encode_binary(data: Buffer, *, masked: bool = False) -> bytes:
    """Write a binary message as one frame (RFC 6455, 5.6).

    Args:
        data: any contiguous buffer.
        masked: whether to mask it with a new random key, as a client must.

    Returns:
        Header and payload.

    Raises:
        TypeError: data is not a bytes-like object.
        BufferError: data is not contiguous, or has more than one dimension.
    """
    payload = bytes_of("data", data)
    if masked:
        key = new_mask_key()
        return build_header(Opcode.BINARY, len(payload), mask_key=key) + xor(payload, key)
    return build_header(Opcode.BINARY, len(payload)) + payload


def encode_deflated(
    opcode: int, payload: str | Buffer, deflater: Any, flush: int, *, mask_key: Buffer | None = None
) -> bytes:
    """Compress a whole message and write it as one frame (RFC 7692, 7.2.1).

    Args:
        opcode: TEXT or BINARY.
        payload: str, which is compressed as UTF-8, or any contiguous buffer.
        deflater: a compressor of zlib, or an object with the same methods `compress` and `flush`.
        flush: zlib.Z_SYNC_FLUSH or zlib.Z_FULL_FLUSH, how the message ends.
        mask_key: the masking key, 4 bytes, of a frame that a client sends.

    Returns:
        Header, with RSV1 set, and payload, masked if there is a key. The payload is empty if the compressor
        returned nothing: nothing went in since the last flush.

    Raises:
        TypeError, ValueError, BufferError: see encode_frame. The compressor has seen no lone surrogate.
    """
    data = str.encode(payload, "utf-8") if isinstance(payload, str) else payload
    out: bytes = deflater.compress(data) + deflater.flush(flush)
    return encode_frame(opcode, out.removesuffix(DEFLATE_TAIL), rsv=RSV1 >> 4, mask_key=mask_key)
