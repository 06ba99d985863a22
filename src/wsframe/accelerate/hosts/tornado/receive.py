"""Receiving: from the buffer of a stream to `_handle_message`.

It saves the parsing, four reads for each frame, a read that finds nothing, and removing the socket from the
selector and adding it again for each message.
"""

from __future__ import annotations

from asyncio import isfuture
from collections.abc import Callable, Coroutine
from typing import Any

from ...._backend import take_frame
from ...._spec import FIN, LENGTH, LENGTH_16, LENGTH_64, MAX_LENGTH_16, RSV1, Opcode
from ...host import Host
from .._shared.coalesce import OUTPUT
from .bypassed import PROTOCOL_CLASS, RECEIVING, STREAM_CLASS
from .output import join, release

ANY = 2**24  # bytes to ask for where all that has arrived is wanted
LAST_WAS_LARGE = "_wsframe_large"  # the attribute of a protocol: whether its last frame was large


def receive_frame(
    original: Callable[..., Coroutine[Any, Any, None]], host: Host
) -> Callable[..., Coroutine[Any, Any, None]]:
    from tornado import version_info
    from tornado.ioloop import IOLoop
    from tornado.iostream import IOStream, SSLIOStream

    streams, READ = (IOStream, SSLIOStream), IOLoop.READ
    keeps_what_was_read = version_info < (6, 3)
    watched = host.watch(RECEIVING, PROTOCOL_CLASS, STREAM_CLASS)
    plain = {FIN | opcode: int(opcode) for opcode in (Opcode.TEXT, Opcode.BINARY)}
    compressed = {first | bit: opcode for first, opcode in plain.items() for bit in (0, RSV1)}

    async def _receive_frame(self: Any) -> None:
        stream = self.stream
        # No `__dict__` here: CPython 3.11 and 3.12 look up attributes more slowly once it was asked for.
        if getattr(self, LAST_WAS_LARGE, False):
            # After a large frame the next one is usually large, too, and the fast path gains nothing for it.
            release(stream)
            before = self._wire_bytes_in
            await original(self)
            if self._wire_bytes_in - before <= MAX_LENGTH_16:
                setattr(self, LAST_WAS_LARGE, False)
            return
        if (
            type(stream) not in streams
            or stream._read_future is not None
            or stream._user_read_buffer
            or self._fragmented_message_buffer is not None
            or not watched.holds(self, stream)
            or getattr(self._read_bytes, "__func__", None) is not type(self)._read_bytes
        ):
            release(stream)
            await original(self)
            return
        if keeps_what_was_read:
            drop_what_was_read(stream)
        buffer = stream._read_buffer
        if not buffer:
            release(stream)
            # A read that takes all there is leaves the socket in the selector.
            data = await arrival(stream)
            if keeps_what_was_read:
                drop_what_was_read(stream)
            buffer = stream._read_buffer
            buffer[:0] = data
            stream._read_buffer_size += len(data)
        kinds = plain if self._decompressor is None else compressed
        first, size, most = buffer[0], len(buffer), self.params.max_message_size
        taken = None
        if first in kinds and (size <= most or (size > 1 and buffer[1] & LENGTH < LENGTH_16 <= most)):
            taken = take_frame(buffer, not self.mask_outgoing)
        if taken is None:
            release(stream)
            read_no_more(stream)
            if size > 1 and buffer[1] & LENGTH == LENGTH_64:
                setattr(self, LAST_WAS_LARGE, True)
            await original(self)
            return
        size -= len(buffer)
        stream._read_buffer_size -= size
        self._wire_bytes_in += size
        if kinds is compressed:
            self._frame_compressed = first & RSV1 != 0
        if buffer:
            read_no_more(stream)
        output = getattr(stream, OUTPUT, None)
        if (
            buffer
            and type(stream) is IOStream
            and not (output and (output._receiving or output.handler_is_awaited))
        ):
            join(stream)
        handled = self._handle_message(kinds[first], taken[1])
        if output is not None:
            output.handler_is_awaited = handled is not None
        if handled is not None:
            if not (isfuture(handled) and handled.done()):
                read_no_more(stream)
            release(stream)
            await handled

    def arrival(stream: Any) -> Any:
        """Wait for bytes."""
        if type(stream) is not IOStream or stream.closed() or not (stream._state or 0) & READ:
            return stream.read_bytes(ANY, partial=True)
        # The selector will report bytes: no need to try first.
        future = stream._start_read()
        stream._read_bytes, stream._read_partial = ANY, True
        return future

    def drop_what_was_read(stream: Any) -> None:
        """Remove the bytes before the next frame from the buffer."""
        if stream._read_buffer_pos:
            del stream._read_buffer[: stream._read_buffer_pos]
            stream._read_buffer_pos = 0

    def read_no_more(stream: Any) -> None:
        """Read no more, as tornado does while the application is busy."""
        if (stream._state or 0) & READ and stream._read_future is None:
            stream._state &= ~READ
            stream.io_loop.update_handler(stream.fileno(), stream._state)

    return _receive_frame
