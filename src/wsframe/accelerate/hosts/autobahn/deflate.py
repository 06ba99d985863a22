"""permessage-deflate of autobahn: whole messages, by the compressor and the inflater of the connection."""

from __future__ import annotations

from typing import Any
from zlib import Z_SYNC_FLUSH

from ...._backend import encode_deflated
from .watches import deflate_class, deflating, limits_what_is_inflated

# Compression makes a message longer by MAX_GROWTH bytes at most, plus one for each GROWTH_UNIT bytes of it: a
# block header for each 16 KiB, and the end of the message (both rounded up).
MAX_GROWTH, GROWTH_UNIT = 64, 1024


def extension_of(self: Any) -> Any:
    """Return the extension of a connection if it is permessage-deflate as autobahn made it, else None."""
    extension = self._perMessageCompress
    if type(extension) is deflate_class() and deflating().holds(extension):
        return extension
    return None


def deflated_frame(extension: Any, opcode: int, payload: bytes, key: bytes | None) -> bytes:
    """Compress a message into a frame."""
    extension.start_compress_message()
    return encode_deflated(opcode, payload, extension._compressor, Z_SYNC_FLUSH, mask_key=key)


def may_exceed(payload: bytes, limit: int) -> bool:
    """Tell whether a message may, compressed, be longer than a limit; 0 is none."""
    size = len(payload)
    return 0 < limit < size + size // GROWTH_UNIT + MAX_GROWTH


def inflated(self: Any, extension: Any, payload: bytes) -> bytes | None:
    """Inflate a whole message.

    Returns:
        The message; None when it is one that autobahn may not deliver. autobahn then inflates the message
        itself, with the same result.
    """
    most = self.maxMessagePayloadSize
    data = exc = None
    try:
        extension.start_decompress_message()
        if limits_what_is_inflated():
            data = extension.decompress_message_data(payload, max_output_len=most if most > 0 else None)
        else:
            data = extension.decompress_message_data(payload)
        extension.end_decompress_message()
    except Exception as failure:
        exc = failure
    if exc is None and type(data) is bytes and not 0 < most < len(data):
        return data
    replay_result(self, extension, data, exc)
    return None


def replay_result(self: Any, extension: Any, data: Any, exc: Exception | None = None) -> None:
    """Have autobahn inflate the current message once more, with the same result."""
    self._perMessageCompress = Inflated(self, extension, data, exc)


class Inflated:
    """Is used instead of a connection's extension while autobahn handles a message that was inflated before.

    Args:
        connection: of autobahn.
        extension: its permessage-deflate.
        data: the message; None if it could not be inflated.
        exc: what failed: the inflating, or else its end.
    """

    def __init__(self, connection: Any, extension: Any, data: Any, exc: Exception | None) -> None:
        self._connection, self._extension = connection, extension
        self._data, self._exc = data, exc
        self._given = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._extension, name)

    def start_decompress_message(self) -> None:
        """It was started before."""

    def decompress_message_data(self, data: bytes, *args: Any, **kwargs: Any) -> Any:
        if self._given:
            return self._extension.decompress_message_data(data, *args, **kwargs)
        self._given = True
        if self._data is None:
            self._fail()
        return self._data

    def end_decompress_message(self) -> None:
        if self._exc is not None:
            self._fail()
        self._connection._perMessageCompress = self._extension

    def _fail(self) -> None:
        self._connection._perMessageCompress = self._extension
        exc, self._exc = self._exc, None
        assert exc is not None
        raise exc
