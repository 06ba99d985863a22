"""Masking (RFC 6455, 5.3)."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .. import _errors
from .._spec import KEY_SIZE

if TYPE_CHECKING:
    from typing_extensions import Buffer


def view_of(name: str, value: Buffer) -> memoryview:
    """Get a view of a contiguous one-dimensional buffer; the caller releases it."""
    try:
        view = memoryview(value)
    except TypeError:
        raise _errors.not_bytes_like(name, value) from None
    if view.ndim != 1 or not view.c_contiguous:
        view.release()
        raise _errors.not_contiguous(name)
    return view


def bytes_of(name: str, value: Buffer) -> bytes:
    """Copy the bytes of a buffer."""
    with view_of(name, value) as view:
        return view.tobytes()


def key_of(name: str, value: Buffer) -> bytes:
    """Read a masking key."""
    key = bytes_of(name, value)
    if len(key) != KEY_SIZE:
        raise _errors.key_size(name, len(key))
    return key


def int_of(name: str, value: int) -> int:
    """Read an int; methods of a subclass are not called."""
    if not issubclass(type(value), int):
        raise _errors.not_int(name, value)
    return int.__index__(value)


def int_in(name: str, value: int, low: int, high: int) -> int:
    """Read an int that must be in a range."""
    number = int_of(name, value)
    if not low <= number <= high:
        raise _errors.out_of_range(name, low, high)
    return number


def natural_of(name: str, value: int) -> int:
    """Read an int that must not be negative."""
    number = int_of(name, value)
    if number < 0:
        raise _errors.negative(name)
    return number


def random_bytes(size: int) -> bytes:
    """Return bytes of `os.urandom`, checked in case somebody has replaced it."""
    entropy = os.urandom(size)
    if type(entropy) is not bytes or len(entropy) != size:
        raise _errors.not_random(size, entropy)
    return entropy


def rotation(offset: int) -> int:
    """Return the index of the key byte that masks the payload byte at `offset`."""
    return natural_of("offset", offset) % KEY_SIZE


def xor(data: bytes | bytearray, key: bytes) -> bytes:
    """XOR with the repeated key, as one large number."""
    size = len(data)
    repeated = key * (size // KEY_SIZE) + key[: size % KEY_SIZE]
    number = int.from_bytes(data, sys.byteorder) ^ int.from_bytes(repeated, sys.byteorder)
    return number.to_bytes(size, sys.byteorder)


def mask(data: Buffer, key: Buffer, offset: int = 0) -> bytes:
    """Mask or unmask payload bytes: XOR with the repeated 4-byte key (RFC 6455, 5.3).

    Args:
        data: any contiguous buffer.
        key: the masking key, 4 bytes.
        offset: how many bytes of the payload came before data; it rotates the key.

    Returns:
        As many bytes as data has.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: key is not 4 bytes, or offset is negative.
        BufferError: data is not contiguous, or has more than one dimension.
    """
    if type(data) is not bytes:
        data = bytes_of("data", data)
    if type(key) is not bytes or len(key) != KEY_SIZE:
        key = key_of("key", key)
    if type(offset) is not int or offset:
        first = rotation(offset)
        key = key[first:] + key[:first]
    return xor(data, key)


def mask_into(buffer: Buffer, key: Buffer, offset: int = 0) -> None:
    """Mask or unmask payload bytes in place (RFC 6455, 5.3).

    Args:
        buffer: any writable contiguous buffer.
        key: the masking key, 4 bytes.
        offset: how many bytes of the payload came before buffer; it rotates the key.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: key is not 4 bytes, or offset is negative.
        BufferError: buffer is read-only, not contiguous, or has more than one dimension.
    """
    with view_of("buffer", buffer) as view:
        if view.readonly:
            raise _errors.not_writable("buffer")
        masked = mask(view.tobytes(), key, offset)
        with view.cast("B") as octets:
            octets[:] = masked
