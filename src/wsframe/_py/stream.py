"""The fast paths of an endpoint: receiving, which a Receiver does, and sending."""

# Rules of a Stream, besides those of a Receiver.
#
# 1. `_encodes_directly` is true only while the connection is open, without an extension, and not between the
#    fragments of a message. Then messages are encoded without a call of `_encode_message`.
# 2. `_pending_sends` counts the calls of `_send_slow_path` that have not written their last frame. While it
#    is not 0, every `send` takes the slow path, so that no message overtakes another; `send_nowait` first
#    calls `_finish_pending_sends`.
# 3. `send` does nothing before it is awaited. It has written its message when `drain` is called, and a
#    cancelled `send` that waits in `drain` has sent it.
# 4. A frame is written whole or not at all, in the order of the calls of `_write`.

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from .._spec import CONTROL, FIN, LARGE_MESSAGE
from .coalescer import AT_END, FIRST_NOW, LATER, NOW
from .encoder import encode_binary, encode_text
from .receiver import Receiver

if TYPE_CHECKING:
    from typing_extensions import Buffer

AnyStream = TypeVar("AnyStream", bound="Stream")


class Stream(Receiver):
    """The fast paths of a connection; a subclass has the slow paths.

    The reply to a single message is written at once; replies to several are coalesced.
    """

    __slots__ = (
        "_bytes_sent",
        "_encodes_directly",
        "_masked",
        "_messages_sent",
        "_pending_sends",
        "congested",
    )

    def __init__(self) -> None:
        super().__init__()
        self._masked = False  # frames are to be masked: we are a client
        self._encodes_directly = False  # see rule 1
        self.congested: bool = False  # the transport has called pause_writing()
        self._pending_sends = 0  # calls of `_send_slow_path` that have not written their last frame
        self._messages_sent = 0  # whole messages and last fragments
        self._bytes_sent = 0  # of frames

    # What a subclass has to do.

    def _send_slow_path(self, message: Any) -> Coroutine[Any, Any, None]:
        """Return a coroutine that sends a message after those of pending sends, or in fragments or steps."""
        raise NotImplementedError

    def _send_failed(self, exc: Exception) -> Coroutine[Any, Any, NoReturn]:
        """Return a coroutine that raises what `send` failed with, when a closing connection is closed."""
        raise NotImplementedError

    def _send_as(self, message: Any, text: bool) -> Coroutine[Any, Any, None]:
        """Return a coroutine that sends a message as text or binary, for str and bytes alike."""
        raise NotImplementedError

    def drain(self) -> Coroutine[Any, Any, None]:
        """Return a coroutine that waits until the transport takes more."""
        raise NotImplementedError

    def _finish_pending_sends(self) -> None:
        """Write the messages of pending sends at once, or raise RuntimeError."""
        raise NotImplementedError

    def _may_queue(self, message: Any) -> bool:
        """Tell whether `send_nowait` may write a message although the peer is behind."""
        raise NotImplementedError

    def _encode_message(self, message: str | Buffer) -> bytes:
        """Make the frame of a message, as the state of the connection requires, or raise."""
        raise NotImplementedError

    # Sending.

    async def send(self, message: Any, *, text: bool | None = None) -> None:
        """Send a message; to be awaited.

        Messages are sent in the order in which their `send` was first awaited.  It waits while an earlier
        message is sent in fragments, and until the peer has caught up.  A large message is compressed in
        steps, between which the loop runs, or sent uncompressed if a sample of it does not shrink.

        Args:
            message: str for text, bytes-like for binary; an iterable or asynchronous iterable of
                one of them is sent as fragments.
            text: True to send bytes-like as text, which must be UTF-8, False to send str as binary.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            TypeError: the message is of another type, or its fragments are not all of one kind.
        """
        if text is not None:
            await self._send_as(message, text)
            return
        if (
            self._pending_sends
            or not isinstance(message, (str, bytes, bytearray, memoryview))
            or (not self._encodes_directly and len(message) >= LARGE_MESSAGE)
        ):
            await self._send_slow_path(message)
            return
        try:
            self._send_message(message)
        except Exception as exc:
            await self._send_failed(exc)
        if self.congested:
            await self.drain()

    def send_nowait(self, message: str | Buffer) -> None:
        """Send a message without waiting.

        A peer that does not read gets no more than `max_unsent` bytes queued (see `serve`).  A large message
        is compressed at once, not in steps as by `send`.

        Args:
            message: str for text, bytes-like for binary.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            RuntimeError: a message is being sent in fragments.
            TypeError: the message is of another type.
        """
        if self._pending_sends:
            self._finish_pending_sends()
        if not self.congested or self._may_queue(message):
            self._send_message(message)

    def _send_message(self, message: str | Buffer) -> None:
        if not self._encodes_directly:
            frame = self._encode_message(message)
        elif isinstance(message, str):
            frame = encode_text(message, masked=self._masked)
        else:
            frame = encode_binary(message, masked=self._masked)
        self._write(frame)

    def _write(self, frame: bytes) -> None:
        """Write a frame, at once or coalesced with others at the end of this loop iteration."""
        when = FIRST_NOW
        self._bytes_sent += len(frame)
        self._messages_sent += bool(frame) and frame[0] & (FIN | CONTROL) == FIN
        if self._receiving:
            when = FIRST_NOW if self._single_message else LATER
        elif self._queue:
            when = LATER  # coalesce the replies to all queued messages
        elif self._next_is_reply:
            self._next_is_reply = False
            when = NOW
        self._write_at(frame, when)

    def _write_at_end(self, data: bytes) -> None:
        """Write a frame at the end of this loop iteration.

        The flusher thread does not send it earlier if code blocks the loop.
        """
        self._bytes_sent += len(data)
        self._messages_sent += bool(data) and data[0] & (FIN | CONTROL) == FIN
        self._write_at(data, AT_END)


def write_to_all(streams: set[AnyStream], frame: bytes) -> list[AnyStream]:
    """Write a frame to the streams that send it unchanged, at the end of this loop iteration.

    Args:
        streams: of servers or clients.
        frame: an unmasked frame.

    Returns:
        The streams that it was not written to: they compress, mask, are congested, are sending or closing.
    """
    rest, size = [], len(frame)
    for stream in streams:
        if (
            stream._encodes_directly
            and not stream._masked
            and not stream.congested
            and not stream._pending_sends
        ):
            stream._bytes_sent += size
            stream._messages_sent += 1
            stream._write_at(frame, AT_END)
        else:
            rest.append(stream)
    return rest
