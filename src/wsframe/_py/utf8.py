"""Text (RFC 6455, 8.1; RFC 3629)."""

from __future__ import annotations

from codecs import utf_8_decode


def valid_prefix(data: bytes | bytearray | memoryview) -> int:
    """Length of the longest prefix made of whole code points.

    Raises:
        UnicodeDecodeError: no continuation could make the rest valid.
    """
    valid: int = utf_8_decode(data, "strict", False)[1]
    # CPython waits for the third byte of a surrogate, though none could make it valid.
    if len(data) - valid == 2 and data[valid] == 0xED and data[valid + 1] >= 0xA0:
        utf_8_decode(data[valid:], "strict", True)
    return valid
