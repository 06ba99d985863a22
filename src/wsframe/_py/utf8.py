"""Text (RFC 6455, 8.1; RFC 3629)."""

from __future__ import annotations

from codecs import utf_8_decode


def valid_prefix(data: bytes | bytearray | memoryview) -> int:
    """Length of the longest prefix made of whole code points.

    Raises:
        UnicodeDecodeError: no continuation could make the rest valid.
    """
    return utf_8_decode(data, "strict", False)[1]
