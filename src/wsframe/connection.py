"""One WebSocket connection after its opening handshake, either side, without I/O (RFC 6455, 5 to 7).

What happens in which state, and what follows:

    state    event                next     also
    -------  -------------------  -------  -----------------------------------------------------
    OPEN     message received     OPEN     it is handed on
    OPEN     Ping received        OPEN     a Pong is queued (5.5.3)
    OPEN     Close received       CLOSING  a Close is queued (5.5.1); both are now through
    OPEN     close() called       CLOSING  a Close is sent
    OPEN     violation received   OPEN     what follows is discarded; messages before it may be answered
    OPEN     fail() called        CLOSING  a Close with the code of the violation is queued (7.1.7)
    CLOSING  message received     CLOSING  handed on while the Close we sent is unanswered
    CLOSING  Close received       CLOSING  both are now through
    any      end of stream        CLOSED   without a Close received the code is 1006 (7.1.5)
    CLOSED   anything             CLOSED   data is discarded

A server ends the TCP connection once both Close frames are through; a client waits for it to do
so, for a while (7.1.1).  After fail() either does so at once.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from enum import IntEnum
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

Event = str | bytes | Ping | Pong | Close


class Extension(Inflater, Protocol):
    """What a Connection asks of permessage-deflate (RFC 7692); see deflate.Deflate."""

    min_size: int

    def wants(self, size: int) -> bool:
        """Tell whether to compress a message of so many bytes."""

    def deflate(self, payload: bytes, final: bool = True) -> bytes:
        """Compress the next fragment of a message."""

    def deflate_alone(self, payload: bytes) -> bytes:
        """Compress a message for all connections with these `settings`, each to be `reset`."""

    def deflate_in_steps(self, payload: bytes) -> Iterator[bytes]:
        """Compress as `deflate_alone` does, piece by piece, with little work for each."""

    def shrinks(self, payload: bytes) -> bool:
        """Tell by a sample whether a large message is worth compressing."""

    def reset(self) -> None:
        """Compress the next message without reference to earlier ones."""

    @property
    def settings(self) -> tuple[object, ...]:
        """What the bytes of a compressed message depend on, beside the message."""


def _describe(close: Close) -> str:
    """Say what a Close frame says, its reason escaped."""
    return str(Close(close.code, escape(close.reason)))


class State(IntEnum):
    """How far a connection is (RFC 6455, 4.1 and 7.1); a Connection begins when CONNECTING is over."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class ConnectionClosed(WebSocketException):
    """The connection is closing or closed.

    Args:
        rcvd: the Close frame of the peer, or None.
        sent: the Close frame we sent, or None.
        rcvd_then_sent: whether that of the peer came first; None where one is missing.
    """

    def __init__(
        self, rcvd: Close | None = None, sent: Close | None = None, rcvd_then_sent: bool | None = None
    ) -> None:
        super().__init__(rcvd, sent, rcvd_then_sent)
        self.rcvd = rcvd
        self.sent = sent
        self.rcvd_then_sent = rcvd_then_sent
        self._connection: Connection | None = None  # whose end it is

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: value for name, value in self.__dict__.items() if name != "_connection"}
        return type(self), (self.rcvd, self.sent, self.rcvd_then_sent), state

    @property
    def code(self) -> int:
        """The close code as the application sees it: 1006 when no Close arrived (7.1.5)."""
        return self.rcvd.code if self.rcvd else CloseCode.ABNORMAL_CLOSURE

    @property
    def reason(self) -> str:
        """The close reason as the application sees it (7.1.6)."""
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


class Connection:
    """A WebSocket connection whose bytes somebody else carries.

    Args:
        role: which side we are.
        max_message: bytes a received message may have over all its fragments; None for no limit.
        max_fragments: frames a received message may have; None for no limit.
        deflate: the negotiated permessage-deflate object, or None.

    Attributes:
        state: how far the connection is.
        decoder: what turns its bytes into messages.
        outgoing: frames that `receive` queued in answer, to be sent in order and then cleared.
        received, sent: the Close frames, or None.
        error: the violation that failed the connection, or None.
        fragmenting: whether a fragmented message is being sent.
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
        "error",
        "fragmenting",
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
        deflate: Extension | None = None,
    ) -> None:
        self.decoder = MessageDecoder(
            role, max_message=max_message, max_fragments=max_fragments, deflate=deflate
        )
        self.controls = 0
        self._deflate = deflate
        self._masked = role is Role.CLIENT
        self.fragmenting = False
        self._compressing = False  # the fragmented message
        self._fragments_text = False  # the fragmented message
        self.role = role
        self.state = State.OPEN
        self.outgoing: list[bytes] = []
        self.received: Close | None = None
        self.sent: Close | None = None
        self._received_first = False  # the Close of the peer came before ours left
        self.error: ProtocolError | None = None
        self.cause: Exception | None = None

    # Receiving.

    def receive(self, data: Buffer) -> list[Event]:
        """Take bytes from the peer.

        Args:
            data: any contiguous buffer; no reference to it is kept.

        Returns:
            The messages and control frames that are now complete, in order.  Pings and a Close
            are answered in `outgoing`; a violation stands in `error`: then call `fail`, soon.
        """
        if self.decoder.error is not None or self.state is State.CLOSED:
            return []
        events = self.decoder.feed(data)
        self.note(events)
        return events

    def note(self, events: list[Event]) -> None:
        """Take note of what the decoder gave to somebody who feeds it instead of calling `receive`.

        Args:
            events: needed only where `controls` of the decoder has grown, or its `error` is set.
        """
        decoder = self.decoder
        if decoder.controls != self.controls:
            self.controls = decoder.controls
            self._answer(events)
        self.error = decoder.error

    def receive_eof(self, cause: Exception | None = None) -> None:
        """Take note that the peer, or the network, ended the stream.

        Args:
            cause: the exception that did, if one did.
        """
        self.state = State.CLOSED
        self.cause = cause

    def _answer(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Ping):
                self.outgoing.append(self._control(Opcode.PONG, event.data))
            elif isinstance(event, Close):
                self.received = event
                if self.state is State.OPEN:
                    self._say_close(event)

    def fail(self) -> None:
        """Fail the connection for its `error` (RFC 6455, 7.1.7): a Close is queued in `outgoing`."""
        if self.error is not None and self.state is State.OPEN:
            self._say_close(Close(int(self.error.close_code), self.error.reason))

    def _say_close(self, close: Close) -> None:
        self.outgoing.append(self._control(Opcode.CLOSE, close_body(close.code, close.reason)))
        self.sent = close
        self._received_first = self.received is not None
        self.state = State.CLOSING

    # Sending.

    def send(self, message: str | Buffer) -> bytes:
        """Write a whole message.

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
        """Write a whole message as `send` does, but not compressed (RFC 7692, 6)."""
        self.check_open()
        if self.fragmenting:
            raise RuntimeError("a fragmented message is being sent")
        if isinstance(message, str):
            return encode_text(message, masked=self._masked)
        return encode_binary(message, masked=self._masked)

    def send_fragments(self, fragments: Iterable[str | Buffer]) -> Iterator[bytes]:
        """Write a message piece by piece (RFC 6455, 5.4).

        Args:
            fragments: all str or all bytes-like; the last one ends the message.  No fragment at
                all sends nothing.

        Yields:
            The bytes to send, a frame at a time: each as soon as the fragment behind it is known.

        Raises:
            ConnectionClosed: the connection is not open.
            RuntimeError: another fragmented message is being sent.
            TypeError: the fragments are not all of one kind; the last good one has not been written.
        """
        if self.fragmenting:
            raise RuntimeError("another fragmented message is being sent")
        begun = False
        waiting: str | Buffer | None = None
        for fragment in fragments:
            check_fragment(fragment, waiting)
            if waiting is not None:
                yield self._fragment_behind(begun, waiting, final=False)
                begun = True
            waiting = fragment
        if waiting is not None:
            yield self._fragment_behind(begun, waiting, final=True)

    def _fragment_behind(self, begun: bool, fragment: str | Buffer, *, final: bool) -> bytes:
        if self.fragmenting is not begun:  # somebody else has sent fragments between two of ours
            raise RuntimeError("another fragmented message is being sent")
        return self.send_fragment(fragment, final=final)

    def send_fragment(self, fragment: str | Buffer, *, final: bool) -> bytes:
        """Write one piece of a message (RFC 6455, 5.4).

        Args:
            fragment: str for text, any contiguous buffer for binary.
            final: whether it ends the message.

        Returns:
            The bytes to send.

        Raises:
            ConnectionClosed: the connection is not open.
            TypeError: the fragment is neither, or not of the kind of those before it.
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
            # How long the message will be nobody knows yet.
            self._compressing = self._deflate is not None and self._deflate.wants(2**16)
            rsv = RSV1 >> 4 if self._compressing else 0
        if self._compressing:
            assert self._deflate is not None
            fragment = self._deflate.deflate(bytes_of(fragment), final)
        frame = encode_frame(opcode, fragment, fin=final, rsv=rsv, mask_key=self._key())
        self.fragmenting = not final
        self._fragments_text = text
        return frame

    def send_in_steps(self, message: str | Buffer) -> Iterator[bytes]:
        """Write a whole message as `send` does, a large one with little work between the steps.

        Other messages, but no fragments, may be sent meanwhile.

        Args:
            message: str for text, any contiguous buffer for binary.

        Yields:
            The bytes to send: nothing until the last step.

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
            self._deflate.reset()  # the window of the peer moves on without our compressor
        yield encode_frame(opcode, data, rsv=rsv, mask_key=self._key())

    def ping(self, data: Buffer = b"") -> bytes:
        """Write a Ping (RFC 6455, 5.5.2) of at most 125 bytes; it may come amid a fragmented message."""
        self.check_open()
        return self._control(Opcode.PING, data)

    def pong(self, data: Buffer = b"") -> bytes:
        """Write a Pong nobody asked for (RFC 6455, 5.5.3) of at most 125 bytes."""
        self.check_open()
        return self._control(Opcode.PONG, data)

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> bytes:
        """Begin the closing handshake (RFC 6455, 7.1.2).

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
        close_body(code, reason)  # its types, before int() takes whatever it can
        self._say_close(Close(int(code), reason))
        return self.outgoing.pop()

    def check_open(self) -> None:
        """Raise ConnectionClosed unless the connection is open."""
        if self.state is not State.OPEN:
            raise self.closed_error()

    # The end.

    @property
    def plain(self) -> bool:
        """Whether a message is sent as it is: open, no extension, no fragments under way."""
        return self.state is State.OPEN and self._deflate is None and not self.fragmenting

    @property
    def compresses(self) -> bool:
        """Whether messages may be compressed (RFC 7692)."""
        return self._deflate is not None

    @property
    def ends_tcp(self) -> bool:
        """Whether it is our turn to end the TCP connection, once `outgoing` is sent (7.1.1)."""
        if self.error is not None:
            return self.state is not State.OPEN
        return self.role is Role.SERVER and self.received is not None and self.sent is not None

    @property
    def close_code(self) -> int | None:
        """The close code as the application sees it, or None before the end (7.1.5)."""
        return self.closed_error().code if self.state is State.CLOSED else None

    @property
    def close_reason(self) -> str | None:
        """The close reason as the application sees it, or None before the end (7.1.6)."""
        return self.closed_error().reason if self.state is State.CLOSED else None

    def closed_error(self) -> ConnectionClosed:
        """Make the exception that says how the connection ended; a violation is its cause."""
        ok = all(close and close.code in CLEAN_CODES for close in (self.received, self.sent))
        both = self.received is not None and self.sent is not None
        kind = ConnectionClosedOK if ok else ConnectionClosedError
        error = kind(self.received, self.sent, self._received_first if both else None)
        error.__cause__ = self.error or self.cause
        error._connection = self
        return error

    def has_raised(self, exc: BaseException) -> bool:
        """Tell whether an exception, or each of a group, says that this connection and no other is closed."""
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
    """A message on its way to many connections, encoded once for all that take the same bytes.

    Args:
        message: str for text, any contiguous buffer for binary.

    Attributes:
        plain: the frame for a connection of a server without extensions.

    Raises:
        TypeError, ValueError, BufferError: see encode_text and encode_binary.
    """

    def __init__(self, message: str | Buffer) -> None:
        self._message = message
        self._opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
        self.plain = encode_text(message) if isinstance(message, str) else encode_binary(message)
        self._payload = bytes_of(message)
        self._compressed: dict[tuple[object, ...], bytes] = {}
        self._compresses: dict[int, bool] = {}  # by the size from which a connection compresses

    def frame_for(self, connection: Connection) -> bytes | None:
        """Give the bytes to send on a connection; None if it is not open or amid a fragmented message."""
        if connection.state is not State.OPEN or connection.fragmenting:
            return None
        if connection.role is Role.CLIENT:
            return connection.send(self._message)
        deflate = connection._deflate
        if deflate is None:
            return self.plain
        compresses = self._compresses.get(deflate.min_size)
        if compresses is None:
            compresses = self._compresses[deflate.min_size] = connection._compresses(self._payload)
        if not compresses:
            return self.plain
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
        fragment: what is to be sent.
        before: the fragment before it, or None.

    Raises:
        TypeError: it is neither str nor bytes-like, or not of the kind of the one before it.
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
        text: whether it is to be text; None for what it is.

    Raises:
        UnicodeDecodeError: bytes that are to be text are not UTF-8.
        TypeError, BufferError: as encode_binary.
    """
    if text is None or isinstance(message, str) is text:
        return message
    return bytes_of(message).decode() if text else bytes_of(message)


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
