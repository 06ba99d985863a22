"""One message for many connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._backend import encode_binary, encode_frame, encode_text
from .._spec import RSV1, Opcode, Role
from .messages import bytes_of
from .states import State

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .sansio import SansIOConnection


class Broadcast:
    """A message to many connections, encoded once for all that need the same bytes.

    Args:
        message: str for text, any contiguous buffer for binary.

    Attributes:
        uncompressed: the frame for a server connection without compression.

    Raises:
        TypeError, ValueError, BufferError: see encode_text and encode_binary.
    """

    def __init__(self, message: str | Buffer) -> None:
        self.message = message
        self._opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
        self.uncompressed: bytes = (
            encode_text(message) if isinstance(message, str) else encode_binary(message)
        )
        self._payload = bytes_of(message)
        self._compressed: dict[tuple[object, ...], bytes] = {}
        self._compresses: dict[int, bool] = {}  # by `min_size` of a connection

    def frame_for(self, connection: SansIOConnection) -> bytes | None:
        """Return the bytes to send on a connection; None if it is not open, or between fragments."""
        if connection.state is not State.OPEN or connection.fragmenting:
            return None
        if connection.role is Role.CLIENT:
            return connection.send(self.message)
        deflate = connection._deflate
        if deflate is None:
            return self.uncompressed
        compresses = self._compresses.get(deflate.min_size)
        if compresses is None:
            compresses = self._compresses[deflate.min_size] = connection._compresses(self._payload)
        if not compresses:
            return self.uncompressed
        frame = self._compressed.get(deflate.settings)
        if frame is None:
            data = deflate.deflate_alone(self._payload)
            frame = encode_frame(self._opcode, data, rsv=RSV1 >> 4)
            self._compressed[deflate.settings] = frame
        deflate.reset()
        return frame
