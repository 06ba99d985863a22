"""A connection without I/O: what is received changes its state and has replies (RFC 6455, 5 to 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._backend import MessageDecoder
from .._spec import (
    DEFAULT_MAX_FRAGMENTS,
    DEFAULT_MAX_MESSAGE,
    Close,
    CloseCode,
    Fragment,
    Opcode,
    Ping,
    Pong,
    Role,
)
from .closing import close_body
from .sending import Extension, Sender
from .states import State

if TYPE_CHECKING:
    from typing_extensions import Buffer

Event = str | bytes | Ping | Pong | Close | Fragment


class SansIOConnection(Sender):
    """A WebSocket connection without I/O: the caller reads and writes the bytes.

    Args:
        role: which side we are.
        max_message: maximum size of a received message in bytes, over all its fragments; None for no limit.
        max_fragments: maximum number of frames of a received message; None for no limit.
        max_frame: maximum size of a frame of a received message in bytes, inflated; None for no other limit.
        deflate: the negotiated permessage-deflate object, or None.

    Attributes:
        state: OPEN, CLOSING or CLOSED.
        decoder: decodes received bytes into messages.
        outgoing: frames that `receive` and `fail` queue; send them in order, then clear the list.
        received: the Close frame of the peer, or None.
        sent: the Close frame that was sent, or None.
        error: the violation that was received, or None.
        cause: the exception that ended the stream before the Close of the peer, or None.
        fragmenting: whether a fragmented message is being sent.
        encodes_directly: whether a message is encoded into one uncompressed frame without further checks: the
            connection is open, has no extension, and sends no fragmented message.
        on_encodes_directly: called with the new value when that changes; None after the end.
        controls: how many control frames, and Fragments of messages, were received.
    """

    __slots__ = ("controls", "decoder", "outgoing")

    def __init__(
        self,
        role: Role,
        *,
        max_message: int | None = DEFAULT_MAX_MESSAGE,
        max_fragments: int | None = DEFAULT_MAX_FRAGMENTS,
        max_frame: int | None = None,
        deflate: Extension | None = None,
    ) -> None:
        self.decoder: MessageDecoder = MessageDecoder(
            role, max_message=max_message, max_fragments=max_fragments, max_frame=max_frame, deflate=deflate
        )
        super().__init__(role, deflate)
        self.controls: int = 0
        self.outgoing: list[bytes] = []

    def receive(self, data: Buffer) -> list[Event]:
        """Process bytes from the peer.

        Args:
            data: any contiguous buffer; no reference to it is kept.

        Returns:
            The messages and control frames that are now complete, in order.  Replies to Pings and a Close are
            queued in `outgoing`.  After a violation `error` is set: call `fail`.
        """
        if self.decoder.error is not None or self.state is State.CLOSED:
            return []
        events = self.decoder.feed(data)
        self.note(events)
        return events

    def note(self, events: list[Event]) -> None:
        """Process the events of `decoder`, for a caller that feeds it itself instead of calling `receive`.

        Args:
            events: the result of `feed`.  The call is needed only when `controls` of the decoder has
                grown, or its `error` is set.
        """
        decoder = self.decoder
        if decoder.controls != self.controls:
            self.controls = decoder.controls
            self._reply_to_controls(events)
        error = decoder.error
        if error is not None:
            self._violated(error)

    def _reply_to_controls(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Ping):
                self.outgoing.append(self._control(Opcode.PONG, event.data))
            elif isinstance(event, Close):
                self._close_received(event)
                if self.state is State.OPEN:
                    self._queue_close(event)

    def fail(self) -> None:
        """Fail the connection for its `error` (RFC 6455, 7.1.7): queue a Close in `outgoing`."""
        if self.error is not None and self.state is State.OPEN:
            self._queue_close(Close(int(self.error.close_code), self.error.reason))

    def _queue_close(self, close: Close) -> None:
        self.outgoing.append(self._control(Opcode.CLOSE, close_body(close.code, close.reason)))
        self._close_sent(close)

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> bytes:
        """Start the closing handshake (RFC 6455, 7.1.2).

        Args:
            code: a status code that may be sent, or 1005 for none.
            reason: at most 123 bytes of UTF-8.

        Returns:
            The bytes to send.

        Raises:
            ConnectionClosed: the connection is not open.
            TypeError: the code is not an int, or the reason not a str.
            ValueError: the code must not be sent, the reason is too long, or it comes without a code.
        """
        self.check_open()
        close_body(code, reason)  # checks the types: int() would accept others
        self._queue_close(Close(int(code), reason))
        return self.outgoing.pop()
