"""A WebSocket connection on an asyncio transport, either side, once its handshake is done."""

from __future__ import annotations

import asyncio
import builtins
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
from .._spec import Close, CloseCode, Ping, Pong, Role
from ..connection import (
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

if sys.platform == "linux":
    from fcntl import ioctl
    from termios import TIOCOUTQ

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

    from ..handshake import Request, Response
    from .topics import _Topic

# Bytes a read takes at most.
READ_SIZE = 2**18

# Seconds a connection that is to fail waits at most for the answers to earlier messages.
FAIL_DELAY = 1.0

# Bytes of messages nobody has received, inflated, over which a connection stops reading; it goes on
# when a quarter of those messages is left.
HIGH_WATER = 2**16

# Bytes that `send_nowait` and `broadcast` queue for a peer that does not read.
MAX_UNSENT = 2**22

# Messages nobody has received over which a connection stops reading: more than HIGH_WATER bytes ever are.
MAX_QUEUE = HIGH_WATER
MaxQueue = int | tuple[int | None, int | None] | None

SlowPeer = Literal["close", "drop"]

# Bytes that wait to be sent from which `send` waits for the peer.
WRITE_LIMIT = 2**16
WriteLimit = int | tuple[int, int | None]

# Bytes of a message, or characters, from which it is compressed in steps.
LARGE = 2**18

# Bytes of such a fragment, or characters, that are compressed in one step.
PIECE = 2**16

# Bytes on their way that are no sign of a peer that is still reading: the last frames.
FEW_BYTES = 2**14

logger = logging.getLogger("wsframe")

if TYPE_CHECKING:
    AnyLogger = logging.Logger | logging.LoggerAdapter[Any]

_local = threading.local()


def read_buffer(loop: asyncio.AbstractEventLoop) -> memoryview:
    """The buffer connections of a thread read into: one for all, where a read is done at once."""
    if hasattr(loop, "_proactor"):  # there a read stays under way
        return memoryview(bytearray(READ_SIZE // 4))
    buffer: memoryview | None = getattr(_local, "buffer", None)
    if buffer is None:
        buffer = _local.buffer = memoryview(bytearray(READ_SIZE))
    return buffer


def unsent_size(transport: asyncio.Transport) -> int:
    """Bytes the peer has not acknowledged yet, as far as the system tells."""
    size = transport.get_write_buffer_size()
    sock = transport.get_extra_info("socket")
    if sys.platform == "linux" and sock is not None:
        with suppress(OSError, ValueError):  # the latter when it is closed
            size += int.from_bytes(ioctl(sock.fileno(), TIOCOUTQ, bytes(4)), sys.byteorder)
    return size


if hasattr(inspect, "markcoroutinefunction") and not inspect.iscoroutinefunction(Stream.send):
    inspect.markcoroutinefunction(Stream.send)  # what it returns is awaited; CPython 3.12 and newer


class Listener:
    """What happens on a connection, told at once: its methods run where the bytes arrive.

    They must not block; what takes longer belongs in a task.  One that raises is logged, and the
    connection is closed with 1011.
    """

    def on_open(self, ws: Connection) -> None:
        """The handshake is done."""

    def on_message(self, ws: Connection, message: str | bytes) -> None:
        """A message arrived."""

    def on_pong(self, ws: Connection, data: bytes) -> None:
        """A Pong arrived."""

    def on_drained(self, ws: Connection) -> None:
        """The peer has caught up, after `ws.congested` was true."""

    def on_close(self, ws: Connection) -> None:
        """The connection is gone; `ws.close_code` and `ws.close_reason` say how."""


class _Waiting:
    """A message that `send_in_order` has taken, until it is sent.

    Attributes:
        message: whole, or fragments.
        frames: those of a whole message, encoded one by one; empty bytes where the loop may go on.
            None for a message in fragments.
        done: `_flush_sends` has sent it.
        error: what that raised.
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
        request: of the opening handshake.
        subprotocol: the negotiated one, or None.
        latency: seconds the last answered Ping took, 0 before the first.
        congested: whether the peer is behind, and `send` waits.
        transport: the asyncio transport.
    """

    __slots__ = (
        "__dict__",  # for what an application sets
        "__weakref__",
        "_close_timeout",
        "_closed",
        "_closer",
        "_decoding",
        "_drained",
        "_failing",
        "_id",
        "_keepalive",
        "_loop",
        "_lost",
        "_max_unsent",
        "_pings",
        "_protocol",
        "_unwaited",
        "_send_lock",
        "_slow_peer",
        "_topics",
        "_unsent",
        "_waiting",
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
        self.call_soon = loop.call_soon
        self.iteration = iteration_of(loop)
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
        self._unwaited = 0  # bytes that nobody waited to send, since the peer fell behind
        self._write_limit = write_limit
        self._topics: set[_Topic] | None = None  # those that it has joined
        self.logger = logger
        self._id: uuid.UUID | None = None  # made when somebody asks
        self._waiting: list[_Waiting] = []  # messages that `send_in_order` has taken, in this order
        self._send_lock: asyncio.Lock | None = None  # made for the first send that may take long
        self._protocol: Protocol | None = None
        self._drained: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] | None = None  # made when somebody waits for it
        self._lost = False
        self._pings: dict[bytes, tuple[asyncio.Future[float], float]] | None = None
        self._closer: asyncio.TimerHandle | None = None  # of the close timeout
        self._unsent = 0  # what the peer had not taken when that timer was set
        self._failing: asyncio.TimerHandle | None = None  # of the answers before a violation
        self._decoding = False  # _decode_more is scheduled
        self.latency = 0.0
        self.subprotocol: str | None = None
        self.request: Request | None = None

    def _limit_queue(self, max_queue: MaxQueue) -> None:
        """Set the marks for messages that nobody has received."""
        high, low = max_queue if isinstance(max_queue, tuple) else (max_queue, None)
        if high is None and low is None:
            self._high_water = sys.maxsize
            return
        self._high_water_messages = high = 4 * (low or 0) if high is None else high
        self._low_water_most = high // 4 if low is None else low

    # What the application does; send() and send_nowait() are Stream's.

    async def recv(self, decode: bool | None = None) -> str | bytes:
        """Receive the next message.

        Cancelling it loses no message.

        Args:
            decode: True for str, False for bytes, whatever the message is; None for what it is.

        Returns:
            str for text, bytes for binary.

        Raises:
            ConnectionClosed: the connection is closed, and all messages before that were received.
            ConcurrencyError: another recv is waiting.
        """
        while not self._queued:
            await self._message_waiter()
        message = self._pop()
        if decode is None:
            return message
        return self._decoded(message) if decode else bytes_of(message)

    def _decoded(self, message: str | bytes) -> str:
        """Return a binary message as text, or fail the connection as for text that is not UTF-8."""
        if isinstance(message, str):
            return message
        try:
            return message.decode()
        except UnicodeDecodeError as exc:
            self.close_nowait(CloseCode.INVALID_DATA, f"{exc.reason} at position {exc.start}")
            raise

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
        """Wait until the peer has caught up.

        Raises:
            ConnectionClosed: the connection ended meanwhile.
        """
        self.flush()
        while self.congested:
            if self._drained is None:
                self._drained = self._loop.create_future()
            await asyncio.shield(self._drained)
            if self.state is State.CLOSED:
                raise self.protocol.closed_error()

    async def ping(self, data: str | Buffer | None = None) -> Awaitable[float]:
        """Send a Ping (RFC 6455, 5.5.2).

        Args:
            data: at most 125 bytes, not those of a Ping still unanswered; 4 random ones if None.

        Returns:
            What can be awaited for the Pong; it yields the seconds it took.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            ValueError: data is too long.
            RuntimeError: a Ping with this data is unanswered.
        """
        answered = self._ping(None if data is None else bytes_of(data))
        await self.drain()
        pong = asyncio.shield(answered)
        pong.add_done_callback(lambda pong: pong.cancelled() or pong.exception())  # nobody need await it
        return pong

    async def pong(self, data: str | Buffer = b"") -> None:
        """Send a Pong nobody asked for (RFC 6455, 5.5.3) of at most 125 bytes."""
        if isinstance(data, str):
            data = data.encode("utf-8")
        self.write(self.protocol.pong(data))
        await self.drain()

    async def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Close the connection and wait until it is closed; do nothing but wait if it is closing.

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
            close_body(code, reason)  # a wrong one changes nothing
            self._flush_sends()
            frame = protocol.close(code, reason)
            self._encodes_directly = False
            self.write(frame)
            self.flush()
            self._expect_end()
        self._discard_messages()

    def _discard_messages(self) -> None:
        """Read on to the Close of the peer, whatever nobody receives; messages over the mark are dropped."""
        self._discarding = True
        self._low_water_messages = -1
        self.read_on()

    async def wait_closed(self) -> None:
        """Wait until the connection is closed."""
        if self.state is not State.CLOSED:
            if self._closed is None:
                self._closed = self._loop.create_future()
            await asyncio.shield(self._closed)

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
        """Our address, as socket.getsockname() tells it."""
        return self.transport.get_extra_info("sockname")

    @property
    def remote_address(self) -> Any:
        """The address of the peer, as socket.getpeername() tells it."""
        return self.transport.get_extra_info("peername")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        await self.close(CloseCode.NORMAL_CLOSURE if kind is None else CloseCode.INTERNAL_ERROR)

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.transport_write = self.transport.write
        limit = self._write_limit
        high, low = (limit, None) if isinstance(limit, int) else limit
        if high != WRITE_LIMIT or low is not None:  # which are asyncio's own
            self.transport.set_write_buffer_limits(high, low)
        self.use_socket(*socket_of(self.transport))

    def eof_received(self) -> bool:
        return False  # the transport closes itself

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        self._unwaited = 0
        for topic in self._topics or ():
            topic.member_drained(self)
        self._wake_drained()
        if self._protocol is None:
            return
        if not self._queued:
            self.read_on()
        if self._listener is not None:
            self._call_listener(self._listener.on_drained)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self.transport.close()  # CPython 3.10 complains of one for TLS that ended without
        self._decoder = None
        self.use_socket(-1)
        self.discard()
        self._encodes_directly = self.congested = False
        self._keepalive.stop()
        for timer in (self._closer, self._failing):
            if timer is not None:
                timer.cancel()
        self._closer = self._failing = None
        topics, self._topics = self._topics, None
        for topic in topics or ():
            topic.member_lost(self)
        try:
            if self._protocol is not None:
                self._end(self._protocol, exc)
        finally:  # whatever a listener raises
            self._wake_drained()
            if self._closed is not None and not self._closed.done():
                self._closed.set_result(None)

    def _end(self, protocol: Protocol, exc: Exception | None) -> None:
        protocol.receive_eof(exc)
        for answered, _ in (self._pings or {}).values():
            if not answered.done():
                answered.set_exception(protocol.closed_error())
                answered.exception()  # nobody need await it
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

    # How bytes become messages.

    def open(self, protocol: Protocol, rest: bytes = b"") -> None:
        """Go on from a handshake that is done.

        Args:
            protocol: the connection without I/O.
            rest: the bytes that came behind the handshake.
        """
        self._protocol = protocol
        self._decoder = protocol.decoder
        self._masked = protocol.role is Role.CLIENT
        self._encodes_directly = protocol.plain
        self._keepalive.start()
        if self._listener is not None:
            self._call_listener(self._listener.on_open)
        if rest:
            self._receive(rest)

    def handshake(self, data: bytes) -> None:
        """Take bytes of the opening handshake."""
        raise NotImplementedError

    def _receive_undecoded(self, data: Buffer) -> None:
        if self._protocol is None:
            self.handshake(bytes(data))

    def _receive_events(self, events: list[Event], size: int) -> None:
        protocol = self.protocol
        controls = protocol.controls
        protocol.note(events)
        if protocol.error is not None:
            self._decoder = None
        self.receiving = True
        try:
            if protocol.controls != controls:
                events = self._take_controls(protocol, events)
            if self._listener is None:
                self._enqueue(events, size)
            else:
                self._deliver(events)
        finally:
            self.receiving = False
            self.flush()
        if protocol.error is not None and protocol.state is State.OPEN:
            self._fail_soon()
        elif protocol.state is not State.OPEN and protocol.ends_tcp:
            self._end_tcp()
        elif protocol.received is not None:
            self._discard_messages()  # nothing but the end of the stream is to come

    def _decode_later(self) -> None:
        self._pause_reading()
        too_much = self._queued > 0 and self._backlog > self._high_water and not self._discarding
        if self._low_water_messages < 0 and too_much:
            self._low_water_messages = self._queued // 4  # also for one message: more are behind it
        if self._discarding or (self._low_water_messages < 0 and not self.congested):
            self._decode_soon()

    def _decode_soon(self) -> None:
        if not self._decoding:
            self._decoding = True
            self.call_soon(self._decode_next)

    def _decode_next(self) -> None:
        self._decoding = False
        try:
            self._decode_more()
        except BaseException:
            self.transport.abort()  # as the transport does when a read fails
            raise
        if self._low_water_messages < 0 and not self._has_unread:
            self.read_on()

    @property
    def _has_unread(self) -> bool:
        """Whether bytes of a read are still to be decoded."""
        return self._decoder is not None and self._decoder.unread > 0

    @property
    def _is_behind(self) -> bool:
        """Whether we do not read because the application has not received what there is."""
        return not self._reading and (self._queued > 0 or self._has_unread)

    @property
    def _unsent_size(self) -> int:
        """Bytes the peer has not acknowledged yet, as far as the system tells."""
        return unsent_size(self.transport)

    @property
    def _is_open(self) -> bool:
        """Whether the connection is open, and nothing is wrong with what has arrived."""
        return self.state is State.OPEN and self.protocol.error is None

    def _listener_failed(self) -> None:
        exc = sys.exc_info()[1]
        if exc is None or self._protocol is None or not self._protocol.has_raised(exc):
            self.logger.error("listener failed", exc_info=True)
        if self._protocol is not None and not self._lost:
            self.close_nowait(CloseCode.INTERNAL_ERROR)

    def _fail_soon(self) -> None:
        """Fail the connection, once the messages before the violation had their answers."""
        self._pause_reading()
        if self._listener is not None or self.idle:
            self.fail()
        else:
            self._keepalive.stop()
            self._failing = self._loop.call_later(FAIL_DELAY, self.fail)

    @property
    def idle(self) -> bool:
        """Whether the application waits for a message, and there is none."""
        return self._waiter is not None and not self._waiter.done() and not self._queued

    def fail(self) -> None:
        """Fail the connection for a violation (RFC 6455, 7.1.7)."""
        protocol = self.protocol
        protocol.fail()
        self._encodes_directly = False
        self._write_outgoing(protocol)
        self.flush()
        self._end_tcp()

    def _take_controls(self, protocol: Protocol, events: list[Event]) -> list[Event]:
        """Send the answers, settle the Pings, and leave the messages."""
        self._encodes_directly = protocol.plain
        self._write_outgoing(protocol)
        if self.congested:  # a peer that sends Pings and does not read must not fill our memory
            self._pause_reading()
        messages: list[Event] = []
        for event in events:
            if isinstance(event, Pong):
                self._settle_pings(event.data)
                if self._listener is not None:
                    self._call_listener(self._listener.on_pong, event.data)
            elif isinstance(event, Close):
                self._expect_end()
            elif not isinstance(event, Ping):
                messages.append(event)
        return messages

    def _write_outgoing(self, protocol: Protocol) -> None:
        for frame in protocol.outgoing:
            self.write(frame)
        protocol.outgoing.clear()

    def _pause_reading(self) -> None:
        """Stop reading."""
        if self._reading and not self.transport.is_closing():
            self._reading = False
            self.transport.pause_reading()

    def read_on(self) -> None:
        """Read again, once all that was read is decoded."""
        if self._has_unread:
            self._decode_soon()
        elif not self._reading:
            self._reading = True
            if not self.transport.is_closing():
                self.transport.resume_reading()

    # The slow paths of Stream.

    def _low_water_reached(self) -> None:
        self.read_on()

    def _make_waiter(self) -> asyncio.Future[None]:
        if self.state is State.CLOSED:
            raise self.protocol.closed_error()
        if self._waiter is not None and not self._waiter.done():
            raise ConcurrencyError("another recv is waiting")
        if self.protocol.error is None:
            self.read_on()
        elif self.state is State.OPEN:
            self.fail()
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def _wake_drained(self) -> None:
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None

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

    async def _send_slowly(self, message: Any) -> None:
        await self.send_in_order(message)
        if self.congested:
            await self.drain()

    async def send_in_order(self, message: Any, before: Callable[[], Awaitable[None]] | None = None) -> None:
        """Send a message behind those whose `send` was awaited before.

        Args:
            message: as for `send`.
            before: what is awaited when the turn of this message has come.
        """
        whole = _is_whole(message) or not isinstance(message, (AsyncIterable, Iterable))
        waiting = _Waiting(message, self._frames_of(message) if whole else None)
        self._waiting.append(waiting)
        self._pending_sends += 1
        if self._send_lock is None:
            self._send_lock = asyncio.Lock()
        try:
            async with self._send_lock:  # first come, first served
                if before is not None and not waiting.done:
                    await before()
                if waiting.frames is None:
                    self.protocol.check_open()
                    await self._send_fragments(message)
                else:
                    for frame in waiting.frames:  # nothing more when `_finish_sends` has sent them
                        if frame:
                            self.write(frame)
                        else:
                            await asyncio.sleep(0)
                if waiting.error is not None:
                    raise waiting.error
        finally:
            self._pending_sends -= 1
            self._waiting.remove(waiting)

    def _frames_of(self, message: str | Buffer) -> Generator[bytes]:
        """Encode a whole message when its turn has come, a large one in steps that yield nothing."""
        if _is_large(message) and not self._encodes_directly:
            yield from self.protocol.send_in_steps(message)
        else:
            yield self._encode_message(message)

    def _finish_sends(self) -> None:
        if not self._flush_sends():
            raise RuntimeError("a fragmented message is being sent")

    def _flush_sends(self) -> bool:
        """Send the whole messages at once whose `send` was awaited before; return whether none is left.

        Those that take long to compress leave as they are: whoever calls this does not wait.
        """
        for waiting in self._waiting:
            if waiting.frames is None or self.protocol.fragmenting:
                return False  # a message in fragments takes the time it takes
            if waiting.done:
                continue
            waiting.done = True
            waiting.frames.close()
            message = waiting.message
            try:
                self.write(
                    self.protocol.send_uncompressed(message)
                    if _is_large(message)
                    else self._encode_message(message)
                )
            except Exception as exc:
                waiting.error = exc  # for the caller of `send`
        return True

    def _may_queue(self, message: str | Buffer) -> bool:
        if self._max_unsent is None:
            return True
        # Not what `send` waits for: its sender is slowed down by the peer.
        size = len(message) if _is_whole(message) else 0  # type: ignore[arg-type]
        self._unwaited += size
        if min(self._unwaited, self.transport.get_write_buffer_size()) <= self._max_unsent:
            return True
        if self._slow_peer == "drop":
            self._unwaited -= size
            return self.state is not State.OPEN  # which the caller finds out
        self.close_nowait(CloseCode.TRY_AGAIN_LATER, "peer is too slow")
        return True  # to the caller, a connection that is closing

    async def _send_fragments(self, message: Any) -> None:
        """Send each fragment as soon as the next is there."""
        protocol = self.protocol
        fragments = message if isinstance(message, AsyncIterable) else _each(message)
        last: str | Buffer | None = None
        try:
            async for fragment in fragments:
                check_fragment(fragment, last)
                if last is not None:
                    await self._send_fragment(last, final=False)
                last = fragment
            if last is not None:
                await self._send_fragment(last, final=True)
        except BaseException:
            if protocol.fragmenting:  # half a message is out: there is no way to take it back
                self.close_nowait(CloseCode.INTERNAL_ERROR, "fragmented message broken off")
            raise
        finally:
            self._encodes_directly = protocol.plain

    async def _send_fragment(self, fragment: str | Buffer, *, final: bool) -> None:
        """Send a fragment; one that takes long to compress as several, with time for the loop in between."""
        self._encodes_directly = False
        if _is_large(fragment) and self.protocol.compresses:
            whole = fragment if isinstance(fragment, str) else memoryview(fragment).cast("B")
            while len(whole) > PIECE:
                self.write(self.protocol.send_fragment(whole[:PIECE], final=False))
                await self.drain()
                await asyncio.sleep(0)
                whole = whole[PIECE:]
            fragment = whole
        self.write(self.protocol.send_fragment(fragment, final=final))
        await self.drain()

    # Time.

    def _end_tcp(self) -> None:
        self._expect_end()  # of a peer that does not read what is still to be sent
        self.transport.close()

    def _expect_end(self) -> None:
        """Give the peer a while to take what is still to be sent, and to end the connection."""
        self._keepalive.stop()
        if self._closer is None and self._close_timeout is not None:
            self._unsent = self._unsent_size
            self._closer = self._loop.call_later(self._close_timeout, self._close_timed_out)

    def _close_timed_out(self) -> None:
        """Give up, unless the peer is still taking what was sent before the Close."""
        self._closer = None
        before, self._unsent = self._unsent, self._unsent_size
        if self._unsent < before > FEW_BYTES and self._close_timeout is not None:
            self._closer = self._loop.call_later(self._close_timeout, self._close_timed_out)
        else:
            self._give_up()

    def _give_up(self) -> None:
        self.transport.abort()

    def _ping(self, data: bytes | None) -> asyncio.Future[float]:
        pings = self._pings
        if pings is None:
            pings = self._pings = {}
        while data is None or data in pings:
            if data is not None:
                raise RuntimeError("a ping with this data is unanswered")
            data = fresh_key()
            if data in pings:
                data = None
        self.write(self.protocol.ping(data))
        answered: asyncio.Future[float] = self._loop.create_future()
        pings[data] = answered, time.perf_counter()
        return answered

    def _keepalive_failed(self) -> None:
        """Close: the peer was silent for too long. It gets what was sent before, if it takes it in time."""
        self.close_nowait(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
        if self._close_timeout is None:
            self.transport.abort()

    def _settle_pings(self, data: bytes) -> None:
        """A Pong answers its Ping and all before it (RFC 6455, 5.5.3)."""
        pings = self._pings
        if not pings or data not in pings:
            return
        now = time.perf_counter()
        for sent in list(pings):
            answered, since = pings.pop(sent)
            self.latency = now - since
            if not answered.done():
                answered.set_result(self.latency)
            if sent == data:
                break


_exception_group: Any = getattr(builtins, "ExceptionGroup", None)  # since CPython 3.11


def _is_whole(message: object) -> bool:
    """Tell a message, or what can be none, from fragments of one."""
    return isinstance(message, (str, bytes, bytearray, memoryview, dict))


def _is_large(message: object) -> bool:
    """Tell a message that is not to be compressed in one go."""
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
    """Send a message to many connections, encoded once; none is waited for.

    Args:
        connections: those that are not open are passed over; a peer that does not read gets no more than
            `max_unsent` bytes queued (see `serve`).  One that is amid sending a fragmented message is passed
            over and logged.
        message: str for text, bytes-like for binary.
        text: True to send bytes-like as text, which must be UTF-8, False to send str as binary.
        raise_exceptions: raise an ExceptionGroup of what went wrong, instead of logging it (CPython 3.11
            and newer).

    Raises:
        TypeError: the message is neither.
    """
    if raise_exceptions and _exception_group is None:
        raise ValueError("raise_exceptions needs CPython 3.11 or newer")
    sending = Broadcast(as_kind(message, text))
    skipped: list[Exception] = []
    for connection in connections:
        alone = not connection._pending_sends or connection._flush_sends()
        if alone and connection.congested and not connection._may_queue(message):
            continue
        if alone and connection._encodes_directly and not connection._masked:
            connection.write(sending.plain)
        elif connection._protocol is not None:
            frame = sending.frame_for(connection._protocol) if alone else None
            if frame is not None:
                connection.write(frame)
            elif connection.state is State.OPEN:
                if raise_exceptions:
                    skipped.append(ConcurrencyError("sending a fragmented message"))
                else:
                    connection.logger.warning("skipped broadcast: sending a fragmented message")
    if skipped:
        raise _exception_group("skipped broadcast", skipped)
