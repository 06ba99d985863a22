"""The receiving side of an endpoint: from the bytes of a read to the listener or the queue."""

# Rules of a Receiver and of the Stream on top of it.
#
# 1. Only the thread of the event loop calls them; `_pop` alone is safe from several threads (free threading).
# 2. `_decoder` is None before the handshake is done, after a violation, and after the connection is lost;
#    bytes then go to `_receive_undecoded`. It never goes from None to a decoder after it was one.
# 3. A message is either given to `_listener` or queued, never both. It is queued before `_waiter` is done.
# 4. `_waiter` is the future of the only call that waits for a message. It is never done with None while the
#    queue is empty, unless the connection has ended.
# 5. `_low_water_messages` is -1 unless reading is paused because `_backlog` is over `_high_water`, or more
#    than `_high_water_messages` are queued; popping down to it calls `_low_water_reached` once.
# 6. The decoder may have unread bytes only after `_decode_later` was called; `_decode_more` goes on with
#    them. New bytes are decoded behind them, never before.
# 7. `_read_buffer` is not replaced while bytes in it are decoded. Whoever is called with bytes gets a copy.
# 8. `receiving` is set while the listener is called, or the control frames of a read are processed; the end
#    of that flushes.

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .coalescer import LONG_AGO, Coalescer

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .message_decoder import MessageDecoder

# What one call decodes of compressed messages at most, in units of `MessageDecoder.inflated`.
DECODE_BUDGET = 2**18


class Receiver(Coalescer):
    """Decodes the bytes of a connection, and gives the messages to its listener or queues them."""

    __slots__ = (
        "_backlog",
        "_create_future",
        "_decoder",
        "_discarding",
        "_high_water",
        "_high_water_messages",
        "_listener",
        "_low_water_messages",
        "_low_water_most",
        "_queue",
        "_read_buffer",
        "_reading",
        "_received_any",
        "_single_message",
        "_waiter",
    )

    def __init__(self) -> None:
        super().__init__()
        self._decoder: MessageDecoder | None = None  # None while there is nothing to decode
        self._listener: Any = None  # whose on_message takes the messages, instead of the queue
        self._read_buffer: memoryview  # the memory that the transport reads into
        self._queue: deque[Any] = deque()
        self._backlog = 0  # bytes read since the queue was last empty
        self._high_water = 0  # bytes of backlog over which `_pause_reading` is called
        self._high_water_messages = sys.maxsize  # queued messages over which it is called, too
        self._low_water_most = sys.maxsize  # that `_low_water_messages` is set to
        self._low_water_messages = -1  # queued messages at which `_low_water_reached` is called, or -1
        self._reading = True  # the transport reads
        self._create_future: Callable[[], Any]
        self._waiter: Any = None  # the future of the call that waits for a message
        self._discarding = False  # messages over the high-water mark are dropped: the connection is closing
        self._received_any = False  # bytes have arrived since the keep-alive looked
        self._single_message = False  # the listener has the only message of a read

    # What a subclass has to do.

    def _receive_undecoded(self, data: Buffer) -> None:
        """Process bytes that arrive while there is no decoder."""
        raise NotImplementedError

    def _receive_events(self, events: list[Any], size: int) -> None:
        """Process what `size` bytes held: control frames and messages, perhaps before a violation."""
        raise NotImplementedError

    def _listener_failed(self) -> None:
        """The listener raised the exception that is being handled."""
        raise NotImplementedError

    def _make_waiter(self) -> Any:
        """Set `_waiter` and return it, or raise why no message will come; for `_message_waiter`."""
        raise NotImplementedError

    def _pause_reading(self) -> None:
        """Pause reading: the backlog is over the high-water mark."""
        raise NotImplementedError

    def _low_water_reached(self) -> None:
        """No more than `_low_water_messages` messages are queued: reading may resume."""
        raise NotImplementedError

    def _decode_later(self) -> None:
        """Schedule `_decode_more` for a later loop iteration."""
        raise NotImplementedError

    # The transport.

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        if not 0 <= nbytes <= len(self._read_buffer):
            raise ValueError("nbytes is out of range")
        self._receive(self._read_buffer[:nbytes])

    def _read_ready(self) -> None:
        """Read from the socket."""
        raise NotImplementedError

    # Receiving.

    def _receive(self, data: Buffer) -> None:
        """Process bytes from the peer."""
        self._received_any = True
        if self._decoder is None:
            self._receive_undecoded(bytes(data))  # a copy
        else:
            self._decode_bytes(self._decoder, data)

    def _decode_more(self) -> None:
        """Decode more of the unread bytes (see DECODE_BUDGET)."""
        if self._decoder is not None:
            self._decode_bytes(self._decoder, b"")

    def _decode_bytes(self, decoder: MessageDecoder, data: Buffer) -> None:
        controls, inflated = decoder.controls, decoder.inflated
        messages = decoder.feed(data, DECODE_BUDGET)
        size = len(data) + decoder.inflated - inflated  # type: ignore[arg-type]
        if decoder.controls != controls or decoder.error is not None:
            self._receive_events(messages, size)
        elif self._listener is None:
            self._enqueue(messages, size)
        else:
            self._deliver(messages)
        if decoder.unread:
            self._decode_later()

    def _deliver(self, messages: list[Any]) -> None:
        """Call the listener with messages; its replies to more than one are coalesced."""
        self._single_message = len(messages) == 1 and not self.receiving
        if self._single_message:
            self._written = LONG_AGO  # another iteration of the loop
        self.receiving = True
        try:
            on_message = self._listener.on_message
            for message in messages:
                on_message(self, message)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            self._listener_failed()
        finally:
            self.receiving = self._single_message = False
            self.flush()

    def _enqueue(self, messages: list[Any], size: int) -> None:
        """Queue the messages of a read of `size` bytes; pause reading above a high-water mark."""
        self._backlog = self._backlog + size if self._queue else size
        self.replies_next = True
        if self._discarding and self._backlog > self._high_water:
            if self._decoder is not None:
                self._decoder.skipping = True
            return
        self._queue.extend(messages)
        over = self._backlog > self._high_water and self._queued > 1
        if (over or self._queued > self._high_water_messages) and self._low_water_messages < 0:
            self._low_water_messages = min(self._queued // 4 if over else sys.maxsize, self._low_water_most)
            self._pause_reading()
        if messages:
            self._wakeup_waiter()

    @property
    def _queued(self) -> int:
        """How many messages are queued."""
        return len(self._queue)

    def _push(self, messages: Iterable[Any]) -> None:
        """Queue messages."""
        self._queue.extend(messages)

    def _pop(self) -> str | bytes:
        """Remove and return the next message; there must be one."""
        if not self._queue:
            raise IndexError("no message is queued")
        message: str | bytes = self._queue.popleft()
        if len(self._queue) <= self._low_water_messages:
            self._low_water_messages = -1
            self._low_water_reached()
        return message

    def _message_waiter(self) -> Any:
        """Return a future that is done when a message is queued."""
        if self._decoder is None or self._waiter is not None or not self._reading:
            return self._make_waiter()
        self._waiter = waiter = self._create_future()
        return waiter

    def _wakeup_waiter(self) -> None:
        """Set the result of the future that waits for a message."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
