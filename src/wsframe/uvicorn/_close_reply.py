"""The connection without I/O of uvicorn's class."""

from __future__ import annotations

from .._errors import ProtocolError, invalid_deflate
from .._spec import Close, Ping
from ..connection import Event, SansIOConnection, State

CORRUPT_DATA = invalid_deflate().reason


class DelayedCloseReply(SansIOConnection):
    """A connection that replies to a Close on request, after the replies to earlier messages.

    Attributes:
        sends_reason: whether the Close for a violation has a reason.
        corrupt_data_code: of the Close for a compressed message that is no deflate data.
    """

    __slots__ = ("corrupt_data_code", "sends_reason")

    corrupt_data_code: int
    sends_reason: bool
    received: Close | None

    def _reply_to_controls(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Close):
                self._close_received(event)
            elif isinstance(event, Ping):
                super()._reply_to_controls([event])

    def _violated(self, error: ProtocolError) -> None:
        if error.reason == CORRUPT_DATA:
            error = ProtocolError(self.corrupt_data_code, error.reason)
        super()._violated(error)

    def reply_to_close(self) -> None:
        """Queue the reply to the Close in `outgoing`."""
        if self.received is not None and self.state is State.OPEN:
            super()._reply_to_controls([self.received])

    def fail(self) -> None:
        error = self.error
        if self.sends_reason or error is None:
            super().fail()
        elif self.state is State.OPEN:
            self._queue_close(Close(int(error.close_code), ""))
