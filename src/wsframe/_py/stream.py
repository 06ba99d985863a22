"""What every message of a connection runs through: the way in, the queue it waits in, and the way out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from .coalescer import FIRST_NOW, LATER, LONG_AGO, NOW, Coalescer
from .encoder import encode_binary, encode_text

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .message_decoder import MessageDecoder

# Bytes of a message from which it is not compressed in one go.
LARGE = 2**18
# What the compressed messages may cost that are decoded in one go, in bytes inflated or the like.
DECODE_BUDGET = 2**18


class Stream(Coalescer):
    """The quick paths of a connection; its owner takes the slow ones.

    Received messages go to the listener, or wait here until they are popped.  What is sent in reply to
    the only message at hand leaves at once; what is sent in reply to many leaves in one write.
    """

    __slots__ = (
        "_queue",
        "_single",
        "backlog",
        "congested",
        "create_future",
        "decoder",
        "discarding",
        "heard",
        "high",
        "listener",
        "low",
        "masked",
        "plain",
        "reading",
        "senders",
        "view",
        "waiter",
    )

    def __init__(self) -> None:
        super().__init__()
        # In.
        self.decoder: MessageDecoder | None = None  # None while there is nothing to decode
        self.listener: Any = None  # whose on_message takes the messages, instead of the queue
        self.view: memoryview  # what the transport reads into
        self._queue: deque[Any] = deque()
        self.backlog = 0  # bytes read since the queue was last empty
        self.high = 0  # bytes of messages over which `read_no_more` is called
        self.low = -1  # how many queued messages to go down to before `caught_up` is called
        self.reading = True  # the transport reads
        self.create_future: Callable[[], Any]
        self.waiter: Any = None  # the future of the one who waits for a message
        self.discarding = False  # messages over the mark are dropped: the connection is closing
        self.heard = False  # bytes have arrived since the keep-alive looked
        # Out.
        self.masked = False
        self.plain = False  # messages are sent as they are: open, no extension, no fragments under way
        self.congested = False  # the transport asks us not to write
        self.senders = 0  # calls of `send` that are under way and not done at once
        self._single = False  # the read brought one message

    # What the owner has to do.

    def take_other(self, data: Buffer) -> None:
        """Take bytes while there is no decoder."""
        raise NotImplementedError

    def take_events(self, events: list[Any], size: int) -> None:
        """Take what so many bytes held: control frames among messages, or a violation behind them."""
        raise NotImplementedError

    def listener_failed(self) -> None:
        """The listener raised the exception that is being handled."""
        raise NotImplementedError

    def make_arrival(self) -> Any:
        """Set `waiter` and return it, or raise why no message will come; also where reading has stopped."""
        raise NotImplementedError

    def read_no_more(self) -> None:
        """Stop reading."""
        raise NotImplementedError

    def caught_up(self) -> None:
        """No more than `low` messages are queued."""
        raise NotImplementedError

    def send_slowly(self, message: Any) -> Coroutine[Any, Any, None]:
        """Return a coroutine that sends a message behind those of other senders, or in fragments or steps."""
        raise NotImplementedError

    def drain(self) -> Coroutine[Any, Any, None]:
        """Return a coroutine that waits until the peer has caught up."""
        raise NotImplementedError

    def finish_sends(self) -> None:
        """Send at once what `send_slowly` has begun or been given before."""
        raise NotImplementedError

    def may_queue(self, message: Any) -> bool:
        """Tell whether a message that nobody waits for may be sent to a peer that is behind."""
        raise NotImplementedError

    def decode_later(self) -> None:
        """Go on with `decode_more` when the application and the loop had their time."""
        raise NotImplementedError

    def frame_of(self, message: str | Buffer) -> bytes:
        """Write a message as the state of the connection demands, or refuse it."""
        raise NotImplementedError

    # The transport.

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.view

    def buffer_updated(self, nbytes: int) -> None:
        if not 0 <= nbytes <= len(self.view):
            raise ValueError("nbytes is out of range")
        self.receive(self.view[:nbytes])

    def readable(self) -> None:
        """Read from the socket."""
        raise NotImplementedError

    # Receiving.

    def receive(self, data: Buffer) -> None:
        """Take bytes from the peer."""
        self.heard = True
        if self.decoder is None:
            self.take_other(bytes(data))  # who takes it may keep it
        else:
            self._decode(self.decoder, data)

    def decode_more(self) -> None:
        """Decode more of what one read brought (see DECODE_BUDGET)."""
        if self.decoder is not None:
            self._decode(self.decoder, b"")

    def _decode(self, decoder: MessageDecoder, data: Buffer) -> None:
        controls, inflated = decoder.controls, decoder.inflated
        messages = decoder.feed(data, DECODE_BUDGET)
        size = len(data) + decoder.inflated - inflated  # type: ignore[arg-type]
        if decoder.controls != controls or decoder.error is not None:
            self.take_events(messages, size)
        elif self.listener is None:
            self.enqueue(messages, size)
        else:
            self.deliver(messages)
        if decoder.unread:
            self.decode_later()

    def deliver(self, messages: list[Any]) -> None:
        """Give messages to the listener; what it sends in reply to many leaves in one write."""
        self._single = len(messages) == 1 and not self.receiving
        if self._single:
            self._written = LONG_AGO  # another iteration of the loop
        self.receiving = True
        try:
            on_message = self.listener.on_message
            for message in messages:
                on_message(self, message)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            self.listener_failed()
        finally:
            self.receiving = self._single = False
            self.flush()

    def enqueue(self, messages: list[Any], size: int) -> None:
        """Queue the messages of a read of so many bytes; stop reading when there are too many."""
        self.backlog = self.backlog + size if self._queue else size
        self.fresh = True
        if self.discarding and self.backlog > self.high:
            if self.decoder is not None:
                self.decoder.skipping = True
            return
        self._queue.extend(messages)
        if self.backlog > self.high and self.low < 0 and self.queued > 1:
            self.low = self.queued // 4
            self.read_no_more()
        if messages:
            self.wake()

    @property
    def queued(self) -> int:
        """How many messages wait to be received."""
        return len(self._queue)

    def push(self, messages: Iterable[Any]) -> None:
        """Queue messages."""
        self._queue.extend(messages)

    def pop(self) -> str | bytes:
        """Take the next message; there must be one."""
        if not self._queue:
            raise IndexError("no message is queued")
        message: str | bytes = self._queue.popleft()
        if len(self._queue) <= self.low:
            self.low = -1
            self.caught_up()
        return message

    def arrival(self) -> Any:
        """Make the future that the next message sets, for the one who waits for it."""
        if self.decoder is None or self.waiter is not None or not self.reading:
            return self.make_arrival()
        self.waiter = waiter = self.create_future()
        return waiter

    def wake(self) -> None:
        """Let the one who waits go on."""
        waiter = self.waiter
        if waiter is not None:
            self.waiter = None
            if not waiter.done():
                waiter.set_result(None)

    # Sending.

    async def send(self, message: Any) -> None:
        """Send a message; to be awaited.

        Messages leave in the order in which their `send` was first awaited.  It waits while an earlier
        message is sent in fragments, and until the peer has caught up.  A large message is compressed
        bit by bit, with time for the loop in between, and leaves uncompressed if a sample does not shrink.

        Args:
            message: str for text, bytes-like for binary; an iterable or asynchronous iterable of
                one of them is sent as fragments.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            TypeError: the message is of another type, or its fragments are not all of one kind.
        """
        if (
            self.senders
            or not isinstance(message, (str, bytes, bytearray, memoryview))
            or (not self.plain and len(message) >= LARGE)
        ):
            await self.send_slowly(message)
            return
        self._send(message)
        if self.congested:
            await self.drain()

    def send_nowait(self, message: str | Buffer) -> None:
        """Send a message without waiting.

        A peer that does not read gets no more than `max_unsent` bytes queued (see `serve`).

        Args:
            message: str for text, bytes-like for binary.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            RuntimeError: a message is being sent in fragments.
            TypeError: the message is of another type.
        """
        if self.senders:
            self.finish_sends()
        if not self.congested or self.may_queue(message):
            self._send(message)

    def _send(self, message: str | Buffer) -> None:
        if not self.plain:
            frame = self.frame_of(message)
        elif isinstance(message, str):
            frame = encode_text(message, masked=self.masked)
        else:
            frame = encode_binary(message, masked=self.masked)
        self.write(frame)

    def write(self, frame: bytes) -> None:
        """Send a frame, now or with others at the end of this iteration of the loop."""
        when = FIRST_NOW
        if self.receiving:
            when = FIRST_NOW if self._single else LATER
        elif self._queue:
            when = LATER  # the replies to all messages at hand leave with the last
        elif self.fresh:
            self.fresh = False
            when = NOW
        self._put(frame, when)
