"""A WebSocket connection on a socket, either side, for threads.

Who reads the socket is decided by a lock: the thread that calls `recv` takes it and reads, or who waits in
`close`; while nobody does, the thread of `_background` serves the connection.  So a message costs no
switch of threads, as it does where a thread of its own reads and passes on what it got; a Ping gets its Pong
all the same while the application is busy.  One read may bring many messages: those that are sent in reply
to them leave together.

Locks, in the order in which they may be taken: `_receiving` (one `recv` at a time), `_reading` (the socket
and the decoder), that of the outbox (encoding and sending), `_mutex` (the state; nobody waits in it).
"""

from __future__ import annotations

import codecs
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any, Literal, overload

from .._backend import fresh_key
from .._errors import ConcurrencyError
from .._spec import Close, CloseCode, Fragment, Ping, Pong
from ..connection import (
    ConnectionClosed,
    ConnectionClosedOK,
    Event,
    FragmentsAs,
    SansIOConnection as Protocol,
    State,
    as_kind,
    bytes_of,
    check_fragment,
    close_body,
)
from ._background import Background
from ._keepalive import KeepAlive
from ._outbox import Outbox
from ._socket import Deadline, Socket

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

    from .._options import AnyLogger, MaxQueue
    from ..handshake import Request, Response


# Messages that are stored while the application does not receive.
MAX_QUEUE = 16

ONE_MESSAGE = 1  # for `MessageDecoder.streaming`

# What decoding one read may cost before the application gets what there is.
BUDGET = 2**20

# Frames that wait for a peer that does not read, over which nothing is read from it.
MAX_PENDING = 2**9

logger = logging.getLogger("wsframe")

WHOLE = (str, bytes, bytearray, memoryview)


class Connection:
    """An open WebSocket connection.

    All methods may be called from any thread.

    Args:
        socket: of the connection.
        ping_interval, ping_timeout, close_timeout, max_queue, logger: as connect and serve take them.

    Attributes:
        id: a random identifier, for logs.
        logger: what the connection logs to.
        socket: what carries the bytes; it has the attributes of a socket, and of an ssl.SSLObject under TLS.
        request, response: of the opening handshake, or None.
        subprotocol: the negotiated one, or None.
        latency: seconds between the last Ping and its Pong, 0 before the first.
        close_timeout: seconds to wait for the end of the closing connection, or None; it may be set.
    """

    def __init__(
        self,
        socket: Socket,
        *,
        ping_interval: float | None = 20,
        ping_timeout: float | None = 20,
        close_timeout: float | None = 10,
        max_queue: MaxQueue = MAX_QUEUE,
        logger: AnyLogger = logger,
    ) -> None:
        self.socket = socket
        self.logger = logger
        self.id = uuid.uuid4()
        self.request: Request | None = None
        self.response: Response | None = None
        self.subprotocol: str | None = None
        self.latency = 0.0
        high, low = max_queue if isinstance(max_queue, tuple) else (max_queue, None)
        self._high = low * 4 if high is None and low is not None else high
        self.close_timeout = close_timeout
        self._protocol: Protocol | None = None
        self._encode: Callable[[str | Buffer], bytes] = _not_open
        self._messages: deque[Any] = deque()  # str, bytes, and Fragments of recv_streaming
        self._receiving = threading.Lock()
        self._reading = threading.Lock()
        self._mutex = threading.Lock()
        self._pings: dict[bytes, tuple[threading.Event, float, bool]] = {}
        self._error: OSError | None = None  # that sending raised
        self._between_parts = False  # of recv_streaming: its caller does something else
        self._outbox = Outbox(socket)
        self._reads = 0
        self._ended = False
        self._lingers = False
        self._close_deadline = Deadline(None)
        self._keepalive = KeepAlive(self, ping_interval, ping_timeout)
        self._background = Background(self, self._keepalive)

    # What an application knows about a connection.

    @property
    def protocol(self) -> Protocol:
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
    def close_code(self) -> int | None:
        """The close code, or None before the connection is closed (RFC 6455, 7.1.5)."""
        if self._protocol is None:
            return CloseCode.ABNORMAL_CLOSURE if self._ended else None
        return self._protocol.close_code

    @property
    def close_reason(self) -> str | None:
        """The close reason, or None before the connection is closed (RFC 6455, 7.1.6)."""
        if self._protocol is None:
            return "" if self._ended else None
        return self._protocol.close_reason

    @property
    def local_address(self) -> Any:
        """Our address, as socket.getsockname() tells it."""
        return self.socket.getsockname()

    @property
    def remote_address(self) -> Any:
        """The address of the peer, as socket.getpeername() tells it."""
        return self.socket.getpeername()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.close(CloseCode.NORMAL_CLOSURE if kind is None else CloseCode.INTERNAL_ERROR)

    def __iter__(self) -> Iterator[str | bytes]:
        """Receive messages until the connection is closed with 1000, 1001 or without a code."""
        receiving, messages = self._receiving, self._messages
        with suppress(ConnectionClosedOK):
            while True:  # as `recv` does
                if not receiving.acquire(False):
                    raise _concurrent("recv")
                try:
                    if not messages:
                        self._wait_for_message(None)
                    message: str | bytes = messages.popleft()
                finally:
                    receiving.release()
                yield message

    # Receiving.

    @overload
    def recv(self, timeout: float | None = None, *, decode: Literal[True]) -> str: ...

    @overload
    def recv(self, timeout: float | None = None, *, decode: Literal[False]) -> bytes: ...

    @overload
    def recv(self, timeout: float | None = None, decode: bool | None = None) -> str | bytes: ...

    def recv(self, timeout: float | None = None, decode: bool | None = None) -> str | bytes:
        """Receive the next message.

        Args:
            timeout: seconds to wait for it; with 0 it must be there already.  None for no limit.
            decode: True for str, False for bytes, whatever the message is; None for what it is.

        Returns:
            str for text, bytes for binary.

        Raises:
            ConnectionClosed: the connection is closed, and all messages before that were received.
            ConcurrencyError: another thread receives.
            TimeoutError: no message came in time; none is lost.
        """
        if not self._receiving.acquire(False):
            raise _concurrent("recv")
        try:
            if not self._messages:
                self._wait_for_message(timeout)
            message: str | bytes = self._messages.popleft()
        finally:
            self._receiving.release()
        if decode is None:
            return message
        if isinstance(message, str):
            return message if decode else message.encode()
        return self._decoded(message, codecs.getincrementaldecoder("utf-8")()) if decode else message

    def _decoded(self, data: bytes, decoder: codecs.IncrementalDecoder, final: bool = True) -> str:
        """Return bytes as text, or fail the connection as for text that is not UTF-8."""
        try:
            return decoder.decode(data, final)
        except UnicodeDecodeError as exc:
            self.close(CloseCode.INVALID_DATA, f"{exc.reason} at position {exc.start}")
            raise self.protocol.closed_error() from exc

    def _wait_for_message(self, timeout: float | None) -> None:
        """Read until there is a message."""
        deadline = Deadline(timeout)
        background = self._background
        self._outbox.delaying = 0
        try:
            if self._outbox.pending:
                self._flush_now()
            while not self._messages:
                if self._ended:
                    raise self.protocol.closed_error()
                if self._acquire_reading(deadline):
                    try:
                        if not self._messages and not self._ended:
                            self._read(deadline)
                    finally:
                        self._reading.release()
        except TimeoutError:
            if timeout is None:
                raise
            raise TimeoutError(f"timed out in {timeout:.1f}s") from None
        finally:
            if background.asleep:
                background.wake()
        if len(self._messages) > 1 and not background.looking:
            self._outbox.delaying = get_ident()

    def _acquire_reading(self, deadline: Deadline) -> bool:
        if self._reading.acquire(False):
            return True
        rest = deadline.rest()
        if not self._reading.acquire(timeout=-1 if rest is None else min(rest, threading.TIMEOUT_MAX)):
            raise TimeoutError("timed out")
        return True

    def _read(self, deadline: Deadline) -> None:
        """Read once, and take what comes; the lock of reading is held.

        Raises:
            TimeoutError: nothing came in time.
        """
        protocol = self.protocol
        decoder = protocol.decoder
        if self._has_failed:
            self._fail(protocol)
        if self._end_if_due(protocol):
            return
        data = b""
        if not decoder.unread or decoder.error is not None:
            received = self._receive(deadline)
            if received is None:
                return
            data = received
            if not data:
                self._end(None)
                return
            self._reads += 1
            if decoder.error is not None:
                return  # what follows a violation is discarded
            if protocol.state is not State.OPEN and self._is_full:
                decoder.skipping = True
        self._take(protocol, decoder.feed(data, BUDGET))

    def _receive(self, deadline: Deadline) -> bytes | None:
        """Wait for bytes; None where something else happened meanwhile."""
        socket, outbox = self.socket, self._outbox
        rest, closing = deadline.rest(), self._close_deadline.rest()
        try:
            if rest is None and closing is None and not outbox.pending:
                return socket.recv()
            seconds = [one for one in (rest, closing) if one is not None]
            may_read = len(outbox.pending) < MAX_PENDING
            read, write = socket.wait(
                read=may_read, write=bool(outbox.pending), timeout=min(seconds, default=None)
            )
            if read:
                return socket.recv_now()
        except OSError as exc:
            self._end(exc)
            return None
        if write:
            self._flush_now()
        else:
            self._enforce_close_timeout()
            if not self._ended:
                raise TimeoutError("timed out")
        return None

    def _take(self, protocol: Protocol, events: list[Event]) -> None:
        """Store messages, and obey control frames."""
        decoder = protocol.decoder
        if decoder.controls == protocol.controls and decoder.error is None:
            self._messages.extend(events)
            return
        with self._mutex:
            protocol.note(events)
            self._send_outgoing(protocol)
        for event in events:
            if isinstance(event, Pong):
                self._settle_pings(event.data)
            elif not isinstance(event, (Ping, Close)):
                self._messages.append(event)
        self._flush_now()
        self._end_if_due(protocol)

    def _fail(self, protocol: Protocol) -> None:
        """Fail the connection for a violation (RFC 6455, 7.1.7)."""
        with self._mutex:
            protocol.fail()
            self._send_outgoing(protocol)
        self._flush_now()

    def _send_outgoing(self, protocol: Protocol) -> None:
        self._outbox.pending.extend(protocol.outgoing)
        protocol.outgoing.clear()
        if protocol.state is not State.OPEN:
            self._begin_closing()

    def recv_streaming(self, decode: bool | None = None) -> Iterator[str | bytes]:
        """Receive the next message in parts, as they arrive: fragments, or pieces of a large one.

        Memory is bounded, and what is not received stays with the peer.

        Args:
            decode: as for `recv`.

        Returns:
            An iterator over the parts, which is to be used up: nothing more can be received before.  Text is
            cut between characters.

        Raises:
            ConnectionClosed: as `recv`.
            ConcurrencyError: another thread receives, or a message before was not received to its end.
        """
        if not self._receiving.acquire(False):
            raise _concurrent("recv_streaming")
        decoder = codecs.getincrementaldecoder("utf-8")()
        final = False
        try:
            while not final:
                part = self._next_part()
                final = not isinstance(part, Fragment) or part.final
                data = part.data if isinstance(part, Fragment) else part
                if decode is not None and isinstance(data, str) is not decode:
                    data = bytes_of(data) if isinstance(data, str) else self._decoded(data, decoder, final)
                if final:
                    self._receiving.release()
                self._between_parts = not final
                if self._background.asleep:
                    self._background.wake()
                yield data
                self._between_parts = False
        except ConnectionClosed:
            self._receiving.release()
            raise

    def _next_part(self) -> str | bytes | Fragment:
        if not self._messages:
            with self._reading:
                if not self._messages:
                    decoder = self.protocol.decoder
                    decoder.streaming = ONE_MESSAGE
                    if decoder.buffered:  # a part of the message has arrived
                        self._take(self.protocol, decoder.feed(b"", BUDGET))
            self._wait_for_message(None)
        part: str | bytes | Fragment = self._messages.popleft()
        return part

    # Sending.

    def send(
        self, message: str | Buffer | Iterable[str] | Iterable[Buffer], text: bool | None = None
    ) -> None:
        """Send a message.

        Threads that send at the same time do so in the order in which they came.  While received messages
        wait, what the thread that receives them sends is joined, until it calls `recv` for more, or does
        something else for a while.

        Args:
            message: str for text, bytes-like for binary; an iterable of them is sent in fragments, those of
                an iterator as soon as they are there.
            text: True to send bytes-like as text, which must be UTF-8, False to send str as binary.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            ConcurrencyError: another thread sends a message in fragments.
            TypeError: the message is of none of these types.
        """
        if isinstance(message, WHOLE):
            outbox = self._outbox
            lock = outbox.lock
            if text is not None:
                message = as_kind(message, text)
            if lock.waiters or not lock.take(False):
                lock.acquire()
            try:
                if outbox.send(self._encode(message)):
                    self._background.wake()
            except (ConnectionClosed, OSError) as exc:
                failure = exc
            except RuntimeError:  # of a message in fragments
                raise _concurrent("send", "send") from None
            else:
                return
            finally:
                lock.give()
                if lock.waiters:
                    lock.hand_over()
                if not outbox.delaying or self._background.looking:
                    self._after_sending()
            self._raise_closed(failure)
        elif isinstance(message, Mapping):
            raise TypeError("message must not be a mapping: send its keys() for fragments")
        elif isinstance(message, Iterable):
            self._send_fragments(message, text)
        else:
            raise TypeError(
                f"message must be str, bytes-like or an iterable of them, not {type(message).__name__}"
            )

    def _release_outbox(self) -> None:
        """Give up the lock of sending, and send what others could not meanwhile."""
        self._outbox.lock.release()
        self._after_sending()

    def _after_sending(self) -> None:
        outbox, protocol = self._outbox, self.protocol
        if outbox.pending and (not outbox.delaying or self._background.looking):
            self._flush_now()
        if protocol.state is not State.OPEN:
            self._end_if_due(protocol)

    def _raise_closed(self, failure: Exception) -> None:
        """Raise what says how the connection ended, once it has."""
        if isinstance(failure, OSError):
            self._sending_failed(failure)
        self._wait_for_end()
        raise self.protocol.closed_error() from (failure if isinstance(failure, OSError) else None)

    def _send_fragments(self, fragments: Iterable[str | Buffer], text: bool | None) -> None:
        """Send each fragment: those of an iterator at once, and then an empty one that ends the message;
        others when the next one is known, so that the last one ends it.
        """
        protocol = self.protocol
        at_once = isinstance(fragments, Iterator)  # it may take its time
        last: str | Buffer | None = None
        begun = False
        kind = None if text is None else FragmentsAs(text)
        try:
            for fragment in fragments:
                if kind is not None:
                    fragment = kind.convert(fragment)
                check_fragment(fragment, last)
                sent = fragment if at_once else last
                last = fragment
                if sent is not None:
                    self._send_fragment(sent, begun=begun, final=False)
                    begun = True
            if kind is not None:
                kind.end()
            if last is not None:
                end: str | bytes = "" if isinstance(last, str) else b""
                self._send_fragment(end if at_once else last, begun=begun, final=True)
                begun = False
        except BaseException:
            if begun and protocol.state is State.OPEN:  # there is no way to take back half a message
                self._start_closing(CloseCode.INTERNAL_ERROR, "fragmented message not finished")
                self._flush_now()
            raise

    def _send_fragment(self, fragment: str | Buffer, *, begun: bool, final: bool) -> None:
        outbox, protocol = self._outbox, self.protocol
        outbox.lock.acquire()
        try:
            if protocol.fragmenting is not begun:
                raise _concurrent("send", "send")
            if outbox.send(protocol.send_fragment(fragment, final=final)):
                self._background.wake()
        except (ConnectionClosed, OSError) as exc:
            failure = exc
        else:
            return
        finally:
            self._release_outbox()
        self._raise_closed(failure)

    def ping(self, data: str | Buffer | None = None, *, ack_on_close: bool = False) -> threading.Event:
        """Send a Ping (RFC 6455, 5.5.2).

        Args:
            data: at most 125 bytes, not those of a Ping without a Pong yet; 4 random ones if None.
            ack_on_close: whether the event is also set when the connection is closed.

        Returns:
            An event that is set when the Pong arrives.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            ConcurrencyError: a Ping with this data has no Pong yet.
            ValueError: data is too long.
        """
        payload = None if data is None else bytes_of(data)
        pong: threading.Event = self._send_control(lambda: self._ping(payload, ack_on_close))
        return pong

    def pong(self, data: str | Buffer = b"") -> None:
        """Send a Pong nobody asked for (RFC 6455, 5.5.3) of at most 125 bytes."""
        payload = bytes_of(data)
        self._send_control(lambda: (self.protocol.pong(payload), None))

    def _send_control(self, make: Any) -> Any:
        outbox = self._outbox
        outbox.lock.acquire()
        try:
            frame, made = make()
            outbox.pending.append(frame)
            outbox.delaying = 0
            outbox.send(b"")
        except (ConnectionClosed, OSError) as exc:
            failure = exc
        else:
            self._background.hurry()
            return made
        finally:
            self._release_outbox()
        self._raise_closed(failure)
        return None

    def _ping(self, data: bytes | None, ack_on_close: bool) -> tuple[bytes, threading.Event]:
        with self._mutex:
            if data is not None and data in self._pings:
                raise ConcurrencyError("already waiting for a pong with the same data")
            while data is None or data in self._pings:
                data = fresh_key()
            frame = self.protocol.ping(data)
            pong = threading.Event()
            self._pings[data] = pong, time.monotonic(), ack_on_close
        return frame, pong

    def _settle_pings(self, data: bytes) -> None:
        """A Pong acknowledges its Ping and all earlier ones (RFC 6455, 5.5.3)."""
        with self._mutex:
            if data not in self._pings:
                return
            now = time.monotonic()
            for sent in list(self._pings):
                pong, since, _ = self._pings.pop(sent)
                self.latency = now - since
                pong.set()
                if sent == data:
                    break
        self._background.wake()  # which may wait for it

    # The end.

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Close the connection and wait until it is closed; do nothing but wait if it is closing.

        Args:
            code: a status code that may be sent (RFC 6455, 7.4).
            reason: at most 123 bytes of UTF-8.

        Raises:
            ValueError: the code must not be sent, or the reason is too long.
        """
        close_body(code, reason)
        if self._protocol is None:
            self.close_socket()
            return
        if self._protocol.state is State.OPEN:
            timeout = self.close_timeout
            if self._outbox.lock.acquire(-1 if timeout is None else timeout):  # behind what others send
                try:
                    if self._protocol.fragmenting:
                        code, reason = CloseCode.INTERNAL_ERROR, "close during fragmented message"
                    self._start_closing(code, reason)
                finally:
                    self._release_outbox()
                self._flush_now()
            else:
                self._give_up()
        self._wait_for_end()
        self._background.join()

    def wait_closed(self, timeout: float | None = None) -> bool:
        """Wait until the connection is closed; return whether it is.

        Args:
            timeout: seconds to wait; None for no limit.
        """
        return self._background.join(timeout)

    def _close_soon(self, code: int, reason: str) -> None:
        """Begin to close the connection, as `close` does, without waiting for anything."""
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
        """Give the peer a while to take what is still to be sent, and to end the connection."""
        if self._close_deadline.rest() is None:
            self._close_deadline = Deadline(self.close_timeout)
            self._outbox.delaying = 0
            self._background.hurry()

    def _wait_for_end(self) -> None:
        """Read on until the connection is over."""
        while not self._ended:
            rest = self._close_deadline.rest()
            if rest == 0:
                self._give_up()
            elif self._reading.acquire(timeout=-1 if rest is None else rest):
                try:
                    if not self._ended:
                        self._read(self._close_deadline)
                except TimeoutError:
                    self._background.wake()
                finally:
                    self._reading.release()

    def _give_up(self) -> None:
        self._end(TimeoutError("timed out while closing connection"))

    def _enforce_close_timeout(self) -> None:
        """End a connection that takes too long to close."""
        if self._close_deadline.rest() == 0:
            self._give_up()

    def _end_if_due(self, protocol: Protocol) -> bool:
        """End the TCP connection if it is ours to end (RFC 6455, 7.1.1); return whether it has ended."""
        if protocol.ends_tcp and self._outbox.empty:
            self._end(None, lingers=protocol.error is not None)
        return self._ended

    def _end(self, cause: Exception | None, *, lingers: bool = False) -> None:
        """Take note that the TCP connection is over, or end it.

        Args:
            cause: what ended it, if that is an error.
            lingers: whether the peer is to get time to read what was sent.
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
        if self._outbox.lock.try_acquire():
            self.socket.say_goodbye()
            self._outbox.lock.release()
        if lingers:
            self.socket.half_close()
        else:
            self.socket.end_streams()
        self._background.wake()

    def close_socket(self) -> None:
        """End the TCP connection at once."""
        self._end(None)
        if self._protocol is None:
            self._release_socket()
        else:
            self._background.join()

    def _sending_failed(self, exc: OSError) -> None:
        """The peer takes no more: what it has sent before that may say why."""
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

    # What the opening handshake, the keep-alive and the background do.

    def _open(self, protocol: Protocol, rest: bytes) -> None:
        """Go on from a handshake that is done.

        Args:
            protocol: the connection without I/O.
            rest: the bytes that came behind the handshake.
        """
        self._protocol = protocol
        self._encode = protocol.send
        if rest:
            self._take(protocol, protocol.decoder.feed(rest, BUDGET))
        self._keepalive.start()
        self._background.start()

    @property
    def _is_open(self) -> bool:
        """Whether the connection is open, and nothing is wrong with what has arrived."""
        return self.protocol.state is State.OPEN and self.protocol.error is None

    @property
    def _has_failed(self) -> bool:
        """Whether a violation is to be told to the peer."""
        return self.protocol.error is not None and self.protocol.state is State.OPEN

    @property
    def _is_receiving(self) -> bool:
        """Whether a thread reads the socket, or is about to."""
        return (self._receiving.locked() and not self._between_parts) or self._reading.locked()

    @property
    def _is_full(self) -> bool:
        return self._high is not None and len(self._messages) > self._high

    @property
    def _has_room(self) -> bool:
        """Whether to read on: more messages may be stored, or will be dropped."""
        return not self._is_full or self.protocol.state is not State.OPEN

    def _read_now(self) -> None:
        """Read what there is, unless another thread reads."""
        if self._reading.acquire(False):
            try:
                if not self._ended:
                    self._read(Deadline(0))
            except TimeoutError:
                pass
            finally:
                self._reading.release()

    def _flush_now(self) -> None:
        """Send what is pending, as far as that needs no waiting."""
        try:
            self._outbox.flush_now()
        except OSError as exc:
            with self._mutex:
                if self._error is None:
                    self._error = exc
            self._outbox.pending.clear()
            self.socket.half_close()  # reading tells the rest

    def _send_keepalive(self) -> threading.Event:
        """Send a Ping of the keep-alive."""
        try:
            frame, pong = self._ping(None, True)
        except ConnectionClosed:
            pong = threading.Event()
            pong.set()
            return pong
        self._outbox.pending.append(frame)
        self._flush_now()
        self._background.hurry()
        return pong

    def _keepalive_failed(self) -> None:
        """Close: the peer was silent for too long."""
        self.logger.debug("keepalive ping timeout")
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


def _concurrent(what: str, running: str = "recv or recv_streaming") -> ConcurrencyError:
    return ConcurrencyError(f"cannot call {what} while another thread is already running {running}")
