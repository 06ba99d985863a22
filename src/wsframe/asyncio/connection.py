"""A WebSocket connection on asyncio, either side: what an application calls."""

from __future__ import annotations

import asyncio
import builtins
import codecs
import logging
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from .._backend import Messages
from .._errors import ConcurrencyError
from .._http.logs import WARNING, log
from .._spec import CloseCode, Fragment
from ..connection import Broadcast, ConnectionClosed, ConnectionClosedOK, State, as_kind, bytes_of
from ._endpoint import HIGH_WATER, WRITE_LIMIT, Endpoint, WriteLimit
from ._listener import Listener
from ._sending import is_whole
from ._streaming import MessageStream

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

    from .._options import AnyLogger, MaxQueue
    from ..handshake import Response

# Bytes that `send_nowait` and `broadcast` queue for a peer that does not read.
MAX_UNSENT = 2**22

SlowPeer = Literal["close", "drop"]

# The default of max_queue, in messages: so high that HIGH_WATER, in bytes, is reached first.
MAX_QUEUE = HIGH_WATER

_logger = logging.getLogger("wsframe")

_utf8_decoder = codecs.getincrementaldecoder("utf-8")


class Connection(Endpoint):
    """An open WebSocket connection.

    Attributes:
        request: the request of the opening handshake.
        subprotocol: the negotiated one, or None.
        latency: seconds from the last acknowledged Ping to its Pong, 0 before the first.
        congested: whether the write buffer is above `write_limit`, so that `send` waits.
        transport: the asyncio transport; once it was read, every message is written by itself.
        logger: the logger of the server or client.
    """

    __slots__ = ("_closed_waiter", "_id", "_max_unsent", "_slow_peer", "_unawaited_size")

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
        logger: AnyLogger = _logger,
    ) -> None:
        super().__init__(
            listener=listener,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            close_timeout=close_timeout,
            write_limit=write_limit,
            logger=logger,
        )
        if max_queue != MAX_QUEUE:
            self._limit_queue(max_queue)
        self._max_unsent = max_unsent
        self._slow_peer = slow_peer
        self._unawaited_size = 0  # bytes of `send_nowait` and `broadcast` since the last resume_writing()
        self._id: uuid.UUID | None = None  # made when read
        self._closed_waiter: asyncio.Future[None] | None = None  # made by wait_closed()

    def _limit_queue(self, max_queue: MaxQueue) -> None:
        """Set the limits of the queue of messages."""
        high, low = max_queue if isinstance(max_queue, tuple) else (max_queue, None)
        if high is None and low is None:
            self._high_water = sys.maxsize
            return
        self._high_water_queued = high = 4 * (low or 0) if high is None else high
        self._max_resume_at = high // 4 if low is None else low

    # For the application; send() and send_nowait() are in Stream, drain() in Endpoint.

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

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Receive messages until the connection is closed with 1000, 1001 or without a code."""
        if getattr(self.recv, "__func__", None) is not Connection.recv:  # it is overridden
            return self._received()
        return Messages(self, ConnectionClosedOK)

    async def _received(self) -> AsyncIterator[str | bytes]:
        try:
            while True:
                yield await self.recv()
        except ConnectionClosedOK:
            return

    async def ping(self, data: str | Buffer | None = None) -> Awaitable[float]:
        """Send a Ping (RFC 6455, 5.5.2).

        Args:
            data: at most 125 bytes, different from those of Pings without a Pong; None for 4 random ones.

        Returns:
            An awaitable that waits for the Pong and returns the seconds it took.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            ValueError: data is too long.
            ConcurrencyError: a Ping with this data has no Pong yet.
        """
        try:
            acknowledged = self._ping(None if data is None else bytes_of(data))
        except ConnectionClosed as exc:
            await self._send_failed(exc)
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
        try:
            self._write(self.protocol.pong(data))
        except ConnectionClosed as exc:
            await self._send_failed(exc)
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
        """Start to close the connection, as close() does, without waiting."""
        self._start_closing(code, reason)

    async def wait_closed(self) -> None:
        """Wait until the connection is closed."""
        if self.state is not State.CLOSED:
            if self._closed_waiter is None:
                self._closed_waiter = self._loop.create_future()
            await asyncio.shield(self._closed_waiter)

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
        return self._flushed_transport.get_extra_info("sockname")

    @property
    def remote_address(self) -> Any:
        """The address of the peer, as socket.getpeername() returns it."""
        return self._flushed_transport.get_extra_info("peername")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        await self.close(CloseCode.NORMAL_CLOSURE if kind is None else CloseCode.INTERNAL_ERROR)

    # Hooks and callbacks that do more than those of Endpoint.

    async def _send_failed(self, exc: Exception) -> NoReturn:
        # Only when the closing handshake is over does the exception tell how the connection was closed.
        if self.state is State.CLOSING and self.protocol.has_raised(exc):
            await self.wait_closed()
            raise self.protocol.closed_error()
        raise exc

    def _may_queue(self, message: str | Buffer) -> bool:
        if self._max_unsent is None:
            return True
        # Bytes of `send` do not count: it waits for the peer.
        size = len(message) if is_whole(message) else 0  # type: ignore[arg-type]
        self._unawaited_size += size
        if min(self._unawaited_size, self._flushed_transport.get_write_buffer_size()) <= self._max_unsent:
            return True
        if self._slow_peer == "drop":
            self._unawaited_size -= size
            return self.state is not State.OPEN  # `_send_message` raises if it is closed
        self.close_nowait(CloseCode.TRY_AGAIN_LATER, "peer is too slow")
        return True  # `_send_message` raises ConnectionClosed

    @property
    def _stream_is_full(self) -> bool:
        """Whether `recv_streaming` has more than enough to receive."""
        return isinstance(self._listener, MessageStream) and self._listener.full

    def resume_writing(self) -> None:
        self._unawaited_size = 0
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        try:
            super().connection_lost(exc)
        finally:  # a listener may raise SystemExit
            if self._closed_waiter is not None and not self._closed_waiter.done():
                self._closed_waiter.set_result(None)


_exception_group: Any = getattr(builtins, "ExceptionGroup", None)  # since CPython 3.11


def broadcast(
    connections: Iterable[Connection],
    message: str | Buffer,
    *,
    text: bool | None = None,
    raise_exceptions: bool = False,
) -> None:
    """Send a message to many connections, encoded once, without waiting.

    A large message is compressed at once, while the loop waits; `send` does that in steps.

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
    for connection in tuple(connections):  # a connection that is closed may leave them
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
            log(connection, WARNING, "skipped broadcast: %s", reason)
    if skipped:
        raise _exception_group("skipped broadcast", skipped)
