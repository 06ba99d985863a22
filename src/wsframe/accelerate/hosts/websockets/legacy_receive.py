"""Receiving with websockets.legacy: from the transport to `recv`.

1. While the task that transfers data waits for the start of a frame, a read of whole messages goes from
   `data_received` straight to the queue, and `recv` is resumed; the task goes on waiting.
2. When a read has anything else (a control frame, a fragment, a part of a frame, a violation, or more than
   the queue has room for), the task is resumed, and does all of it, in order: the messages cut by then, and
   what the original code makes of the rest, which it finds in the reader as if nothing had been read before.
3. An error is raised in the task, where the original code handles it.
4. `recv` waits for a message itself, without the two futures and three loop iterations of `asyncio.wait`.
"""

from __future__ import annotations

from asyncio import StreamReader
from collections.abc import Callable
from functools import partial
from typing import Any

from ...._backend import Watch, cut_frames
from ...._spec import KEY_SIZE, LENGTH, LENGTH_16, LENGTH_64, MASKED, OPCODE, RSV1, Opcode
from ...host import Host
from .._shared.coalesce import OUTPUT, Output, output_of, received
from .._shared.frames import EXTENDED, WHOLE, limit_of
from . import HOST
from .bypassed import LEGACY_CLASS, LEGACY_RECEIVING
from .deflate import extension_of, inflate

receiving: Watch = HOST.watch(LEGACY_RECEIVING, LEGACY_CLASS)

TEXT, BINARY = Opcode.TEXT, Opcode.BINARY


class Waiter:
    """The future of a `recv` that waits: its result is set when a message is queued.

    When that `recv` is cancelled, so is the future it waits for; the task that transfers data does not expect
    that, and would fail the connection.
    """

    __slots__ = ("future",)

    def __init__(self, future: Any) -> None:
        self.future: Any = future

    def done(self) -> bool:
        done: bool = self.future.done()
        return done

    def set_result(self, result: None) -> None:
        if not self.future.done():
            self.future.set_result(result)


def data_received(original: Callable[..., None], _: Host) -> Callable[..., None]:
    def data_received(self: Any, data: bytes) -> None:
        if not (
            self._wsframe_idle and type(data) is bytes and is_waiting(self.reader) and takes_messages(self)
        ):
            original(self, data)
            return
        messages: list[str | bytes] = []
        failure: Exception | None = None
        end = len(data)
        try:
            end = cut_messages(self, data, room(self), messages)
        except Exception as exc:
            failure = exc
        if end == len(data) and failure is None:
            enqueue(self, messages)
            notify(self)
            return
        self._wsframe_left = messages, failure
        if failure is None:
            original(self, data[end:])
        else:
            self.reader._wakeup_waiter()

    return data_received


def read_message(original: Callable[..., Any], _: Host) -> Callable[..., Any]:
    async def read_message(self: Any) -> Any:
        reader = self.reader
        while takes_messages(self):
            buffer = reader._buffer
            if buffer:
                count = room(self)
                messages: list[str | bytes] = []
                try:
                    end = cut_messages(self, buffer, count if count is None or count > 1 else 1, messages)
                except Exception:
                    enqueue(self, messages)
                    notify(self)
                    raise
                if messages:
                    del buffer[:end]
                    reader._maybe_resume_transport()
                    last = messages.pop()
                    enqueue(self, messages)  # the caller puts the last one there, and notifies
                    return last
                if not is_begun(self, buffer):
                    break
            if reader._eof:
                break
            self._wsframe_idle = not buffer
            try:
                await reader._wait_for_data("readexactly")
            finally:
                self._wsframe_idle = False
                left, self._wsframe_left = self.__dict__.get("_wsframe_left"), None
            if left:
                enqueue(self, left[0])
                notify(self)
                if left[1] is not None:
                    raise left[1]
        return await original(self)

    return read_message


def recv(original: Callable[..., Any], _: Host) -> Callable[..., Any]:
    async def recv(self: Any) -> Any:
        messages = self.messages
        if not messages and receiving.holds(self):
            task = self.transfer_data_task
            if self._wsframe_task is not task:
                task.add_done_callback(partial(notify, self))
                self._wsframe_task = task
            while not messages and self._pop_message_waiter is None and not task.done():
                future = self.loop.create_future()
                self._pop_message_waiter = waiter = Waiter(future)
                try:
                    await future
                finally:
                    if self._pop_message_waiter is waiter:
                        self._pop_message_waiter = None
        if messages and self._pop_message_waiter is None:
            message = messages.popleft()
            if self._put_message_waiter is not None:
                self._put_message_waiter.set_result(None)
                self._put_message_waiter = None
            return message
        return await original(self)

    return recv


def is_waiting(reader: StreamReader) -> bool:
    """Tell whether the task that reads waits for data, and nothing has resumed it yet."""
    waiter = reader._waiter  # type: ignore[attr-defined]
    return waiter is not None and not waiter.done()


def takes_messages(self: Any) -> bool:
    """Tell whether messages may go straight from the reader of a connection to its queue."""
    return (
        not self.debug
        and receiving.holds(self)
        and type(self.reader) is StreamReader
        and self.reader.exception() is None
        and (not self.extensions or extension_of(self.extensions) is not None)
    )


def room(self: Any) -> int | None:
    """Count the messages that the queue has room for; None for any number."""
    most = self.max_queue
    return None if most is None else most - len(self.messages)


def cut_messages(self: Any, data: bytes | bytearray, count: int | None, messages: list[str | bytes]) -> int:
    """Cut whole messages of one frame each off the start of a buffer.

    Args:
        self: the connection.
        data: what has been received, from the start of a frame on.
        count: messages to cut at most; None for all.
        messages: the list they are appended to, also when the next one raises.

    Returns:
        Where in the buffer the first frame begins that was not cut.

    Raises:
        UnicodeDecodeError: a text is not UTF-8.
        ProtocolError: of websockets, for what is not deflate.
        PayloadTooBig: of websockets, for a compressed message.
    """
    most = self.max_size
    extension = self.extensions[0] if self.extensions else None
    frames, end = cut_frames(data, 0, not self.is_client, limit_of(most), first_bytes(self), count)
    for first, payload in frames:
        if first & RSV1:
            payload = inflate(extension, first & OPCODE, payload, most)
        messages.append(payload.decode() if first & OPCODE == TEXT else payload)
    return end


def is_begun(self: Any, buffer: bytearray) -> bool:
    """Tell whether a buffer is the first part of a frame that can be cut once the rest has been received."""
    masked = not self.is_client
    if buffer[0] not in first_bytes(self) or (len(buffer) > 1 and (buffer[1] & MASKED != 0) is not masked):
        return False
    length, size = (buffer[1] & LENGTH if len(buffer) > 1 else 0), 2
    if length >= LENGTH_16:
        size, least = (4, LENGTH_16) if length < LENGTH_64 else (10, 2**16)
        if len(buffer) < size:
            return True
        length = int.from_bytes(buffer[2:size], "big")
        if length < least:
            return False
    return length <= limit_of(self.max_size) and len(buffer) < size + KEY_SIZE * masked + length


def first_bytes(self: Any) -> bytes:
    """Return the bytes that a message of one frame may begin with."""
    return EXTENDED if self.extensions else WHOLE


def enqueue(self: Any, messages: list[str | bytes]) -> None:
    """Put messages of one read into the queue; the replies to several are coalesced."""
    if len(messages) > 1:
        output = output_for(self)
        if type(output) is Output:
            output.join()
    else:
        received(self)
    self.messages.extend(messages)


def output_for(self: Any) -> Any:
    """Return what the messages of a connection are written to."""
    transport, output = self.transport, self.__dict__.get(OUTPUT)
    if output is not None and (output.target is transport or output.flushing_transport is transport):
        return output
    # One of uvloop is replaced where it is kept. Another protocol might keep it, too.
    replaced = not hasattr(transport, "__dict__") and transport.get_protocol() is self
    return output_of(self, transport, self.loop, *(((self, "transport"),) if replaced else ()))


def notify(self: Any, task: Any = None) -> None:
    """Resume a `recv` that waits: there is a message, or there will be none since the task has ended."""
    waiter = self._pop_message_waiter
    if waiter is not None and (task is not None or self.messages):
        self._pop_message_waiter = None
        waiter.set_result(None)
