"""The receiving side of an endpoint: from the bytes of a read to the listener or the queue."""

# Rules of a Receiver and of the Stream on top of it.
#
# 1. Only the thread of the event loop calls them; `_pop` alone is safe from several threads (free threading).
# 2. `_decoder` is None before the handshake is done, after a violation, and after the connection is lost;
#    bytes then go to `_receive_undecoded`. It never goes from None to a decoder after it was one.
# 3. A message is either given to `_listener` or queued, never both. It is queued before `_waiter` is done.
# 4. `_waiter` belongs to the only call that waits for a message. It is never done with None while the
#    queue is empty, unless the connection has ended.
# 5. `_resume_at_queued` is -1 unless reading is paused because `_backlog` is over `_high_water`, or more than
#    `_high_water_queued` messages are queued; when `_pop` leaves no more messages than that, it calls
#    `_resume_reading` once.
# 6. The decoder may have unread bytes only after `_decode_later` was called; `_decode_more` decodes them.
#    New bytes are decoded after them, never before.
# 7. `_read_buffer` is not replaced while bytes in it are being decoded. Hooks are called with a copy.
# 8. `_receiving` is set while the listener is called and while the control frames of a read are processed;
#    then the pending writes are flushed.
# 9. The task that waits for the messages of a read of the socket or the transport is run at the end of that
#    callback (see Waiter), when nothing of the read is left to do.

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .._spec import Fragment
from .coalescer import LONG_AGO, Coalescer
from .waiter import Waiter

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .message_decoder import MessageDecoder

# The limit of what one call decodes of compressed messages, in units of `MessageDecoder.inflated`.
DECODE_BUDGET = 2**18


class Receiver(Coalescer):
    """Decodes the bytes of a connection, and gives the messages to its listener or queues them."""

    __slots__ = (
        "_backlog",
        "_bytes_received",
        "_decoder",
        "_drop_excess",
        "_high_water",
        "_high_water_queued",
        "_listener",
        "_loop",
        "_resume_at_queued",
        "_max_resume_at",
        "_messages_received",
        "_queue",
        "_read_buffer",
        "_reading",
        "_reads_in_progress",
        "_received_since_check",
        "_single_message",
        "_waiter",
        "_ready_waiter",
    )

    def __init__(self) -> None:
        super().__init__()
        self._decoder: MessageDecoder | None = None  # None while there is nothing to decode
        self._listener: Any = None  # its `on_message` gets the messages instead of the queue
        self._read_buffer: memoryview  # the memory that the transport reads into
        self._queue: deque[Any] = deque()
        self._backlog = 0  # bytes read since the queue was last empty
        self._high_water = 0  # bytes of backlog over which `_pause_reading` is called
        self._high_water_queued = sys.maxsize  # length of the queue over which `_pause_reading` is called
        self._max_resume_at = sys.maxsize  # upper limit of `_resume_at_queued`
        self._resume_at_queued = -1  # length of the queue at which to call `_resume_reading`, or -1
        self._reading = True  # the transport reads
        self._reads_in_progress = 0  # calls that decode bytes of the buffer
        self._loop: Any = None
        self._waiter: Waiter | None = None  # of the call that waits for a message
        self._ready_waiter: Waiter | None = None  # it was `_waiter`: its task runs at the end of the read
        self._drop_excess = False  # closing: drop messages over the high-water mark
        self._received_since_check = False  # bytes have arrived since the last check of the keep-alive
        self._single_message = False  # the listener has the only message of a read
        self._messages_received = 0  # whole messages and last fragments
        self._bytes_received = 0  # of frames

    # What a subclass has to do.

    def _receive_undecoded(self, data: Buffer) -> None:
        """Process bytes that arrive while there is no decoder."""
        raise NotImplementedError

    def _receive_events(self, events: list[Any], size: int) -> None:
        """Process the control frames and messages of `size` bytes; a violation may follow them."""
        raise NotImplementedError

    def _listener_failed(self) -> None:
        """Handle the current exception, which the listener raised."""
        raise NotImplementedError

    def _make_waiter(self) -> Any:
        """Set `_waiter` and return it, or raise the reason why no message will arrive."""
        raise NotImplementedError

    def _pause_reading(self) -> None:
        """Pause reading: the backlog is over the high-water mark."""
        raise NotImplementedError

    def _resume_reading(self) -> None:
        """Resume decoding and reading: no more than `_resume_at_queued` messages are queued."""
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
        self._reads_in_progress += 1
        try:
            self._receive(self._read_buffer[:nbytes])
        finally:
            self._reads_in_progress -= 1
            self._resume_woken()

    def _read_ready(self) -> None:
        """Read from the socket."""
        raise NotImplementedError

    # Receiving.

    def _receive(self, data: Buffer) -> None:
        """Process bytes from the peer."""
        self._received_since_check = True
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
        size: int = len(data)  # type: ignore[arg-type]
        self._bytes_received += size
        self._messages_received += len(messages)
        size += decoder.inflated - inflated
        if decoder.controls != controls or decoder.error is not None:
            self._messages_received += _last_fragments(messages) - (decoder.controls - controls)
            self._receive_events(messages, size)
        elif self._listener is None:
            self._enqueue(messages, size)
        else:
            self._deliver(messages)
        if decoder.unread:
            self._decode_later()

    def _deliver(self, messages: list[Any]) -> None:
        """Call the listener with messages; its replies to more than one are coalesced."""
        self._single_message = len(messages) == 1 and not self._receiving
        if self._single_message:
            self._last_write_at = LONG_AGO  # a new loop iteration
        self._receiving = True
        try:
            on_message = self._listener.on_message
            for message in messages:
                on_message(self, message)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            self._listener_failed()
        finally:
            self._receiving = self._single_message = False
            self.flush()

    def _enqueue(self, messages: list[Any], size: int) -> None:
        """Queue the messages of a read of `size` bytes; pause reading above a high-water mark."""
        self._backlog = self._backlog + size if self._queue else size
        self._next_is_reply = True
        if self._drop_excess and self._backlog > self._high_water:
            if self._decoder is not None:
                self._decoder.skipping = True
            return
        self._queue.extend(messages)
        over_high_water = self._backlog > self._high_water and self._queued > 1
        if (over_high_water or self._queued > self._high_water_queued) and self._resume_at_queued < 0:
            self._resume_at_queued = min(
                self._queued // 4 if over_high_water else sys.maxsize, self._max_resume_at
            )
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
        if len(self._queue) <= self._resume_at_queued:
            self._resume_at_queued = -1
            self._resume_reading()
        return message

    def _message_waiter(self) -> Any:
        """Return a waiter that is done when a message is queued."""
        if self._decoder is None or self._waiter is not None or not self._reading:
            return self._make_waiter()
        self._waiter = waiter = Waiter(self._loop)
        return waiter

    def _wakeup_waiter(self) -> None:
        """Wake up the call that waits for a message."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if self._reads_in_progress:
                self._ready_waiter = waiter
            else:
                waiter.set_result(None)

    def _resume_woken(self) -> None:
        """Run the task that the messages of a read have woken up."""
        waiter = self._ready_waiter
        if waiter is not None:
            self._ready_waiter = None
            waiter.resume()


def _last_fragments(events: list[Any]) -> int:
    """Return how many of the events end a message in fragments."""
    return sum(type(event) is Fragment and event.final for event in events)
