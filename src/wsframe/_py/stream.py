"""What every message of a connection runs through: the queue it waits in, and the way out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable
from typing import TYPE_CHECKING, Any

from .encoder import encode_binary, encode_text

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Bytes that wait for the end of the loop's turn at most before they are written.
CORK_SIZE = 2**16


class Done(Coroutine[Any, Any, None]):
    """What was done when it was asked for: awaiting it does nothing, and a task accepts it."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, None]:
        return self

    def __iter__(self) -> Done:
        return self

    def __next__(self) -> None:
        raise StopIteration

    def send(self, value: Any) -> None:
        raise StopIteration

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> None:
        raise kind

    def close(self) -> None:
        pass


DONE = Done()


class Stream:
    """The quick paths of a connection; its owner takes the slow ones.

    Received messages wait here until they are popped.  What is sent in answer to the only message
    at hand goes straight to the transport; all else of a turn of the loop leaves in one write.
    """

    __slots__ = (
        "_cork",
        "_corked",
        "_queue",
        "call_soon",
        "congested",
        "fresh",
        "low",
        "masked",
        "plain",
        "receiving",
        "transport_write",
    )

    def __init__(self) -> None:
        self._queue: deque[str | bytes] = deque()
        self._cork: list[bytes] = []
        self._corked = 0
        self.call_soon: Callable[..., Any]
        self.transport_write: Callable[[bytes], object]
        self.masked = False
        self.plain = False  # messages are sent as they are: open, no extension, no fragments under way
        self.congested = False  # the transport asks us not to write
        self.fresh = False  # nothing was sent since the last read
        self.receiving = False  # inside a read: what is sent waits for its end
        self.low = -1  # how many queued messages to go down to before `caught_up` is called

    # What the owner has to do.

    def send_later(self, message: Any) -> Coroutine[Any, Any, None]:
        """Send what is no plain message, or wait for the peer to catch up first."""
        raise NotImplementedError

    def frame_of(self, message: str | Buffer) -> bytes:
        """Write a message as the state of the connection demands, or refuse it."""
        raise NotImplementedError

    def caught_up(self) -> None:
        """No more than `low` messages are queued."""
        raise NotImplementedError

    # Receiving.

    @property
    def queued(self) -> int:
        """How many messages wait to be received."""
        return len(self._queue)

    def push(self, messages: Iterable[str | bytes]) -> None:
        """Queue messages."""
        self._queue.extend(messages)

    def pop(self) -> str | bytes:
        """Take the next message; there must be one."""
        if not self._queue:
            raise IndexError("no message is queued")
        message = self._queue.popleft()
        if len(self._queue) <= self.low:
            self.low = -1
            self.caught_up()
        return message

    # Sending.

    def send(self, message: Any) -> Coroutine[Any, Any, None]:
        """Send a message.

        Args:
            message: str for text, bytes-like for binary; an iterable or asynchronous iterable of
                one of them is sent as fragments.

        Returns:
            What is to be awaited; it waits only when the peer does not keep up.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            TypeError: the message is of another type.
        """
        if self.congested or not isinstance(message, (str, bytes, bytearray, memoryview)):
            return self.send_later(message)
        self.send_nowait(message)
        return DONE

    def send_nowait(self, message: str | Buffer) -> None:
        """Send a message without waiting, however far behind the peer is (see `congested`).

        Args:
            message: str for text, bytes-like for binary.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            TypeError: the message is of another type.
        """
        if not self.plain:
            frame = self.frame_of(message)
        elif isinstance(message, str):
            frame = encode_text(message, masked=self.masked)
        else:
            frame = encode_binary(message, masked=self.masked)
        self.write(frame)

    def write(self, frame: bytes) -> None:
        """Send a frame, now or with others at the end of this turn of the loop."""
        if not self._cork:
            if self.fresh and not self.receiving and not self._queue:
                self.fresh = False
                self.transport_write(frame)
                return
            if not self.receiving:
                self.call_soon(self.flush)
        self._cork.append(frame)
        self._corked += len(frame)
        if self._corked > CORK_SIZE or (self.fresh and not self.receiving and not self._queue):
            self.fresh = False
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._cork:
            data = b"".join(self._cork)
            self.discard()
            self.transport_write(data)

    def discard(self) -> None:
        """Forget what waits to be written."""
        self._cork.clear()
        self._corked = 0
