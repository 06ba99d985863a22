"""One message for many connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._backend import encode_binary, encode_frame, encode_text
from .._spec import RSV1, Opcode, Role
from .messages import bytes_of
from .sending import is_compressed
from .states import State

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .sansio import SansIOConnection
    from .sending import Extension


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
        # The frames for connections with compression, by what determines them.
        self._frames: dict[tuple[object, ...], bytes] = {}

    def frame_for(self, connection: SansIOConnection) -> bytes | None:
        """Return the bytes to send on a connection; None if it is not open, or between fragments."""
        if connection.state is not State.OPEN or connection.fragmenting:
            return None
        if connection.role is Role.CLIENT:
            return connection.send(self.message)
        deflate = connection._deflate
        if deflate is None:
            return self.uncompressed
        frame = self.frame_by(deflate)
        if frame is not self.uncompressed:
            deflate.reset()
        return frame

    def frame_by(self, deflate: Extension) -> bytes:
        """Return the frame for server connections with such a permessage-deflate object.

        Call `reset` on each of these objects, unless the frame is `uncompressed`.
        """
        key = (deflate.settings, deflate.min_size)
        frame = self._frames.get(key)
        if frame is None:
            frame = self.uncompressed
            if is_compressed(deflate, self._payload):
                frame = encode_frame(self._opcode, deflate.deflate_alone(self._payload), rsv=RSV1 >> 4)
            self._frames[key] = frame
        return frame
