"""Sending: from a message to the bytes of a frame, and on to the socket.

When the socket takes a frame at once, it saves the buffer and the future of the write, and a task to wait for
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ...._backend import encode_frame, new_mask_key
from ...._spec import RSV1, Opcode
from ...host import Host
from .bypassed import FRAMING, KEYS, PROTOCOL_CLASS, SENDING, STREAM_CLASS
from .output import output_of
from .stream import WHOLE_WRITE_LIMIT, end_of_iteration, try_send_whole, written

DATA = Opcode.TEXT, Opcode.BINARY


def write_frame(original: Callable[..., Any], host: Host) -> Callable[..., Any]:
    watched, keys = host.watch(FRAMING, PROTOCOL_CLASS), host.watch(KEYS)

    def _write_frame(self: Any, fin: bool, opcode: int, data: bytes, flags: int = 0) -> Any:
        if opcode == Opcode.CLOSE:
            # tornado may close at once with bytes unread: the reset would drop what Nagle's algorithm holds.
            self.stream.set_nodelay(True)
        if (
            opcode not in DATA
            or flags & ~RSV1
            or type(data) is not bytes
            or not watched.holds(self)
            or (self.mask_outgoing and not keys.holds())
        ):
            return original(self, fin, opcode, data, flags)
        key = new_mask_key() if self.mask_outgoing else None
        frame = encode_frame(opcode, data, fin=fin, rsv=flags >> 4, mask_key=key)
        self._wire_bytes_out += len(frame)
        return self.stream.write(frame)

    return _write_frame


def write_message(original: Callable[..., Any], host: Host) -> Callable[..., Any]:
    from tornado import iostream
    from tornado.escape import utf8

    IOStream: Any = iostream.IOStream
    plain = host.watch(SENDING, PROTOCOL_CLASS, STREAM_CLASS)
    masked = host.watch(SENDING + KEYS, PROTOCOL_CLASS, STREAM_CLASS)
    running_loop = asyncio._get_running_loop

    def write_message(self: Any, message: Any, binary: bool = False) -> Any:
        stream = self.stream
        if (
            (type(message) is not str and type(message) is not bytes)
            or type(stream) is not IOStream
            or not (masked if self.mask_outgoing else plain).holds(self, stream)
            or stream.closed()
            or stream._write_buffer
            or stream._connecting
            or stream._close_callback is not None
            or stream.max_write_buffer_size is not None
            or stream.io_loop.asyncio_loop is not running_loop()
            or getattr(self._write_frame, "__func__", None) is not type(self)._write_frame
        ):
            return original(self, message, binary)
        data, bits = utf8(message), 0
        self._message_bytes_out += len(data)
        if self._compressor:
            data, bits = self._compressor.compress(data), RSV1 >> 4
        key = new_mask_key() if self.mask_outgoing else None
        frame = encode_frame(Opcode.BINARY if binary else Opcode.TEXT, data, rsv=bits, mask_key=key)
        self._wire_bytes_out += len(frame)
        output = output_of(stream)
        if output is not None:
            return output.send(frame)
        if len(frame) <= WHOLE_WRITE_LIMIT and try_send_whole(stream, frame):
            return end_of_iteration(stream.io_loop)
        return asyncio.ensure_future(written(stream.write(frame)))

    return write_message
