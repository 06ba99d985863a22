"""The states of a connection, and what depends on them (RFC 6455, 4.1 and 7.1).

Two steps change the state (see TRANSITIONS):

    state    step                 next     because of
    -------  -------------------  -------  -----------------------------------------------------
    OPEN     a Close is sent      CLOSING  close(), a Close received (5.5.1), fail() (7.1.7)
    OPEN     the stream ends      CLOSED   receive_eof(); the code is 1006 (7.1.5)
    CLOSING  the stream ends      CLOSED   receive_eof(); without a Close received the code is 1006
    CLOSED   the stream ends      CLOSED   receive_eof() again
"""

# Rules of a ConnectionState and of what is built on it.
#
# 1. `_change` alone sets `state`, `fragmenting` and `encodes_directly`; the state never goes back. What is
#    below is set by the methods of ConnectionState alone.
# 2. `encodes_directly` is true only while the connection is OPEN, has no extension and is not between
#    fragments. Each change of it is reported to `on_encodes_directly`, the last one by receive_eof().
# 3. `sent` is set in the step from OPEN to CLOSING, and `received` at the Close of the peer; neither changes
#    after that. No frame is encoded once `sent` is set.
# 4. `error` is a violation by the peer; `cause` is what ended the stream before the peer's Close, or None.

from __future__ import annotations

import builtins
from collections.abc import Callable
from enum import IntEnum, auto
from typing import TYPE_CHECKING, Any

from .._spec import Close, Role
from .closing import CLEAN_CODES, ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

if TYPE_CHECKING:
    from .._errors import ProtocolError
    from .sending import Extension

GROUP: Any = getattr(builtins, "BaseExceptionGroup", ())  # since CPython 3.11


class State(IntEnum):
    """The state of a connection (RFC 6455, 4.1 and 7.1); a SansIOConnection starts as OPEN."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class Step(IntEnum):  # the hash of another Enum is computed in Python
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


class ConnectionState:
    """The state of one side of a connection, and how it ended; the base of SansIOConnection."""

    __slots__ = (
        "_deflate",
        "_received_first",
        "cause",
        "encodes_directly",
        "error",
        "fragmenting",
        "on_encodes_directly",
        "received",
        "role",
        "sent",
        "state",
    )

    def __init__(self, role: Role, deflate: Extension | None) -> None:
        self.role: Role = role
        self._deflate = deflate
        self.state: State = State.OPEN
        self.fragmenting: bool = False
        self.encodes_directly: bool = deflate is None
        self.on_encodes_directly: Callable[[bool], None] | None = None
        self.received: Close | None = None
        self.sent: Close | None = None
        self._received_first = False  # the Close of the peer was received before ours was sent
        self.error: ProtocolError | None = None
        self.cause: Exception | None = None

    def _violated(self, error: ProtocolError) -> None:
        self.error = error

    def _close_received(self, close: Close) -> None:
        self.received = close

    def _close_sent(self, close: Close) -> None:
        self.sent = close
        self._received_first = self.received is not None
        self._change(TRANSITIONS[self.state, Step.CLOSE_SENT], self.fragmenting)

    def receive_eof(self, cause: Exception | None = None) -> None:
        """Close the connection: the stream has ended.

        Args:
            cause: the exception that ended it, or None.
        """
        self._change(TRANSITIONS[self.state, Step.STREAM_ENDED], self.fragmenting)
        self.on_encodes_directly = None
        self.cause = cause or self.cause
        if self.cause is None and self.received is None:
            self.cause = EOFError("unexpected end of stream")

    def _change(self, state: State, fragmenting: bool) -> None:
        """Change the state, and what depends on it; nothing else does."""
        self.state = state
        self.fragmenting = fragmenting
        directly = state is State.OPEN and self._deflate is None and not fragmenting
        if directly is not self.encodes_directly:
            self.encodes_directly = directly
            if self.on_encodes_directly is not None:
                self.on_encodes_directly(directly)

    def check_open(self) -> None:
        """Raise ConnectionClosed unless the connection is open."""
        if self.state is not State.OPEN:
            raise self.closed_error()

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
        received, sent = self.received, self.sent
        kind: type[ConnectionClosed] = ConnectionClosedError
        received_first = None
        if received is not None and sent is not None:
            received_first = self._received_first
            if received.code in CLEAN_CODES and sent.code in CLEAN_CODES:
                kind = ConnectionClosedOK
        error = kind(received, sent, received_first)
        error.__cause__ = self.error or self.cause
        error._connection = self
        return error

    def has_raised(self, exc: BaseException) -> bool:
        """Tell whether an exception, or each one of a group, is a ConnectionClosed of this connection."""
        if isinstance(exc, GROUP):
            return all(map(self.has_raised, exc.exceptions))
        return isinstance(exc, ConnectionClosed) and exc._connection is self
