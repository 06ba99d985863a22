"""The end of a connection: Close frames, and the exceptions for what comes after (RFC 6455, 5.5.1 and 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _errors
from .._errors import WebSocketException
from .._escape import escape
from .._spec import MAX_CONTROL_PAYLOAD, Close, CloseCode, may_be_sent

if TYPE_CHECKING:
    from .states import ConnectionState

MAX_REASON = MAX_CONTROL_PAYLOAD - 2  # 5.5.1: what the status code leaves

# 7.4.1: codes that are not an error.
CLEAN_CODES = frozenset({CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY, CloseCode.NO_STATUS_RCVD})


def _describe(close: Close) -> str:
    """Describe a Close frame, its reason escaped."""
    return str(Close(close.code, escape(close.reason)))


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
        self._connection: ConnectionState | None = None  # the one that is closed

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: value for name, value in self.__dict__.items() if name != "_connection"}
        return type(self), (self.rcvd, self.sent, self.rcvd_then_sent), state

    @property
    def code(self) -> int:
        """The close code; 1006 if no Close was received (7.1.5)."""
        return int(self.rcvd.code) if self.rcvd else CloseCode.ABNORMAL_CLOSURE

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
        TypeError: the code is not an int, or the reason not a str.
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
