"""Messages and control frames to bytes (RFC 6455, 5.4 to 5.6; RFC 7692, 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .._backend import encode_binary, encode_frame, encode_text, new_mask_key
from .._spec import RSV1, Inflater, Opcode, Role
from .messages import MIXED_FRAGMENTS, bytes_of, check_fragment
from .states import ConnectionState

if TYPE_CHECKING:
    from typing import Protocol

    from typing_extensions import Buffer
else:
    Protocol = object

# Bytes from which a sample decides whether a message is compressed.
SAMPLED_SIZE = 2**16


class Extension(Inflater, Protocol):
    """The interface of a permessage-deflate object (RFC 7692); see deflate.Deflate."""

    min_size: int
    settings: tuple[object, ...]  # what determines the compressed bytes of a message

    def wants(self, size: int) -> bool:
        """Tell whether to compress a message of this size in bytes."""

    def deflate(self, payload: bytes, final: bool = True) -> bytes:
        """Compress the next fragment of a message."""

    def deflate_frame(self, opcode: int, payload: bytes, mask_key: bytes | None) -> bytes:
        """Compress a whole message and write it as one frame."""

    def deflate_alone(self, payload: bytes) -> bytes:
        """Compress a message for all connections with equal `settings`; then `reset` each of them."""

    def deflate_in_steps(self, payload: bytes) -> Iterator[bytes]:
        """Compress as `deflate_alone` does, in small steps."""

    def shrinks(self, payload: bytes) -> bool:
        """Tell whether a sample of a large message becomes smaller by compression."""

    def reset(self) -> None:
        """Compress the next message without reference to earlier ones."""


class Sender(ConnectionState):
    """Encodes what is sent, as the state of the connection allows; the base of SansIOConnection."""

    __slots__ = ("_compressing", "_fragments_text", "_masked")

    def __init__(self, role: Role, deflate: Extension | None) -> None:
        super().__init__(role, deflate)
        self._masked = role is Role.CLIENT
        self._compressing = False  # the fragmented message
        self._fragments_text = False  # the fragmented message

    def send(self, message: str | Buffer) -> bytes:
        """Encode a whole message.

        Args:
            message: str for text, any contiguous buffer for binary.

        Returns:
            The bytes to send.

        Raises:
            ConnectionClosed: the connection is not open.
            RuntimeError: a fragmented message is being sent.
            TypeError, ValueError, BufferError: see encode_text and encode_binary.
        """
        self.check_open()
        if self.fragmenting:
            raise RuntimeError("a fragmented message is being sent")
        if self._deflate is not None:
            return self._compressed(message)
        if isinstance(message, str):
            return encode_text(message, masked=self._masked)
        return encode_binary(message, masked=self._masked)

    def send_uncompressed(self, message: str | Buffer) -> bytes:
        """Encode a whole message as `send` does, but uncompressed (RFC 7692, 6)."""
        self.check_open()
        if self.fragmenting:
            raise RuntimeError("a fragmented message is being sent")
        if isinstance(message, str):
            return encode_text(message, masked=self._masked)
        return encode_binary(message, masked=self._masked)

    def send_fragments(self, fragments: Iterable[str | Buffer]) -> Iterator[bytes]:
        """Encode a message in fragments (RFC 6455, 5.4).

        Args:
            fragments: all str or all bytes-like; the last one ends the message.  Without any fragment
                nothing is sent.

        Yields:
            The bytes to send, one frame at a time, each when the next fragment is known.

        Raises:
            ConnectionClosed: the connection is not open.
            RuntimeError: another fragmented message is being sent.
            TypeError: the fragments are not all of one kind; the last valid one was not sent.
        """
        if self.fragmenting:
            raise RuntimeError("another fragmented message is being sent")
        started = False
        waiting: str | Buffer | None = None
        for fragment in fragments:
            check_fragment(fragment, waiting)
            if waiting is not None:
                yield self._next_fragment(started, waiting, final=False)
                started = True
            waiting = fragment
        if waiting is not None:
            yield self._next_fragment(started, waiting, final=True)

    def _next_fragment(self, started: bool, fragment: str | Buffer, *, final: bool) -> bytes:
        if self.fragmenting is not started:  # another caller has sent fragments in between
            raise RuntimeError("another fragmented message is being sent")
        return self.send_fragment(fragment, final=final)

    def send_fragment(self, fragment: str | Buffer, *, final: bool) -> bytes:
        """Encode one fragment of a message (RFC 6455, 5.4).

        Args:
            fragment: str for text, any contiguous buffer for binary.
            final: whether it ends the message.

        Returns:
            The bytes to send.

        Raises:
            ConnectionClosed: the connection is not open.
            TypeError: the fragment is neither, or not of the kind of the earlier ones.
        """
        self.check_open()
        text = isinstance(fragment, str)
        opcode = Opcode.TEXT if text else Opcode.BINARY
        rsv = 0
        if self.fragmenting:
            if text is not self._fragments_text:
                raise TypeError(MIXED_FRAGMENTS)
            opcode = Opcode.CONTINUATION
        else:
            # The size of the message is not known yet.
            self._compressing = self._deflate is not None and self._deflate.wants(SAMPLED_SIZE)
            rsv = RSV1 >> 4 if self._compressing else 0
        if self._compressing:
            assert self._deflate is not None
            fragment = self._deflate.deflate(bytes_of(fragment), final)
        frame = encode_frame(opcode, fragment, fin=final, rsv=rsv, mask_key=self._key())
        self._change(self.state, not final)
        self._fragments_text = text
        return frame

    def send_in_steps(self, message: str | Buffer) -> Iterator[bytes]:
        """Encode a whole message as `send` does, a large one in small steps.

        Other whole messages may be sent between the steps.

        Args:
            message: str for text, any contiguous buffer for binary.

        Yields:
            The bytes to send, empty until the last step.

        Raises:
            As `send`.
        """
        data = bytes_of(message)
        opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
        rsv = 0
        if self._deflate is not None and is_compressed(self._deflate, data):
            pieces = []
            for piece in self._deflate.deflate_in_steps(data):
                pieces.append(piece)
                yield b""
            data, rsv = b"".join(pieces), RSV1 >> 4
        self.check_open()
        if self.fragmenting:
            raise RuntimeError("a fragmented message is being sent")
        if rsv and self._deflate is not None:
            self._deflate.reset()  # our compressor has not seen this message, the window of the peer has
        yield encode_frame(opcode, data, rsv=rsv, mask_key=self._key())

    def ping(self, data: Buffer = b"") -> bytes:
        """Encode a Ping (RFC 6455, 5.5.2) of at most 125 bytes; allowed between fragments."""
        self.check_open()
        return self._control(Opcode.PING, data)

    def pong(self, data: Buffer = b"") -> bytes:
        """Encode an unsolicited Pong (RFC 6455, 5.5.3) of at most 125 bytes."""
        self.check_open()
        return self._control(Opcode.PONG, data)

    def _key(self) -> bytes | None:
        return new_mask_key() if self._masked else None

    def _control(self, opcode: Opcode, data: Buffer) -> bytes:
        return encode_frame(opcode, data, mask_key=self._key())

    def _compressed(self, message: str | Buffer) -> bytes:
        deflate = self._deflate
        assert deflate is not None
        data = message if type(message) is bytes else bytes_of(message)
        opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
        key = new_mask_key() if self._masked else None
        size = len(data)
        if not deflate.wants(size) or (size >= SAMPLED_SIZE and not deflate.shrinks(data)):
            return encode_frame(opcode, data, mask_key=key)
        return deflate.deflate_frame(opcode, data, key)


def is_compressed(deflate: Extension, data: bytes) -> bool:
    """Tell whether to compress a message: of a large one, by samples."""
    size = len(data)
    return deflate.wants(size) and (size < SAMPLED_SIZE or deflate.shrinks(data))
