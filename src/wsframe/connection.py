"""One WebSocket connection after its opening handshake, either side, without I/O (RFC 6455, 5 to 7).

Two steps change the state (see TRANSITIONS):

    state    step                 next     because of
    -------  -------------------  -------  -----------------------------------------------------
    OPEN     a Close is sent      CLOSING  close(), a Close received (5.5.1), fail() (7.1.7)
    OPEN     the stream ends      CLOSED   receive_eof(); the code is 1006 (7.1.5)
    CLOSING  the stream ends      CLOSED   receive_eof(); without a Close received the code is 1006

What is received does this:

    message       it is returned, until the Close of the peer
    Ping          a Pong is queued (5.5.3)
    Close         a Close is queued if the connection is OPEN; both are now exchanged
    violation     later bytes are discarded, and `error` is set; earlier messages may still have replies

A server closes the TCP connection when both Close frames are exchanged; a client waits for that, with a
time-out (7.1.1).  After fail() either side closes it at once.
"""

from __future__ import annotations

import builtins
import codecs
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, IntEnum, auto
from typing import TYPE_CHECKING, Any

from . import _errors
from ._backend import MessageDecoder, encode_binary, encode_frame, encode_text, fresh_key
from ._errors import ProtocolError, WebSocketException
from ._escape import escape
from ._spec import (
    DEFAULT_MAX_FRAGMENTS,
    DEFAULT_MAX_MESSAGE,
    MAX_CONTROL_PAYLOAD,
    RSV1,
    Close,
    CloseCode,
    Fragment,
    Inflater,
    Opcode,
    Ping,
    Pong,
    Role,
    may_be_sent,
)

if TYPE_CHECKING:
    from typing import Protocol

    from typing_extensions import Buffer
else:
    Protocol = object

# Bytes from which a sample decides whether a message is compressed.
SAMPLED_SIZE = 2**16

MAX_REASON = MAX_CONTROL_PAYLOAD - 2  # 5.5.1: what the status code leaves

# 7.4.1: ends that are no error.
CLEAN_CODES = frozenset({CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY, CloseCode.NO_STATUS_RCVD})

GROUP: Any = getattr(builtins, "BaseExceptionGroup", ())  # since CPython 3.11

MIXED_FRAGMENTS = "fragments must be all str or all bytes-like"

Event = str | bytes | Ping | Pong | Close | Fragment


class Extension(Inflater, Protocol):
    """The interface of a permessage-deflate object (RFC 7692); see deflate.Deflate."""

    min_size: int

    def wants(self, size: int) -> bool:
        """Tell whether to compress a message of this size in bytes."""

    def deflate(self, payload: bytes, final: bool = True) -> bytes:
        """Compress the next fragment of a message."""

    def deflate_alone(self, payload: bytes) -> bytes:
        """Compress a message for all connections with equal `settings`; then `reset` each of them."""

    def deflate_in_steps(self, payload: bytes) -> Iterator[bytes]:
        """Compress as `deflate_alone` does, in small steps."""

    def shrinks(self, payload: bytes) -> bool:
        """Tell whether a sample of a large message becomes smaller by compression."""

    def reset(self) -> None:
        """Compress the next message without reference to earlier ones."""

    @property
    def settings(self) -> tuple[object, ...]:
        """The parameters that determine the bytes of a compressed message."""


def _describe(close: Close) -> str:
    """Say what a Close frame says, its reason escaped."""
    return str(Close(close.code, escape(close.reason)))


class State(IntEnum):
    """The state of a connection (RFC 6455, 4.1 and 7.1); a SansIOConnection starts as OPEN."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class Step(Enum):
    """What changes the state of a connection."""

    CLOSE_SENT = auto()
    STREAM_ENDED = auto()


# The next state. No other step is taken in any state.
TRANSITIONS = {
    (State.OPEN, Step.CLOSE_SENT): State.CLOSING,
    (State.OPEN, Step.STREAM_ENDED): State.CLOSED,
    (State.CLOSING, Step.STREAM_ENDED): State.CLOSED,
    (State.CLOSED, Step.STREAM_ENDED): State.CLOSED,
}


class ConnectionClosed(WebSocketException):
    """The connection is closing or closed.

    Args:
        rcvd: the Close frame of the peer, or None.
        sent: the Close frame we sent, or None.
        rcvd_then_sent: whether the Close of the peer was received first; None where one is missing.
    """

    def __init__(
        self, rcvd: Close | None = None, sent: Close | None = None, rcvd_then_sent: bool | None = None
    ) -> None:
        super().__init__(rcvd, sent, rcvd_then_sent)
        self.rcvd: Close | None = rcvd
        self.sent: Close | None = sent
        self.rcvd_then_sent: bool | None = rcvd_then_sent
        self._connection: SansIOConnection | None = None  # the one that is closed

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: value for name, value in self.__dict__.items() if name != "_connection"}
        return type(self), (self.rcvd, self.sent, self.rcvd_then_sent), state

    @property
    def code(self) -> int:
        """The close code: 1006 if no Close was received (7.1.5)."""
        return self.rcvd.code if self.rcvd else CloseCode.ABNORMAL_CLOSURE

    @property
    def reason(self) -> str:
        """The close reason (7.1.6)."""
        return self.rcvd.reason if self.rcvd else ""

    def __str__(self) -> str:
        rcvd = f"received {_describe(self.rcvd)}" if self.rcvd else ""
        sent = f"sent {_describe(self.sent)}" if self.sent else ""
        if not rcvd and not sent:
            return "no close frame received or sent"
        if not sent:
            return f"{rcvd}; no close frame sent"
        if not rcvd:
            return f"{sent}; no close frame received"
        return f"{rcvd}; then {sent}" if self.rcvd_then_sent else f"{sent}; then {rcvd}"


class ConnectionClosedOK(ConnectionClosed):
    """Closed by both sides with 1000, 1001 or without a code."""


class ConnectionClosedError(ConnectionClosed):
    """Closed with another code, or without a Close frame from the peer."""


def close_body(code: int, reason: str) -> bytes:
    """Write the body of a Close frame (RFC 6455, 5.5.1).

    Args:
        code: a status code that may be sent, or 1005 for an empty body.
        reason: at most 123 bytes of UTF-8.

    Raises:
        TypeError: the code is no int, or the reason no str.
        ValueError: the code must not be sent, the reason is too long, or it comes without a code.
    """
    if isinstance(code, bool) or not isinstance(code, int):
        raise _errors.not_int("close code", code)
    if not isinstance(reason, str):
        raise _errors.not_str("close reason", reason)
    if code == CloseCode.NO_STATUS_RCVD:
        if reason:
            raise ValueError("a close reason needs a close code (RFC 6455, 5.5.1)")
        return b""
    if not may_be_sent(code):
        raise ValueError(f"close code {code} must not be sent (RFC 6455, 7.4)")
    body = code.to_bytes(2, "big") + reason.encode("utf-8")
    if len(body) > MAX_CONTROL_PAYLOAD:
        raise ValueError(f"close reason must be at most {MAX_REASON} bytes (RFC 6455, 5.5)")
    return body


class SansIOConnection:
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
        received, sent: the Close frames, or None.
        error: the violation that was received, or None.
        fragmenting: whether a fragmented message is being sent.
        encodes_directly: whether a message is encoded into one uncompressed frame without further checks: the
            connection is open, has no extension, and sends no fragmented message.
        on_encodes_directly: called with the new value when that changes; None after the end.
        controls: how many control frames were received.
    """

    __slots__ = (
        "controls",
        "_compressing",
        "_fragments_text",
        "_deflate",
        "_masked",
        "_received_first",
        "cause",
        "decoder",
        "encodes_directly",
        "error",
        "fragmenting",
        "on_encodes_directly",
        "outgoing",
        "received",
        "role",
        "sent",
        "state",
    )

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
        self.controls: int = 0
        self._deflate = deflate
        self._masked = role is Role.CLIENT
        self.fragmenting: bool = False
        self.encodes_directly: bool = deflate is None
        self.on_encodes_directly: Callable[[bool], None] | None = None
        self._compressing = False  # the fragmented message
        self._fragments_text = False  # the fragmented message
        self.role: Role = role
        self.state: State = State.OPEN
        self.outgoing: list[bytes] = []
        self.received: Close | None = None
        self.sent: Close | None = None
        self._received_first = False  # the Close of the peer was received before ours was sent
        self.error: ProtocolError | None = None
        self.cause: Exception | None = None

    # Receiving.

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
        self.error = decoder.error

    def receive_eof(self, cause: Exception | None = None) -> None:
        """Close the connection: the stream has ended.

        Args:
            cause: the exception that ended it, or None.
        """
        self._change(TRANSITIONS[self.state, Step.STREAM_ENDED], self.fragmenting)
        self.on_encodes_directly = None
        self.cause = cause or self.cause

    def _reply_to_controls(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Ping):
                self.outgoing.append(self._control(Opcode.PONG, event.data))
            elif isinstance(event, Close):
                self.received = event
                if self.state is State.OPEN:
                    self._queue_close(event)

    def fail(self) -> None:
        """Fail the connection for its `error` (RFC 6455, 7.1.7): queue a Close in `outgoing`."""
        if self.error is not None and self.state is State.OPEN:
            self._queue_close(Close(int(self.error.close_code), self.error.reason))

    def _queue_close(self, close: Close) -> None:
        self.outgoing.append(self._control(Opcode.CLOSE, close_body(close.code, close.reason)))
        self.sent = close
        self._received_first = self.received is not None
        self._change(TRANSITIONS[self.state, Step.CLOSE_SENT], self.fragmenting)

    def _change(self, state: State, fragmenting: bool) -> None:
        """Change the state, and what depends on it; nothing else does."""
        self.state = state
        self.fragmenting = fragmenting
        directly = state is State.OPEN and self._deflate is None and not fragmenting
        if directly is not self.encodes_directly:
            self.encodes_directly = directly
            if self.on_encodes_directly is not None:
                self.on_encodes_directly(directly)

    # Sending.

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
            The bytes to send, one frame at a time: each when the next fragment is known.

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
            self._compressing = self._deflate is not None and self._deflate.wants(2**16)
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
            The bytes to send: empty bytes until the last step.

        Raises:
            As `send`.
        """
        data = bytes_of(message)
        opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
        rsv = 0
        if self._deflate is not None and self._compresses(data):
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

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> bytes:
        """Start the closing handshake (RFC 6455, 7.1.2).

        Args:
            code: a status code that may be sent, or 1005 for none.
            reason: at most 123 bytes of UTF-8.

        Returns:
            The bytes to send.

        Raises:
            ConnectionClosed: the connection is not open.
            TypeError: the code is no int, or the reason no str.
            ValueError: the code must not be sent, the reason is too long, or it comes without a code.
        """
        self.check_open()
        close_body(code, reason)  # checks the types: int() would accept others
        self._queue_close(Close(int(code), reason))
        return self.outgoing.pop()

    def check_open(self) -> None:
        """Raise ConnectionClosed unless the connection is open."""
        if self.state is not State.OPEN:
            raise self.closed_error()

    # The end.

    @property
    def compresses(self) -> bool:
        """Whether messages may be compressed (RFC 7692)."""
        return self._deflate is not None

    @property
    def ends_tcp(self) -> bool:
        """Whether to close the TCP connection when `outgoing` is sent (7.1.1)."""
        if self.error is not None:
            return self.state is not State.OPEN
        return self.role is Role.SERVER and self.received is not None and self.sent is not None

    @property
    def close_code(self) -> int | None:
        """The close code, or None before the connection is closed (7.1.5)."""
        return self.closed_error().code if self.state is State.CLOSED else None

    @property
    def close_reason(self) -> str | None:
        """The close reason, or None before the connection is closed (7.1.6)."""
        return self.closed_error().reason if self.state is State.CLOSED else None

    def closed_error(self) -> ConnectionClosed:
        """Return the exception for the end of the connection; a violation is its cause."""
        ok = all(close and close.code in CLEAN_CODES for close in (self.received, self.sent))
        both = self.received is not None and self.sent is not None
        kind = ConnectionClosedOK if ok else ConnectionClosedError
        error = kind(self.received, self.sent, self._received_first if both else None)
        error.__cause__ = self.error or self.cause
        error._connection = self
        return error

    def has_raised(self, exc: BaseException) -> bool:
        """Tell whether an exception, or each one of a group, is a ConnectionClosed of this connection."""
        if isinstance(exc, GROUP):
            return all(map(self.has_raised, exc.exceptions))
        return isinstance(exc, ConnectionClosed) and exc._connection is self

    def _key(self) -> bytes | None:
        return fresh_key() if self._masked else None

    def _control(self, opcode: Opcode, data: Buffer) -> bytes:
        return encode_frame(opcode, data, mask_key=self._key())

    def _compresses(self, data: bytes) -> bool:
        assert self._deflate is not None
        size = len(data)
        return self._deflate.wants(size) and (size < SAMPLED_SIZE or self._deflate.shrinks(data))

    def _compressed(self, message: str | Buffer) -> bytes:
        assert self._deflate is not None
        data = bytes_of(message)
        opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
        if not self._compresses(data):
            return encode_frame(opcode, data, mask_key=self._key())
        return encode_frame(opcode, self._deflate.deflate(data), rsv=RSV1 >> 4, mask_key=self._key())


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


def check_fragment(fragment: object, before: object) -> None:
    """Check the kind of a fragment.

    Args:
        fragment: the next one.
        before: the fragment before it, or None.

    Raises:
        TypeError: it is neither str nor bytes-like, or not of the kind of `before`.
    """
    text = isinstance(fragment, str)
    if not text:
        try:
            memoryview(fragment)  # type: ignore[arg-type]
        except TypeError:
            raise TypeError(f"a fragment must be str or bytes-like, not {type(fragment).__name__}") from None
    if before is not None and text is not isinstance(before, str):
        raise TypeError(MIXED_FRAGMENTS)


def as_kind(message: str | Buffer, text: bool | None) -> str | Buffer:
    """Return a message as text or binary.

    Args:
        message: str or bytes-like.
        text: True for text, False for binary, None to leave it unchanged.

    Raises:
        UnicodeDecodeError: the bytes of a text are not UTF-8.
        TypeError, BufferError: as encode_binary.
    """
    if text is None or isinstance(message, str) is text:
        return message
    return bytes_of(message).decode() if text else bytes_of(message)


class FragmentsAs:
    """Turns the fragments of a message into text or binary ones; characters may be cut between them.

    Args:
        text: whether the message is to be text.
    """

    def __init__(self, text: bool) -> None:
        self._text = text
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def convert(self, fragment: str | Buffer) -> str | bytes | Buffer:
        """Return the next fragment; of bytes-like text, as much as are whole characters.

        Raises:
            UnicodeDecodeError: bytes that are to be text are not UTF-8.
            TypeError, BufferError: as encode_binary.
        """
        if self._text and not isinstance(fragment, str):
            return self._decoder.decode(bytes_of(fragment))
        self.end()
        return as_kind(fragment, self._text)

    def end(self) -> None:
        """Check that no character is cut off.

        Raises:
            UnicodeDecodeError: one is.
        """
        self._decoder.decode(b"", True)


def bytes_of(message: str | Buffer) -> bytes:
    """Return the payload of a message.

    Raises:
        TypeError, BufferError: as encode_binary.
    """
    if isinstance(message, str):
        return message.encode("utf-8")
    try:
        view = memoryview(message)
    except TypeError:
        raise _errors.not_bytes_like("data", message) from None
    with view:
        if view.ndim != 1 or not view.c_contiguous:
            raise _errors.not_contiguous("data")
        return view.tobytes()
