"""The engine of a connection: transport callbacks, events of the decoder, flow control.

`Connection` (connection.py) adds what an application calls; uvicorn's class adds ASGI.
"""

# Rules of an Endpoint, besides those of Receiver, Stream, Sender and Closing.
#
# 1. `_protocol` is None until the opening handshake is done; `_open` sets it once. Until then bytes go to
#    `_receive_handshake`.
# 2. Reading is paused (`_reading` is false) for one of these reasons: the queue is over a high-water mark
#    (`_resume_at_queued` is not -1), bytes of a read are not decoded yet, the transport is congested and the
#    peer sends control frames, or a violation was received. `_resume_reading` decodes first, then resumes.
# 3. After a Close was sent, reading continues until the Close of the peer; messages over the high-water mark
#    are dropped (`_drop_excess`), so that the Close is always reached.
# 4. After `connection_lost` no timer or waiter is left, and no callback is called.

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._backend import Waiter, new_mask_key
from .._errors import ConcurrencyError
from .._http.logs import ERROR, log
from .._sockets import iteration_of, socket_of
from .._spec import ALL_MESSAGES, Close, CloseCode, Fragment, Ping, Pong, Role
from ..connection import Event, SansIOConnection, State
from ._closing import Closing
from ._keepalive import KeepAlive
from ._listener import takes_fragments

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .._options import AnyLogger as AnyLogger
    from ..handshake import Request
    from ._topic import Topic

# Maximum size of a read.
READ_SIZE = 2**18

# Bytes of queued messages, decompressed, over which a connection pauses reading; it resumes when a quarter
# of these messages is left.
HIGH_WATER = 2**16

# Bytes of unsent data from which `send` waits.
WRITE_LIMIT = 2**16
WriteLimit = int | tuple[int, int | None]

_local = threading.local()


def read_buffer(loop: asyncio.AbstractEventLoop) -> memoryview:
    """Return the buffer to read into: one for all connections of a thread, where a read completes at once."""
    if hasattr(loop, "_proactor"):  # there a read stays in progress
        return memoryview(bytearray(READ_SIZE // 4))
    buffer: memoryview | None = getattr(_local, "buffer", None)
    if buffer is None:
        buffer = _local.buffer = memoryview(bytearray(READ_SIZE))
    return buffer


class Endpoint(Closing, asyncio.BufferedProtocol):
    """One side of a WebSocket connection on an asyncio transport.

    Args:
        listener: its methods are called with events, instead of queueing messages; or None.
        ping_interval, ping_timeout, close_timeout, write_limit, logger: see `serve`.
    """

    congested: bool

    __slots__ = (
        "__dict__",  # for attributes that the application sets
        "__weakref__",
        "_decoding_scheduled",
        "_drain_waiter",
        "_pings",
        "_topics",
        "_write_limit",
        "latency",
        "logger",
        "request",
        "subprotocol",
    )

    def __init__(
        self,
        *,
        listener: Any,
        ping_interval: float | None,
        ping_timeout: float | None,
        close_timeout: float | None,
        write_limit: WriteLimit,
        logger: AnyLogger,
    ) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        self._call_soon = loop.call_soon
        self._iteration = iteration_of(loop)
        self._high_water = HIGH_WATER
        self._loop: asyncio.AbstractEventLoop = loop
        self._read_buffer = read_buffer(loop)
        self._listener = listener
        self._keepalive: KeepAlive | None = None  # also None after the end: no reference cycle
        if ping_interval is not None:
            self._keepalive = KeepAlive(self, ping_interval, ping_timeout)
        self._close_timeout = close_timeout
        self._write_limit = write_limit
        self._protocol: SansIOConnection | None = None
        self._drain_waiter: asyncio.Future[None] | None = None
        self._lost = False
        self._pings: dict[bytes, tuple[asyncio.Future[float], float]] | None = None
        self._close_timer: asyncio.TimerHandle | None = None  # of the close timeout
        self._topics: set[Topic] | None = None  # those that the connection has joined
        self._unsent = 0  # bytes that the peer had not acknowledged when that timer was set
        self._failure_timer: asyncio.TimerHandle | None = None  # of FAIL_DELAY, then of QUIET_TIME
        self._peer_is_sending = False  # after a violation: what it sends is discarded
        self._decoding_scheduled = False  # _decode_more is scheduled
        self.logger: AnyLogger = logger
        self.latency: float = 0.0
        self.subprotocol: str | None = None
        self.request: Request | None = None

    # What a subclass has to do.

    def _receive_handshake(self, data: bytes) -> None:
        """Process bytes of the opening handshake; call `_open` when it is done."""
        raise NotImplementedError

    def _may_queue(self, message: str | Buffer) -> bool:
        return True

    @property
    def _stream_is_full(self) -> bool:
        """Whether the fragments of a message are over a limit, so that reading must not resume."""
        return False

    # State.

    @property
    def protocol(self) -> SansIOConnection:
        """The connection without I/O."""
        if self._protocol is None:
            raise RuntimeError("the opening handshake is not done")
        return self._protocol

    @property
    def state(self) -> State:
        """CONNECTING, OPEN, CLOSING or CLOSED."""
        if self._lost:
            return State.CLOSED
        return State.CONNECTING if self._protocol is None else self._protocol.state

    @property
    def _is_open(self) -> bool:
        """Whether the connection is open, without a violation received."""
        return self.state is State.OPEN and self.protocol.error is None

    @property
    def _has_unread(self) -> bool:
        """Whether bytes that were read are not decoded yet."""
        return self._decoder is not None and self._decoder.unread > 0

    @property
    def _application_is_behind(self) -> bool:
        """Whether reading is paused because the application does not receive its messages."""
        return not self._reading and (self._queued > 0 or self._has_unread or self._stream_is_full)

    @property
    def _waits_for_message(self) -> bool:
        """Whether the application waits for a message while none is queued."""
        return self._waiter is not None and not self._waiter.done() and not self._queued

    # Callbacks of the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._transport_write = self._flushed_transport.write
        limit = self._write_limit
        high, low = (limit, None) if isinstance(limit, int) else limit
        if high != WRITE_LIMIT or low is not None:  # not the defaults of asyncio
            self._flushed_transport.set_write_buffer_limits(high, low)
        self._use_socket(*socket_of(self._flushed_transport))

    def eof_received(self) -> bool:
        return False  # the transport closes itself

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        for topic in self._topics or ():
            topic.member_drained(self)
        self._wakeup_drain_waiter()
        if self._protocol is None:
            return
        if not self._queued and not self._stream_is_full:
            self._resume_reading()
        if self._listener is not None:
            self._call_listener(self._listener.on_drained)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if sys.version_info < (3, 11):
            self._flushed_transport.close()  # else it warns of an unclosed TLS transport
        self._decoder = None
        self._use_socket(-1)
        self._discard_pending()
        self.congested = False
        self._stop_keepalive()
        self._keepalive = None
        for timer in (self._close_timer, self._failure_timer):
            if timer is not None:
                timer.cancel()
        self._close_timer = self._failure_timer = None
        topics, self._topics = self._topics, None
        for topic in topics or ():
            topic.member_lost(self)
        try:
            if self._protocol is not None:
                self._end(self._protocol, exc)
        finally:  # a listener may raise SystemExit
            self._wakeup_drain_waiter()

    def _end(self, protocol: SansIOConnection, exc: Exception | None) -> None:
        protocol.receive_eof(exc)
        for acknowledged, _ in (self._pings or {}).values():
            if not acknowledged.done():
                acknowledged.set_exception(protocol.closed_error())
                acknowledged.exception()  # no warning if it is never awaited
        self._pings = None
        self._wakeup_waiter()
        if self._listener is not None:
            self._call_listener(self._listener.on_close)

    # Receiving.

    def _open(self, protocol: SansIOConnection, rest: bytes = b"") -> None:
        """Start the connection, after its opening handshake.

        Args:
            protocol: the connection without I/O.
            rest: the bytes received behind the handshake.
        """
        self._protocol = protocol
        self._decoder = protocol.decoder
        self._masked = protocol.role is Role.CLIENT
        self._set_encodes_directly(protocol.encodes_directly)
        protocol.on_encodes_directly = self._set_encodes_directly
        if self._keepalive is not None:
            self._keepalive.start()
        if self._listener is not None:
            self._decoder.streaming = ALL_MESSAGES if takes_fragments(self._listener) else 0
            self._call_listener(self._listener.on_open)
        if rest:
            self._receive(rest)

    def _set_encodes_directly(self, value: bool) -> None:
        self._encodes_directly = value

    def _receive_undecoded(self, data: Buffer) -> None:
        if self._protocol is None:
            self._receive_handshake(bytes(data))
        else:
            self._peer_is_sending = True

    def _receive_events(self, events: list[Event], size: int) -> None:
        protocol = self.protocol
        controls = protocol.controls
        protocol.note(events)
        if protocol.error is not None:
            self._decoder = None
        self._receiving = True
        try:
            if protocol.controls != controls:
                events = self._process_control_frames(protocol, events)
            if self._listener is None:
                self._enqueue(events, size)
            else:
                self._deliver(events)
        finally:
            self._receiving = False
            self.flush()
        if protocol.error is not None and protocol.state is State.OPEN:
            self._schedule_failure()
        elif protocol.state is not State.OPEN and protocol.ends_tcp:
            self._close_transport()
        elif protocol.received is not None:
            self._read_until_close()  # only the end of the stream is left

    def _process_control_frames(self, protocol: SansIOConnection, events: list[Event]) -> list[Event]:
        """Send Pongs and a Close, acknowledge Pings; return the messages."""
        self._write_outgoing(protocol)
        if self.congested:  # a peer that sends Pings and does not read must not fill the memory
            self._pause_reading()
        messages: list[Event] = []
        fragments: list[Fragment] = []
        for event in events:
            if isinstance(event, Pong):
                self._acknowledge_pings(event.data)
                if self._listener is not None:
                    self._call_listener(self._listener.on_pong, event.data)
            elif isinstance(event, Close):
                self._start_close_timer()
            elif isinstance(event, Fragment) and self._listener is not None:
                fragments.append(event)
            elif not isinstance(event, Ping):
                messages.append(event)
        if fragments:
            self._deliver_fragments(fragments)
        return messages

    def _make_waiter(self) -> Waiter:
        if self.state is State.CLOSED:
            raise self.protocol.closed_error()
        if self._waiter is not None and not self._waiter.done():
            raise ConcurrencyError(
                "cannot call recv while another coroutine is already running recv or recv_streaming"
            )
        if self.protocol.error is None:
            self._resume_reading()
        elif self.state is State.OPEN:
            self._fail_connection()
        self._waiter = waiter = Waiter(self._loop)
        return waiter

    # The listener.

    def _call_listener(self, method: Callable[..., None], *args: object) -> None:
        """Call a method of the listener."""
        try:
            method(self, *args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            self._listener_failed()

    def _deliver_fragments(self, fragments: list[Fragment]) -> None:
        """Call the listener; the messages of the same read are behind these fragments."""
        try:
            for fragment in fragments:
                self._listener.on_fragment(self, fragment.data, fragment.final)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            self._listener_failed()

    def _listener_failed(self) -> None:
        exc = sys.exc_info()[1]
        if exc is None or self._protocol is None or not self._protocol.has_raised(exc):
            log(self, ERROR, "listener failed", exc_info=True)
        if self._protocol is not None and not self._lost:
            self._start_closing(CloseCode.INTERNAL_ERROR)

    # Flow control.

    def _pause_reading(self) -> None:
        """Pause reading from the transport."""
        if self._reading and not self._flushed_transport.is_closing():
            self._reading = False
            self._flushed_transport.pause_reading()

    def _resume_reading(self) -> None:
        """Decode what was read, then resume reading."""
        if self._has_unread:
            self._schedule_decoding()
        elif not self._reading:
            self._reading = True
            if not self._flushed_transport.is_closing():
                self._flushed_transport.resume_reading()

    def _decode_later(self) -> None:
        self._pause_reading()
        over_high_water = self._queued > 0 and self._backlog > self._high_water and not self._drop_excess
        if self._resume_at_queued < 0 and over_high_water:
            self._resume_at_queued = self._queued // 4  # also for one message: more are unread
        if self._drop_excess or (
            self._resume_at_queued < 0 and not self.congested and not self._stream_is_full
        ):
            self._schedule_decoding()

    def _schedule_decoding(self) -> None:
        if not self._decoding_scheduled:
            self._decoding_scheduled = True
            self._call_soon(self._run_scheduled_decoding)

    def _run_scheduled_decoding(self) -> None:
        self._decoding_scheduled = False
        try:
            self._decode_more()
        except BaseException:
            self._flushed_transport.abort()  # as the transport does if a read fails
            raise
        if self._resume_at_queued < 0 and not self._has_unread and not self._stream_is_full:
            self._resume_reading()

    async def drain(self) -> None:
        """Wait until the write buffer is below its limit: the peer has read enough.

        Raises:
            ConnectionClosed: the connection ended meanwhile.
        """
        self.flush()
        while self.congested:
            if self._drain_waiter is None:
                self._drain_waiter = self._loop.create_future()
            await asyncio.shield(self._drain_waiter)
            if self.state is State.CLOSED:
                raise self.protocol.closed_error()

    def _wakeup_drain_waiter(self) -> None:
        if self._drain_waiter is not None:
            self._drain_waiter.set_result(None)
            self._drain_waiter = None

    # Pings.

    def _ping(self, data: bytes | None) -> asyncio.Future[float]:
        pings = self._pings
        if pings is None:
            pings = self._pings = {}
        while data is None or data in pings:
            if data is not None:
                raise ConcurrencyError("already waiting for a pong with the same data")
            data = new_mask_key()
            if data in pings:
                data = None
        self._write(self.protocol.ping(data))
        acknowledged: asyncio.Future[float] = self._loop.create_future()
        pings[data] = acknowledged, time.perf_counter()
        return acknowledged

    def _acknowledge_pings(self, data: bytes) -> None:
        """A Pong acknowledges its Ping and all earlier ones (RFC 6455, 5.5.3)."""
        pings = self._pings
        if not pings or data not in pings:
            return
        now = time.perf_counter()
        for sent in list(pings):
            acknowledged, sent_at = pings.pop(sent)
            self.latency = now - sent_at
            if not acknowledged.done():
                acknowledged.set_result(self.latency)
            if sent == data:
                break
