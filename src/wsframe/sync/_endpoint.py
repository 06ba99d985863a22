"""The engine of a connection on a socket, for threads: its state, its locks, and how it closes.

The lock `_reading` decides which thread reads the socket: the one that calls `recv`, or waits in `close`,
takes it and reads; while there is none, the thread of `_background` does.  So no message costs a switch of
threads, and Pings get their Pongs while the application is busy.  One read may bring many messages; the
replies to them leave together.

Locks, in the order in which they may be taken: `_receiving` (one `recv` at a time), `_reading` (the socket
and the decoder), that of the outbox (encoding and sending), `_mutex` (the state; nobody waits in it).
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._errors import ConcurrencyError
from .._http.logs import DEBUG, log
from .._spec import CloseCode
from ..connection import Event, SansIOConnection, State
from ._background import Background
from ._keepalive import KeepAlive
from ._outbox import Outbox
from ._socket import Deadline, Socket

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .._options import AnyLogger, MaxQueue
    from ..handshake import Request, Response

# Messages that are queued while the application does not receive.
MAX_QUEUE = 16

# The budget of decoding one read, after which the application gets the messages decoded so far.
BUDGET = 2**20

_logger = logging.getLogger("wsframe")


class Endpoint:
    """One side of a connection; `Connection` adds what an application calls.

    Args:
        socket: of the connection.
        ping_interval, ping_timeout, close_timeout, max_queue, logger: as connect and serve take them.
    """

    def __init__(
        self,
        socket: Socket,
        *,
        ping_interval: float | None = 20,
        ping_timeout: float | None = 20,
        close_timeout: float | None = 10,
        max_queue: MaxQueue = MAX_QUEUE,
        logger: AnyLogger = _logger,
    ) -> None:
        self.socket = socket
        self.logger = logger
        self.id: uuid.UUID = uuid.uuid4()
        self.request: Request | None = None
        self.response: Response | None = None
        self.subprotocol: str | None = None
        self.latency: float = 0.0
        high, low = max_queue if isinstance(max_queue, tuple) else (max_queue, None)
        self._high_water_queued = low * 4 if high is None and low is not None else high
        self.close_timeout = close_timeout
        self._protocol: SansIOConnection | None = None
        self._encode: Callable[[str | Buffer], bytes] = _not_open
        self._messages: deque[Any] = deque()  # str, bytes, and Fragments of recv_streaming
        self._receiving = threading.Lock()
        self._reading = threading.Lock()
        self._mutex = threading.Lock()
        self._pings: dict[bytes, tuple[threading.Event, float, bool]] = {}
        self._error: OSError | None = None  # raised by sending
        self._between_parts = False  # recv_streaming has begun a message, and its caller does something else
        self._outbox = Outbox(socket)
        self._reads = 0
        self._ended = False
        self._lingers = False
        self._close_deadline = Deadline(None)
        self._keepalive = KeepAlive(self, ping_interval, ping_timeout)
        self._background = Background(self, self._keepalive)

    @property
    def protocol(self) -> SansIOConnection:
        """The connection without I/O."""
        if self._protocol is None:
            raise RuntimeError("the opening handshake is not done")
        return self._protocol

    @property
    def state(self) -> State:
        """CONNECTING, OPEN, CLOSING or CLOSED."""
        if self._protocol is None:
            return State.CLOSED if self._ended else State.CONNECTING
        return self._protocol.state

    @property
    def _is_open(self) -> bool:
        """Whether the connection is open, without a violation received."""
        return self.protocol.state is State.OPEN and self.protocol.error is None

    @property
    def _has_failed(self) -> bool:
        """Whether a Close for a violation is to be sent."""
        return self.protocol.error is not None and self.protocol.state is State.OPEN

    @property
    def _is_receiving(self) -> bool:
        """Whether a thread reads the socket, or is about to."""
        return (self._receiving.locked() and not self._between_parts) or self._reading.locked()

    @property
    def _is_full(self) -> bool:
        return self._high_water_queued is not None and len(self._messages) > self._high_water_queued

    @property
    def _has_room(self) -> bool:
        """Whether to continue to read, because messages may be queued, or are dropped."""
        return not self._is_full or self.protocol.state is not State.OPEN

    # What a subclass has to do.

    def _read(self, deadline: Deadline) -> None:
        """Read once, and process what arrives; the lock of reading is held."""
        raise NotImplementedError

    def _process(self, protocol: SansIOConnection, events: list[Event]) -> None:
        """Process events of the decoder."""
        raise NotImplementedError

    def _send_keepalive(self) -> threading.Event:
        """Send a Ping of the keep-alive; return the event that its Pong sets."""
        raise NotImplementedError

    def _log_end(self) -> None:
        """Log the end of the TCP connection."""

    # Opening, reading and sending.

    def _open(self, protocol: SansIOConnection, rest: bytes) -> None:
        """Start the connection, after its opening handshake.

        Args:
            protocol: the connection without I/O.
            rest: the bytes received behind the handshake.
        """
        self._protocol = protocol
        self._encode = protocol.send
        if rest:
            self._process(protocol, protocol.decoder.feed(rest, BUDGET))
        self._keepalive.start()
        self._background.start()

    def _read_now(self) -> None:
        """Read what has arrived, unless another thread reads."""
        if self._reading.acquire(False):
            try:
                if not self._ended:
                    self._read(Deadline(0))
            except TimeoutError:
                pass
            finally:
                self._reading.release()

    def _flush_now(self) -> None:
        """Send pending frames, as far as the socket takes them without waiting."""
        try:
            self._outbox.flush_now()
        except OSError as exc:
            with self._mutex:
                if self._error is None:
                    self._error = exc
            self._outbox.pending.clear()
            self.socket.half_close()  # the next read raises

    # Closing.

    def _close_soon(self, code: int, reason: str) -> None:
        """Start to close the connection, as `close` does, without waiting."""
        if self._protocol is not None:
            self._start_closing(code, reason)
            self._flush_now()

    def _start_closing(self, code: int, reason: str) -> None:
        protocol = self.protocol
        with self._mutex:
            if protocol.state is not State.OPEN:
                return
            self._outbox.pending.append(protocol.close(code, reason))
            self._begin_closing()

    def _begin_closing(self) -> None:
        """Give the peer some time to read what is left to be sent, and to end the connection."""
        if self._close_deadline.rest() is None:
            self._close_deadline = Deadline(self.close_timeout)
            self._outbox.delaying = 0
            self._background.watch_now()

    def _wait_for_end(self) -> None:
        """Read until the connection is closed."""
        while not self._ended:
            rest = self._close_deadline.rest()
            if rest == 0:
                self._time_out()
            elif self._reading.acquire(timeout=-1 if rest is None else rest):
                try:
                    if not self._ended:
                        self._read(self._close_deadline)
                except TimeoutError:
                    self._background.notify()
                finally:
                    self._reading.release()

    def _time_out(self) -> None:
        self._end(TimeoutError("timed out while closing connection"))

    def _enforce_close_timeout(self) -> None:
        """Close the socket of a connection that takes too long to close."""
        if self._close_deadline.rest() == 0:
            self._time_out()

    def _end_if_due(self, protocol: SansIOConnection) -> bool:
        """End the TCP connection if it is ours to end (RFC 6455, 7.1.1); return whether it has ended."""
        if protocol.ends_tcp and self._outbox.empty:
            self._end(None, lingers=protocol.error is not None)
        return self._ended

    def _end(self, cause: Exception | None, *, lingers: bool = False) -> None:
        """Close the connection: the TCP connection has ended, or is ended here.

        Args:
            cause: the exception that ended it, or None.
            lingers: whether to give the peer time to read what was sent.
        """
        with self._mutex:
            if self._ended:
                return
            self._lingers = lingers
            if self._protocol is not None:
                self._protocol.receive_eof(cause or self._error)
            self._ended = True
            for pong, _, ack_on_close in self._pings.values():
                if ack_on_close:
                    pong.set()
            self._pings.clear()
        self._log_end()
        if self._outbox.lock.try_acquire():
            self.socket.send_close_notify()
            self._outbox.lock.release()
        if not lingers:
            self.socket.end_streams()
        self._background.notify()

    def close_socket(self) -> None:
        """Close the TCP connection at once."""
        self._end(None)
        if self._protocol is None:
            self._release_socket()
        else:
            self._background.join()

    def _sending_failed(self, exc: OSError) -> None:
        """Sending has failed: read what the peer has sent before, which may have the reason."""
        with self._mutex:
            if self._error is None:
                self._error = exc
        if self._reading.acquire(False):
            try:
                while not self._ended:
                    self._read(Deadline(0))
            except TimeoutError:
                pass
            finally:
                self._reading.release()
        self._end(exc)

    def _keepalive_failed(self) -> None:
        """Close the connection: the peer was silent for too long."""
        log(self, DEBUG, "keepalive ping timeout")
        self._close_soon(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")

    def _release_socket(self) -> None:
        """Close the socket, once no thread uses it."""
        self.socket.end_streams()
        with self._reading:
            self._outbox.lock.acquire()
            try:
                self.socket.close()
            finally:
                self._outbox.lock.release()


def _not_open(message: str | Buffer) -> bytes:
    raise RuntimeError("the opening handshake is not done")


def concurrent_call(what: str, running: str = "recv or recv_streaming") -> ConcurrencyError:
    """Return the error for a call while another thread is in a call that excludes it."""
    return ConcurrencyError(f"cannot call {what} while another thread is already running {running}")
