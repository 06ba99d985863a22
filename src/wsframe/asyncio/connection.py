"""A WebSocket connection on an asyncio transport, either side, after its opening handshake."""

from __future__ import annotations

import asyncio
import builtins
import codecs
import inspect
import logging
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from .._backend import Stream, fresh_key
from .._errors import ConcurrencyError
from .._sockets import iteration_of, socket_of
from .._spec import Close, CloseCode, Fragment, Ping, Pong, Role
from ..connection import (
    CLEAN_CODES,
    Broadcast,
    Connection as Protocol,
    ConnectionClosedOK,
    Event,
    State,
    as_kind,
    bytes_of,
    check_fragment,
    close_body,
)
from ._keepalive import KeepAlive
from ._streaming import MessageStream

if sys.platform == "linux":
    from fcntl import ioctl
    from termios import TIOCOUTQ

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

    from ..handshake import Request, Response
    from .topics import _Topic

# Maximum size of a read.
READ_SIZE = 2**18

# Seconds that a failing connection waits for the replies to earlier messages.
FAIL_DELAY = 1.0

# Bytes of queued messages, decompressed, over which a connection pauses reading; it resumes when a quarter
# of these messages is left.
HIGH_WATER = 2**16

# Bytes that `send_nowait` and `broadcast` queue for a peer that does not read.
MAX_UNSENT = 2**22

# Queued messages over which a connection pauses reading: never more than HIGH_WATER bytes have.
MAX_QUEUE = HIGH_WATER
MaxQueue = int | tuple[int | None, int | None] | None

SlowPeer = Literal["close", "drop"]

# Bytes of unsent data from which `send` waits.
WRITE_LIMIT = 2**16
WriteLimit = int | tuple[int, int | None]

# Bytes of a message, or characters, from which it is compressed in steps.
LARGE = 2**18

# Bytes of such a message, or characters, that are compressed in one step.
STEP_SIZE = 2**16

# Unsent bytes below which progress is no sign of a peer that still reads: the last frames.
LAST_FRAMES_SIZE = 2**14

logger = logging.getLogger("wsframe")

if TYPE_CHECKING:
    AnyLogger = logging.Logger | logging.LoggerAdapter[Any]

_local = threading.local()


def read_buffer(loop: asyncio.AbstractEventLoop) -> memoryview:
    """Return the buffer to read into: one for all connections of a thread, where a read completes at once."""
    if hasattr(loop, "_proactor"):  # there a read stays in progress
        return memoryview(bytearray(READ_SIZE // 4))
    buffer: memoryview | None = getattr(_local, "buffer", None)
    if buffer is None:
        buffer = _local.buffer = memoryview(bytearray(READ_SIZE))
    return buffer


def unsent_size(transport: asyncio.Transport) -> int:
    """Return how many bytes the peer has not acknowledged, as far as the system knows."""
    size = transport.get_write_buffer_size()
    sock = transport.get_extra_info("socket")
    if sys.platform == "linux" and sock is not None:
        with suppress(OSError, ValueError):  # ValueError: the socket is closed
            size += int.from_bytes(ioctl(sock.fileno(), TIOCOUTQ, bytes(4)), sys.byteorder)
    return size


if hasattr(inspect, "markcoroutinefunction") and not inspect.iscoroutinefunction(Stream.send):
    inspect.markcoroutinefunction(Stream.send)  # CPython 3.12 and newer


class Listener:
    """Callbacks of a connection, called as soon as bytes arrive, in the thread of the loop.

    They must not block; start a task for longer work.  An exception is logged, and closes the connection
    with 1011.
    """

    def on_open(self, ws: Connection) -> None:
        """The opening handshake is done."""

    def on_message(self, ws: Connection, message: str | bytes) -> None:
        """A message arrived."""

    def on_fragment(self, ws: Connection, data: str | bytes, final: bool) -> None:
        """A part of a message arrived: a listener with this method gets all messages by it, and not by
        on_message, each part as soon as it has arrived.

        Args:
            ws: the connection.
            data: str of a text message, cut between characters, or bytes of a binary one.
            final: whether it ends the message.
        """

    def on_pong(self, ws: Connection, data: bytes) -> None:
        """A Pong arrived."""

    def on_drained(self, ws: Connection) -> None:
        """The peer has read enough for `ws.congested` to become false again."""

    def on_close(self, ws: Connection) -> None:
        """The connection is closed; see `ws.close_code` and `ws.close_reason`."""


class _PendingSend:
    """A message in `_send_in_order` that is not sent yet.

    Attributes:
        message: a whole message or its fragments.
        frames: yields the frame of a whole message, and empty bytes before it where the loop may run;
            None for a message in fragments.
        done: `_write_pending_sends` has sent it.
        error: the exception of `_write_pending_sends`.
    """

    __slots__ = ("done", "error", "frames", "message")

    def __init__(self, message: Any, frames: Generator[bytes] | None) -> None:
        self.message = message
        self.frames = frames
        self.done = False
        self.error: Exception | None = None


class Connection(Stream, asyncio.BufferedProtocol):
    """An open WebSocket connection.

    Attributes:
        request: the request of the opening handshake.
        subprotocol: the negotiated one, or None.
        latency: seconds from the last acknowledged Ping to its Pong, 0 before the first.
        congested: whether the write buffer is above `write_limit`, so that `send` waits.
        transport: the asyncio transport.
    """

    __slots__ = (
        "__dict__",  # for attributes that the application sets
        "__weakref__",
        "_close_timeout",
        "_closed_waiter",
        "_close_timer",
        "_decoding_scheduled",
        "_drain_waiter",
        "_failure_timer",
        "_id",
        "_keepalive",
        "_loop",
        "_lost",
        "_max_unsent",
        "_pings",
        "_protocol",
        "_unawaited_size",
        "_send_lock",
        "_slow_peer",
        "_topics",
        "_unsent",
        "_send_queue",
        "_write_limit",
        "latency",
        "logger",
        "request",
        "subprotocol",
    )

    def __init__(
        self,
        *,
        listener: Listener | None = None,
        ping_interval: float | None = 20,
        ping_timeout: float | None = 20,
        close_timeout: float | None = 10,
        max_unsent: int | None = MAX_UNSENT,
        slow_peer: SlowPeer = "close",
        write_limit: WriteLimit = WRITE_LIMIT,
        max_queue: MaxQueue = MAX_QUEUE,
        logger: AnyLogger = logger,
    ) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        self._call_soon = loop.call_soon
        self._iteration = iteration_of(loop)
        self._create_future = loop.create_future
        self._high_water = HIGH_WATER
        if max_queue != MAX_QUEUE:
            self._limit_queue(max_queue)
        self._loop = loop
        self._read_buffer = read_buffer(loop)
        self._listener = listener
        self._keepalive = KeepAlive(self, ping_interval, ping_timeout)
        self._close_timeout = close_timeout
        self._max_unsent = max_unsent
        self._slow_peer = slow_peer
        self._unawaited_size = 0  # bytes of `send_nowait` and `broadcast` since the last resume_writing()
        self._write_limit = write_limit
        self._topics: set[_Topic] | None = None  # those that the connection has joined
        self.logger = logger
        self._id: uuid.UUID | None = None  # made when read
        self._send_queue: list[_PendingSend] = []  # the messages in `_send_in_order`
        self._send_lock: asyncio.Lock | None = None  # made for the first send on the slow path
        self._protocol: Protocol | None = None
        self._drain_waiter: asyncio.Future[None] | None = None
        self._closed_waiter: asyncio.Future[None] | None = None  # made by wait_closed()
        self._lost = False
        self._pings: dict[bytes, tuple[asyncio.Future[float], float]] | None = None
        self._close_timer: asyncio.TimerHandle | None = None  # of the close timeout
        self._unsent = 0  # bytes that the peer had not acknowledged when that timer was set
        self._failure_timer: asyncio.TimerHandle | None = None  # of FAIL_DELAY
        self._decoding_scheduled = False  # _decode_more is scheduled
        self.latency = 0.0
        self.subprotocol: str | None = None
        self.request: Request | None = None

    def _limit_queue(self, max_queue: MaxQueue) -> None:
        """Set the limits of the queue of messages."""
        high, low = max_queue if isinstance(max_queue, tuple) else (max_queue, None)
        if high is None and low is None:
            self._high_water = sys.maxsize
            return
        self._high_water_queued = high = 4 * (low or 0) if high is None else high
        self._max_resume_at = high // 4 if low is None else low

    # For the application. send() and send_nowait() are in Stream.

    async def recv(self, decode: bool | None = None) -> str | bytes:
        """Receive the next message.

        Cancelling it loses no message.

        Args:
            decode: True to get str, False to get bytes; None for the type of the message.

        Returns:
            str for text, bytes for binary.

        Raises:
            ConnectionClosed: the connection is closed, and all messages before that have been received.
            ConcurrencyError: another recv is waiting.
        """
        while not self._queued:
            await self._message_waiter()
        message = self._pop()
        if decode is None or isinstance(message, str) is decode:
            return message
        if isinstance(message, str):
            return message.encode()
        try:
            return message.decode()
        except UnicodeDecodeError as exc:
            raise await self._failed_for_text(exc) from exc

    async def recv_streaming(self, decode: bool | None = None) -> AsyncIterator[str | bytes]:
        """Receive the next message part by part, as it arrives, with little memory for one of any size.

        A part is what has arrived since the last one: a fragment or more, or a piece of a large frame.  While
        about 64 KiB wait to be taken, the connection does not read.  What has arrived before the call is one
        part.  `max_size` limits the whole message, too: None for one of any size.

        The iterator must be used to the end of the message: until then `recv` and `recv_streaming` raise
        ConcurrencyError, also when it was cancelled.  Cancelling it before the first part loses nothing.

        Args:
            decode: True for str, False for bytes, whatever the message is; None for what it is.

        Yields:
            str, cut between characters, or bytes.

        Raises:
            ConnectionClosed: the connection is closed.
            ConcurrencyError: another recv is waiting, or a message is received in parts.
        """
        if self._queued:
            first = Fragment(self._pop(), True)
        else:
            stream = self._stream_message()
            try:
                first = await stream.next()
            except asyncio.CancelledError:
                stream.abandon()
                raise
        decoder = _utf8_decoder() if decode and isinstance(first.data, bytes) else None
        fragment = first
        while True:
            data = fragment.data
            if decoder is not None:
                try:
                    data = decoder.decode(data, fragment.final)  # type: ignore[arg-type]
                except UnicodeDecodeError as exc:
                    raise await self._failed_for_text(exc) from exc
            elif decode is False and isinstance(data, str):
                data = data.encode()
            yield data
            if fragment.final:
                return
            fragment = await stream.next()

    def _stream_message(self) -> MessageStream:
        """Receive in fragments the message that arrives next."""
        if self.state is not State.CLOSED and self._waiter is not None and not self._waiter.done():
            raise ConcurrencyError(
                "cannot call recv_streaming while another coroutine is already running recv or recv_streaming"
            )
        if self._listener is None:
            return MessageStream(self)
        if not isinstance(self._listener, MessageStream):
            raise RuntimeError("a listener receives the messages")
        self._listener.resume()
        return self._listener

    async def _failed_for_text(self, exc: UnicodeDecodeError) -> Exception:
        """Close the connection as for text that is not UTF-8; return what to raise."""
        self.close_nowait(CloseCode.INVALID_DATA, f"{exc.reason} at position {exc.start}")
        await self.wait_closed()
        return self.protocol.closed_error()

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Receive messages until the connection is closed with 1000, 1001 or without a code."""
        try:
            while True:
                while not self._queued:
                    await self._message_waiter()
                yield self._pop()
        except ConnectionClosedOK:
            return

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

    async def ping(self, data: str | Buffer | None = None) -> Awaitable[float]:
        """Send a Ping (RFC 6455, 5.5.2).

        Args:
            data: at most 125 bytes, different from those of Pings without a Pong; None for 4 random ones.

        Returns:
            An awaitable that waits for the Pong and returns the seconds it took.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            ValueError: data is too long.
            ConcurrencyError: a Ping with this data is unanswered.
        """
        acknowledged = self._ping(None if data is None else bytes_of(data))
        await self.drain()
        pong = asyncio.shield(acknowledged)
        pong.add_done_callback(
            lambda pong: pong.cancelled() or pong.exception()
        )  # no warning if it is never awaited
        return pong

    async def pong(self, data: str | Buffer = b"") -> None:
        """Send an unsolicited Pong (RFC 6455, 5.5.3) of at most 125 bytes."""
        if isinstance(data, str):
            data = data.encode("utf-8")
        self._write(self.protocol.pong(data))
        await self.drain()

    async def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Close the connection and wait until it is closed; only wait if it is closing already.

        Args:
            code: a status code that may be sent (RFC 6455, 7.4).
            reason: at most 123 bytes of UTF-8.

        Raises:
            ValueError: the code must not be sent, or the reason is too long.
        """
        self.close_nowait(code, reason)
        await self.wait_closed()

    def close_nowait(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Begin to close the connection, as close() does, without waiting."""
        protocol = self.protocol
        if protocol.state is State.OPEN:
            close_body(code, reason)  # raises before anything is changed
            if not self._write_pending_sends() and protocol.fragmenting and code in CLEAN_CODES:
                code, reason = CloseCode.INTERNAL_ERROR, "close during fragmented message"
            frame = protocol.close(code, reason)
            self._encodes_directly = False
            try:
                self._write(frame)
                self.flush()
            except Exception as exc:  # of the transport
                protocol.cause = exc
                self._abort_transport()
            self._start_close_timer()
        self._read_until_close()

    def _read_until_close(self) -> None:
        """Keep reading until the Close of the peer; drop messages over the high-water mark."""
        self._drop_excess = True
        self._resume_at_queued = -1
        self._resume_reading()

    async def wait_closed(self) -> None:
        """Wait until the connection is closed."""
        if self.state is not State.CLOSED:
            if self._closed_waiter is None:
                self._closed_waiter = self._loop.create_future()
            await asyncio.shield(self._closed_waiter)

    @property
    def protocol(self) -> Protocol:
        """The connection without I/O."""
        if self._protocol is None:
            raise RuntimeError("the opening handshake is not done")
        return self._protocol

    @property
    def id(self) -> uuid.UUID:
        """A random identifier, for logs."""
        if self._id is None:
            self._id = uuid.uuid4()
        return self._id

    @property
    def response(self) -> Response | None:
        """The response of the opening handshake, or None before it is done."""
        raise NotImplementedError

    @property
    def state(self) -> State:
        """CONNECTING, OPEN, CLOSING or CLOSED."""
        if self._lost:
            return State.CLOSED
        return State.CONNECTING if self._protocol is None else self._protocol.state

    @property
    def close_code(self) -> int | None:
        """The close code, or None before the connection is closed (RFC 6455, 7.1.5)."""
        if self._protocol is None:
            return CloseCode.ABNORMAL_CLOSURE if self._lost else None
        return self._protocol.close_code

    @property
    def close_reason(self) -> str | None:
        """The close reason, or None before the connection is closed (RFC 6455, 7.1.6)."""
        if self._protocol is None:
            return "" if self._lost else None
        return self._protocol.close_reason

    @property
    def local_address(self) -> Any:
        """The local address, as socket.getsockname() returns it."""
        return self.transport.get_extra_info("sockname")

    @property
    def remote_address(self) -> Any:
        """The address of the peer, as socket.getpeername() returns it."""
        return self.transport.get_extra_info("peername")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        await self.close(CloseCode.NORMAL_CLOSURE if kind is None else CloseCode.INTERNAL_ERROR)

    # Callbacks of the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._transport_write = self.transport.write
        limit = self._write_limit
        high, low = (limit, None) if isinstance(limit, int) else limit
        if high != WRITE_LIMIT or low is not None:  # not the defaults of asyncio
            self.transport.set_write_buffer_limits(high, low)
        self._use_socket(*socket_of(self.transport))

    def eof_received(self) -> bool:
        return False  # the transport closes itself

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        self._unawaited_size = 0
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
        self.transport.close()  # else CPython 3.10 warns of an unclosed TLS transport
        self._decoder = None
        self._use_socket(-1)
        self._discard_pending()
        self._encodes_directly = self.congested = False
        self._keepalive.stop()
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
            if self._closed_waiter is not None and not self._closed_waiter.done():
                self._closed_waiter.set_result(None)

    def _end(self, protocol: Protocol, exc: Exception | None) -> None:
        protocol.receive_eof(exc)
        for acknowledged, _ in (self._pings or {}).values():
            if not acknowledged.done():
                acknowledged.set_exception(protocol.closed_error())
                acknowledged.exception()  # no warning if it is never awaited
        self._pings = None
        self._wakeup_waiter()
        if self._listener is not None:
            self._call_listener(self._listener.on_close)

    def _call_listener(self, method: Callable[..., None], *args: object) -> None:
        """Call a method of the listener."""
        try:
            method(self, *args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            self._listener_failed()

    # Receiving.

    def _open(self, protocol: Protocol, rest: bytes = b"") -> None:
        """Start the connection, after its opening handshake.

        Args:
            protocol: the connection without I/O.
            rest: the bytes received behind the handshake.
        """
        self._protocol = protocol
        self._decoder = protocol.decoder
        self._masked = protocol.role is Role.CLIENT
        self._encodes_directly = protocol.encodes_directly
        self._keepalive.start()
        if self._listener is not None:
            self._decoder.streaming = ALL_MESSAGES if _takes_fragments(self._listener) else 0
            self._call_listener(self._listener.on_open)
        if rest:
            self._receive(rest)

    def _receive_handshake(self, data: bytes) -> None:
        """Process bytes of the opening handshake."""
        raise NotImplementedError

    def _receive_undecoded(self, data: Buffer) -> None:
        if self._protocol is None:
            self._receive_handshake(bytes(data))

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
            self.transport.abort()  # as the transport does if a read fails
            raise
        if self._resume_at_queued < 0 and not self._has_unread and not self._stream_is_full:
            self._resume_reading()

    @property
    def _has_unread(self) -> bool:
        """Whether bytes that were read are not decoded yet."""
        return self._decoder is not None and self._decoder.unread > 0

    @property
    def _stream_is_full(self) -> bool:
        """Whether `recv_streaming` has more than enough to receive."""
        return isinstance(self._listener, MessageStream) and self._listener.full

    @property
    def _application_is_behind(self) -> bool:
        """Whether reading is paused because the application does not receive its messages."""
        return not self._reading and (self._queued > 0 or self._has_unread or self._stream_is_full)

    @property
    def _unsent_size(self) -> int:
        """How many bytes the peer has not acknowledged, as far as the system knows."""
        return unsent_size(self.transport)

    @property
    def _is_open(self) -> bool:
        """Whether the connection is open, without a violation received."""
        return self.state is State.OPEN and self.protocol.error is None

    def _listener_failed(self) -> None:
        exc = sys.exc_info()[1]
        if exc is None or self._protocol is None or not self._protocol.has_raised(exc):
            self.logger.error("listener failed", exc_info=True)
        if self._protocol is not None and not self._lost:
            self.close_nowait(CloseCode.INTERNAL_ERROR)

    def _schedule_failure(self) -> None:
        """Fail the connection when the messages before the violation have had time for their replies."""
        self._pause_reading()
        if self._listener is not None or self._waits_for_message:
            self._fail_connection()
        else:
            self._keepalive.stop()
            self._failure_timer = self._loop.call_later(FAIL_DELAY, self._fail_connection)

    @property
    def _waits_for_message(self) -> bool:
        """Whether the application waits for a message while none is queued."""
        return self._waiter is not None and not self._waiter.done() and not self._queued

    def _fail_connection(self) -> None:
        """Fail the connection for a violation (RFC 6455, 7.1.7)."""
        protocol = self.protocol
        protocol.fail()
        self._encodes_directly = False
        self._write_outgoing(protocol)
        self.flush()
        self._close_transport()

    def _process_control_frames(self, protocol: Protocol, events: list[Event]) -> list[Event]:
        """Send Pongs and a Close, acknowledge Pings; return the messages."""
        self._encodes_directly = protocol.encodes_directly
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
            elif isinstance(event, Fragment):
                fragments.append(event)
            elif not isinstance(event, Ping):
                messages.append(event)
        if fragments:
            self._deliver_fragments(fragments)
        return messages

    def _deliver_fragments(self, fragments: list[Fragment]) -> None:
        """Call the listener; the messages of the same read are behind these fragments."""
        try:
            for fragment in fragments:
                self._listener.on_fragment(self, fragment.data, fragment.final)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            self._listener_failed()

    def _write_outgoing(self, protocol: Protocol) -> None:
        for frame in protocol.outgoing:
            self._write(frame)
        protocol.outgoing.clear()

    def _pause_reading(self) -> None:
        """Pause reading from the transport."""
        if self._reading and not self.transport.is_closing():
            self._reading = False
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        """Decode what was read, then resume reading."""
        if self._has_unread:
            self._schedule_decoding()
        elif not self._reading:
            self._reading = True
            if not self.transport.is_closing():
                self.transport.resume_reading()

    # The slow paths of Stream.

    def _make_waiter(self) -> asyncio.Future[None]:
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
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def _wakeup_drain_waiter(self) -> None:
        if self._drain_waiter is not None:
            self._drain_waiter.set_result(None)
            self._drain_waiter = None

    def _encode_message(self, message: str | Buffer) -> bytes:
        return self.protocol.send(message)

    async def _send_as(self, message: Any, text: bool) -> None:
        if isinstance(message, AsyncIterable):
            message = (as_kind(fragment, text) async for fragment in message)
        elif isinstance(message, Iterable) and not _is_whole(message):
            message = (as_kind(fragment, text) for fragment in message)
        else:
            message = as_kind(message, text)
        await self.send(message)

    async def _send_slow_path(self, message: Any) -> None:
        await self._send_in_order(message)
        if self.congested:
            await self.drain()

    async def _send_in_order(self, message: Any, before: Callable[[], Awaitable[None]] | None = None) -> None:
        """Send a message after those whose `send` was awaited before.

        Args:
            message: as for `send`.
            before: awaited when all earlier messages are sent.
        """
        whole = _is_whole(message) or not isinstance(message, (AsyncIterable, Iterable))
        pending = _PendingSend(message, self._frames_of(message) if whole else None)
        self._send_queue.append(pending)
        self._pending_sends += 1
        if self._send_lock is None:
            self._send_lock = asyncio.Lock()
        try:
            async with self._send_lock:  # in the order of the calls
                if before is not None and not pending.done:
                    await before()
                if pending.frames is None:
                    self.protocol.check_open()
                    await self._send_fragments(message)
                else:
                    for frame in pending.frames:  # empty if `_write_pending_sends` has written it
                        if frame:
                            self._write(frame)
                        else:
                            await asyncio.sleep(0)
                if pending.error is not None:
                    raise pending.error
        finally:
            self._pending_sends -= 1
            self._send_queue.remove(pending)

    def _frames_of(self, message: str | Buffer) -> Generator[bytes]:
        """Encode a whole message on the first `next`; a large one in steps that yield empty bytes."""
        if _is_large(message) and not self._encodes_directly:
            yield from self.protocol.send_in_steps(message)
        else:
            yield self._encode_message(message)

    def _finish_pending_sends(self) -> None:
        if not self._write_pending_sends():
            raise RuntimeError("a fragmented message is being sent")

    def _write_pending_sends(self) -> bool:
        """Write the whole messages of pending sends at once; return whether no pending send is left.

        Large messages are not compressed here, because this does not yield to the loop.
        """
        for pending in self._send_queue:
            if pending.frames is None or self.protocol.fragmenting:
                return False  # the fragments are not all known yet
            if pending.done:
                continue
            pending.done = True
            pending.frames.close()
            message = pending.message
            try:
                self._write(
                    self.protocol.send_uncompressed(message)
                    if _is_large(message)
                    else self._encode_message(message)
                )
            except Exception as exc:
                pending.error = exc  # raised by that `send`
        return True

    def _may_queue(self, message: str | Buffer) -> bool:
        if self._max_unsent is None:
            return True
        # Bytes of `send` do not count: it waits for the peer.
        size = len(message) if _is_whole(message) else 0  # type: ignore[arg-type]
        self._unawaited_size += size
        if min(self._unawaited_size, self.transport.get_write_buffer_size()) <= self._max_unsent:
            return True
        if self._slow_peer == "drop":
            self._unawaited_size -= size
            return self.state is not State.OPEN  # `_send_message` raises if it is closed
        self.close_nowait(CloseCode.TRY_AGAIN_LATER, "peer is too slow")
        return True  # `_send_message` raises ConnectionClosed

    async def _send_fragments(self, message: Any) -> None:
        """Send each fragment: those of an asynchronous iterable at once, and then an empty one that ends
        the message; others when the next one is known, so that the last one ends it.
        """
        protocol = self.protocol
        at_once = isinstance(message, AsyncIterable)
        fragments = message if at_once else _each(message)
        last: str | Buffer | None = None
        try:
            async for fragment in fragments:
                check_fragment(fragment, last)
                sent = fragment if at_once else last
                last = fragment
                if sent is not None:
                    await self._send_fragment(sent, final=False)
            if last is not None:
                end: str | bytes = "" if isinstance(last, str) else b""
                await self._send_fragment(end if at_once else last, final=True)
        except BaseException:
            if protocol.fragmenting:  # a part of a message has been sent
                self.close_nowait(CloseCode.INTERNAL_ERROR, "fragmented message not finished")
            raise
        finally:
            self._encodes_directly = protocol.encodes_directly

    async def _send_fragment(self, fragment: str | Buffer, *, final: bool) -> None:
        """Send a fragment; compress a large one in steps, as several frames, between which the loop runs."""
        self._encodes_directly = False
        if _is_large(fragment) and self.protocol.compresses:
            whole = fragment if isinstance(fragment, str) else memoryview(fragment).cast("B")
            while len(whole) > STEP_SIZE:
                self._write(self.protocol.send_fragment(whole[:STEP_SIZE], final=False))
                await self.drain()
                await asyncio.sleep(0)
                whole = whole[STEP_SIZE:]
            fragment = whole
        self._write(self.protocol.send_fragment(fragment, final=final))
        await self.drain()

    # Timeouts and the end.

    def _close_transport(self) -> None:
        self._start_close_timer()  # the peer may not read the unsent bytes
        self.transport.close()

    def _start_close_timer(self) -> None:
        """Stop the keep-alive; abort the connection after `close_timeout` seconds without progress."""
        self._keepalive.stop()
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
        self.transport.abort()

    def _ping(self, data: bytes | None) -> asyncio.Future[float]:
        pings = self._pings
        if pings is None:
            pings = self._pings = {}
        while data is None or data in pings:
            if data is not None:
                raise ConcurrencyError("already waiting for a pong with the same data")
            data = fresh_key()
            if data in pings:
                data = None
        self._write(self.protocol.ping(data))
        acknowledged: asyncio.Future[float] = self._loop.create_future()
        pings[data] = acknowledged, time.perf_counter()
        return acknowledged

    def _keepalive_failed(self) -> None:
        """Close the connection: the peer was silent for too long. Data sent before is still delivered."""
        self.close_nowait(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
        if self._close_timeout is None:
            self.transport.abort()

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


_utf8_decoder = codecs.getincrementaldecoder("utf-8")
ALL_MESSAGES = 2  # for `MessageDecoder.streaming`


def _takes_fragments(listener: object) -> bool:
    """Tell whether a listener wants messages in parts."""
    return getattr(type(listener), "on_fragment", Listener.on_fragment) is not Listener.on_fragment


_exception_group: Any = getattr(builtins, "ExceptionGroup", None)  # since CPython 3.11


def _is_whole(message: object) -> bool:
    """Tell whether this is a message, or an object that can be none, rather than fragments."""
    return isinstance(message, (str, bytes, bytearray, memoryview, dict))


def _is_large(message: object) -> bool:
    """Tell whether this is a message to compress in steps."""
    return _is_whole(message) and len(message) >= LARGE  # type: ignore[arg-type]


async def _each(fragments: Iterable[str | Buffer]) -> AsyncIterator[str | Buffer]:
    for fragment in fragments:
        yield fragment


def broadcast(
    connections: Iterable[Connection],
    message: str | Buffer,
    *,
    text: bool | None = None,
    raise_exceptions: bool = False,
) -> None:
    """Send a message to many connections, encoded once, without waiting.

    Args:
        connections: those that are not open are skipped; a peer that does not read gets no more than
            `max_unsent` bytes queued (see `serve`).  A connection that is sending a fragmented message is
            skipped, with a warning in the log.
        message: str for text, bytes-like for binary.
        text: True to send bytes-like as text, which must be UTF-8, False to send str as binary.
        raise_exceptions: raise an ExceptionGroup instead of logging these warnings (CPython 3.11 and newer).

    Raises:
        TypeError: the message is neither.
    """
    if raise_exceptions and _exception_group is None:
        raise ValueError("raise_exceptions needs CPython 3.11 or newer")
    frames = Broadcast(as_kind(message, text))
    skipped: list[Exception] = []
    for connection in connections:
        ready = not connection._pending_sends or connection._write_pending_sends()
        if ready and connection.congested and not connection._may_queue(message):
            continue
        try:
            if ready and connection._encodes_directly and not connection._masked:
                connection._write(frames.uncompressed)
                continue
            if connection._protocol is None:
                continue
            frame = frames.frame_for(connection._protocol) if ready else None
            if frame is not None:
                connection._write(frame)
                continue
        except Exception as exc:  # of the transport
            failure: Exception = RuntimeError("failed to write message")
            failure.__cause__ = exc
            reason = f"failed to write message: {type(exc).__name__}: {exc}"
        else:
            if connection.state is not State.OPEN:
                continue
            reason = "sending a fragmented message"
            failure = ConcurrencyError(reason)
        if raise_exceptions:
            skipped.append(failure)
        else:
            connection.logger.warning("skipped broadcast: %s", reason)
    if skipped:
        raise _exception_group("skipped broadcast", skipped)
