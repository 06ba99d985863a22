"""The key of the opening handshake (RFC 6455, 4.1 and 4.2.2)."""

from __future__ import annotations

import base64
import hashlib

from .. import _errors
from .._spec import GUID, NONCE_SIZE
from .mask import random_bytes


def accept_key(key: str | bytes) -> str:
    """Compute Sec-WebSocket-Accept from Sec-WebSocket-Key (RFC 6455, 4.2.2).

    Args:
        key: the value of the header as it was sent; that it is the base64 of 16 bytes is for
            the handshake to check.

    Returns:
        28 characters.

    Raises:
        TypeError: key is neither str nor bytes.
        ValueError: key is a str with a character that is not ASCII.
    """
    if isinstance(key, str):
        try:
            key = str.encode(key, "ascii")
        except UnicodeEncodeError:
            raise _errors.not_ascii("key") from None
    elif not isinstance(key, bytes):
        raise _errors.not_str_or_bytes_exactly("key", key)
    digest = hashlib.sha1(key, usedforsecurity=False)
    digest.update(GUID)
    return base64.b64encode(digest.digest()).decode("ascii")


def new_key() -> str:
    """Make a Sec-WebSocket-Key: 16 random bytes in base64 (RFC 6455, 4.1).

    Returns:
        24 characters.

    Raises:
        TypeError, RuntimeError: os.urandom was replaced, and did not return that many bytes.
    """
    return base64.b64encode(random_bytes(NONCE_SIZE)).decode("ascii")
