"""The end of a connection: the closing handshake, failing for a violation, and their time limits.

A violation is reported to the peer when the messages before it have had time for their replies, and TCP ends
when the peer has read that (RFC 6455, 7.1.7).
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from .._spec import CloseCode
from ..connection import CLEAN_CODES, SansIOConnection, State, close_body
from ._sending import Sender

if sys.platform == "linux":
    from fcntl import ioctl
    from termios import TIOCOUTQ

if TYPE_CHECKING:
    from ._keepalive import KeepAlive

# Seconds that a failing connection waits for the replies to earlier messages.
FAIL_DELAY = 1.0

# Seconds without bytes from the peer after which a failed connection sends it the end of the stream.
QUIET_TIME = 0.1

# Unsent bytes below which progress is no sign of a peer that still reads: the last frames.
LAST_FRAMES_SIZE = 2**14


def unsent_size(transport: asyncio.Transport) -> int:
    """Return how many bytes the peer has not acknowledged, as far as the system knows."""
    size = transport.get_write_buffer_size()
    sock = transport.get_extra_info("socket")
    if sys.platform == "linux" and sock is not None:
        with suppress(OSError, ValueError):  # ValueError: the socket is closed
            size += int.from_bytes(ioctl(sock.fileno(), TIOCOUTQ, bytes(4)), sys.byteorder)
    return size


class Closing(Sender):
    """How an endpoint closes; `Endpoint` sets the attributes.

    `_close_timer` runs from the first Close on, and aborts the connection unless the peer still reads.

    Attributes:
        _close_timer: of the close timeout.
        _unsent: bytes that the peer had not acknowledged when that timer was set.
        _failure_timer: of FAIL_DELAY, then of QUIET_TIME.
        _peer_is_sending: after a violation, whether anything has arrived, which is discarded.
        _lost: `connection_lost` was called.
    """

    __slots__ = (
        "_close_timeout",
        "_close_timer",
        "_failure_timer",
        "_keepalive",
        "_lost",
        "_peer_is_sending",
        "_protocol",
        "_unsent",
    )

    _close_timeout: float | None
    _close_timer: asyncio.TimerHandle | None
    _failure_timer: asyncio.TimerHandle | None
    _keepalive: KeepAlive | None
    _lost: bool
    _peer_is_sending: bool
    _protocol: SansIOConnection | None
    _unsent: int

    # What a subclass has to do.

    @property
    def _waits_for_message(self) -> bool:
        """Whether the application waits for a message while none is queued."""
        raise NotImplementedError

    # Closing.

    @property
    def _unsent_size(self) -> int:
        """How many bytes the peer has not acknowledged, as far as the system knows."""
        return unsent_size(self._flushed_transport)

    def _start_closing(self, code: int, reason: str = "") -> None:
        state = self.protocol.state
        if state is State.OPEN:
            self._write_close(code, reason)
            self._start_close_timer()
        if state is not State.CLOSED:
            self._read_until_close()

    def _write_close(self, code: int, reason: str) -> None:
        """Send a Close; the connection must be open."""
        close_body(code, reason)  # raises before anything is changed
        protocol = self.protocol
        if not self._write_pending_sends() and protocol.fragmenting and code in CLEAN_CODES:
            code, reason = CloseCode.INTERNAL_ERROR, "close during fragmented message"
        frame = protocol.close(code, reason)
        try:
            self._write(frame)
            self.flush()
        except Exception as exc:  # of the transport
            protocol.cause = exc
            self._abort_transport()

    def _read_until_close(self) -> None:
        """Keep reading until the Close of the peer; drop messages over the high-water mark."""
        self._drop_excess = True
        self._resume_at_queued = -1
        self._resume_reading()

    def _schedule_failure(self) -> None:
        """Fail the connection when the messages before the violation have had time for their replies."""
        self._pause_reading()
        if self._listener is not None or self._waits_for_message:
            self._fail_connection()
        else:
            self._stop_keepalive()
            self._failure_timer = self._loop.call_later(FAIL_DELAY, self._fail_connection)

    def _fail_connection(self) -> None:
        """Fail the connection for a violation (RFC 6455, 7.1.7)."""
        protocol = self.protocol
        protocol.fail()
        self._write_outgoing(protocol)
        self.flush()
        self._close_transport()

    def _close_transport(self) -> None:
        """Close the TCP connection; after a violation, when the peer has closed it.

        Bytes that arrive at a closed socket reset the connection, and the Close may be lost: the peer may be
        sending still.
        """
        self._start_close_timer()  # the peer may not read the unsent bytes
        if self._protocol is not None and self._protocol.error is not None and not self._lost:
            self._resume_reading()  # what arrives is discarded
            self._shut_down_when_quiet()
        else:
            self._flushed_transport.close()

    def _shut_down_when_quiet(self) -> None:
        """End the stream to the peer once nothing has arrived from it for QUIET_TIME.

        Not before: a transport of asyncio that gets the end of the stream while it has unsent data closes in
        a state in which its `abort` fails, and websockets calls that.
        """
        if self._failure_timer is not None:
            self._failure_timer.cancel()
        self._peer_is_sending = False
        self._failure_timer = self._loop.call_later(QUIET_TIME, self._shut_down_if_quiet)

    def _shut_down_if_quiet(self) -> None:
        transport = self._flushed_transport
        if self._peer_is_sending:
            self._shut_down_when_quiet()
        elif transport.can_write_eof():
            with suppress(OSError):  # the peer has disconnected
                transport.write_eof()
        else:
            transport.close()

    def _start_close_timer(self) -> None:
        """Stop the keep-alive; abort the connection after `close_timeout` seconds without progress."""
        self._stop_keepalive()
        if self._close_timer is None and self._close_timeout is not None:
            self._unsent = self._unsent_size
            self._close_timer = self._loop.call_later(self._close_timeout, self._close_timed_out)

    def _close_timed_out(self) -> None:
        """Abort the connection, unless the peer is still reading what was sent before the Close."""
        self._close_timer = None
        before, self._unsent = self._unsent, self._unsent_size
        if self._unsent < before > LAST_FRAMES_SIZE and self._close_timeout is not None:
            self._close_timer = self._loop.call_later(self._close_timeout, self._close_timed_out)
        else:
            if self._protocol is not None:
                self._protocol.cause = TimeoutError("timed out while closing connection")
            self._abort_transport()

    def _abort_transport(self) -> None:
        self._flushed_transport.abort()

    def _write_outgoing(self, protocol: SansIOConnection) -> None:
        for frame in protocol.outgoing:
            self._write(frame)
        protocol.outgoing.clear()

    def _stop_keepalive(self) -> None:
        if self._keepalive is not None:
            self._keepalive.stop()

    def _keepalive_failed(self) -> None:
        """Close the connection: the peer was silent for too long. Data sent before is still delivered."""
        self._start_closing(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
        if self._close_timeout is None:
            self._flushed_transport.abort()
