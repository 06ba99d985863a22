"""The coalesced frames of a stream: replies to the messages of one read, and other messages.

They are pending while these messages are handled one after the other, until a handler waits, other code
writes to the stream or closes it, or a time limit is over.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

from .._shared.coalesce import ENABLED, OUTPUT, Output
from .stream import WHOLE_WRITE_LIMIT, end_of_iteration, set_later, try_send_whole, written


def output_of(stream: Any) -> StreamOutput | None:
    """Return the output of a stream without TLS; None where writes are not coalesced."""
    output: StreamOutput | None = vars(stream).get(OUTPUT)
    if output is None and ENABLED and "write" not in vars(stream):
        output = vars(stream)[OUTPUT] = StreamOutput(stream)
    return output


def join(stream: Any) -> None:
    """Coalesce the frames from now on."""
    output = output_of(stream)
    if output is not None:
        output.join()


def release(stream: Any) -> None:
    """Flush, and coalesce no longer."""
    output = getattr(stream, OUTPUT, None)
    if output is not None and (output._receiving or output._pending_size):
        output.release()


class StreamTransport:
    """A stream with the methods of a transport that a coalescer calls."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def get_write_buffer_size(self) -> int:
        return len(self._stream._write_buffer or b"")

    def is_closing(self) -> bool:
        closed: bool = self._stream.closed()
        return closed


class StreamOutput(Output):
    """The coalescer of one stream."""

    flushing: tuple[str, ...] = ("close", "write")
    joins_others = False
    # Whether tornado awaited the last `on_message`, with its `write_message`: the next message is handled
    # only when that is done, so there is nothing to coalesce.
    handler_is_awaited = False

    def __init__(self, stream: Any) -> None:
        super().__init__(StreamTransport(stream), stream.io_loop.asyncio_loop, attributes=vars(stream))
        self.target = stream
        self._task: asyncio.Future[None] | None = None  # of what the stream has to write
        self._futures: list[asyncio.Future[None]] = []  # of what is pending
        if type(stream.socket) is socket.socket and sys.platform != "win32":
            self._use_socket(stream.socket.fileno(), False)

    def send(self, frame: bytes) -> asyncio.Future[None]:
        """Send a frame; the future tells that it was written."""
        self._task = None
        if len(frame) > WHOLE_WRITE_LIMIT:
            self.flush()
            self._pass_on(frame)
        else:
            self.write(frame)
        future: asyncio.Future[None]
        if self._pending_size:
            future = self.target.io_loop.asyncio_loop.create_future()
            self._futures.append(future)
        else:
            future = self._task or end_of_iteration(self.target.io_loop)
        return future

    def _stop_intercepting(self) -> None:
        super()._stop_intercepting()
        futures, self._futures = self._futures, []
        if futures:
            set_later(self.target.io_loop, futures)

    def _pass_on(self, data: Any) -> None:
        stream = self.target
        if not stream._write_buffer and len(data) <= WHOLE_WRITE_LIMIT and try_send_whole(stream, data):
            return
        self._task = asyncio.ensure_future(written(self.ask("write", data)))
        if not self._pending_size:  # what was pending is in this write
            futures, self._futures = self._futures, []
            self._task.add_done_callback(partial(_report_to, futures))


def _report_to(futures: Iterable[asyncio.Future[None]], task: asyncio.Future[None]) -> None:
    """Set the futures of the frames of a write as it ended."""
    exc = asyncio.CancelledError() if task.cancelled() else task.exception()
    for future in futures:
        if future.done():
            continue
        if exc is None:
            future.set_result(None)
        else:
            future.set_exception(exc)
            future.exception()  # retrieved: no warning when nobody waits for it
