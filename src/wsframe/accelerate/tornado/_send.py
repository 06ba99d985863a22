"""Sending: from a message to the bytes of a frame, and on to the socket.

Besides the formatting this is left out when the socket takes a frame at once: the buffer and the future of
the write, and a task to wait for it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

from ..._backend import encode_frame, fresh_key
from ..._spec import RSV1, Opcode

# Who replaces it wants masking keys of their own.
URANDOM = os.urandom
DATA = Opcode.TEXT, Opcode.BINARY
MOST = 2**16  # bytes of a frame that the socket may well take whole


def write_frame() -> Callable[..., Any]:
    """Make `WebSocketProtocol13._write_frame`."""
    from tornado import websocket

    original = websocket.WebSocketProtocol13._write_frame
    system: ModuleType = vars(websocket)["os"]

    @wraps(original)
    def _write_frame(self: Any, fin: bool, opcode: int, data: bytes, flags: int = 0) -> Any:
        if (
            opcode not in DATA
            or flags & ~RSV1
            or type(data) is not bytes
            or (self.mask_outgoing and system.urandom is not URANDOM)
        ):
            return original(self, fin, opcode, data, flags)
        key = fresh_key() if self.mask_outgoing else None
        frame = encode_frame(opcode, data, fin=fin, rsv=flags >> 4, mask_key=key)
        self._wire_bytes_out += len(frame)
        return self.stream.write(frame)

    return _write_frame


def write_message(write_frame: Callable[..., Any]) -> Callable[..., Any]:
    """Make `WebSocketProtocol13.write_message`."""
    from tornado import iostream, websocket
    from tornado.escape import utf8

    original = websocket.WebSocketProtocol13.write_message
    system: ModuleType = vars(websocket)["os"]
    IOStream: Any = iostream.IOStream
    write = IOStream.write
    running_loop = asyncio._get_running_loop

    @wraps(original)
    def write_message(self: Any, message: Any, binary: bool = False) -> Any:
        stream = self.stream
        if (
            (type(message) is not str and type(message) is not bytes)
            or type(stream) is not IOStream
            or IOStream.write is not write
            or stream.closed()
            or stream._write_buffer
            or stream._connecting
            or stream._close_callback is not None
            or stream.max_write_buffer_size is not None
            or stream.io_loop.asyncio_loop is not running_loop()
            or (self.mask_outgoing and system.urandom is not URANDOM)
            or getattr(self._write_frame, "__func__", None) is not write_frame
        ):
            return original(self, message, binary)
        data, bits = utf8(message), 0
        self._message_bytes_out += len(data)
        if self._compressor:
            data, bits = self._compressor.compress(data), RSV1 >> 4
        key = fresh_key() if self.mask_outgoing else None
        frame = encode_frame(Opcode.BINARY if binary else Opcode.TEXT, data, rsv=bits, mask_key=key)
        self._wire_bytes_out += len(frame)
        if len(frame) <= MOST and sent_whole(stream, frame):
            return end_of_turn(stream.io_loop)
        return asyncio.ensure_future(written(stream.write(frame)))

    async def written(future: Any) -> None:
        try:
            await future
        except iostream.StreamClosedError:
            raise websocket.WebSocketClosedError()  # noqa: B904

    return write_message


def sent_whole(stream: Any, frame: bytes) -> bool:
    """Try to send a frame; what comes of it else is met by the stream when it writes next."""
    outcome: Any
    try:
        outcome = stream.socket.send(frame)
    except OSError as exc:
        outcome = exc
    if outcome == len(frame):
        stream._total_write_index += outcome
        stream._total_write_done_index += outcome
        return True

    def write_to_fd(data: Any) -> Any:
        nonlocal outcome
        del stream.write_to_fd, data
        if isinstance(outcome, int):
            return outcome
        try:
            raise outcome
        finally:
            outcome = None  # its traceback leads here

    stream.write_to_fd = write_to_fd
    return False


def end_of_turn(io_loop: Any) -> asyncio.Future[None]:
    """Make a future that is set in the next turn of the loop, when a task would be done."""
    future: asyncio.Future[None] = io_loop.asyncio_loop.create_future()
    waiting = vars(io_loop).setdefault("_wsframe_written", [])
    if not waiting:
        io_loop.asyncio_loop.call_soon(set_all, waiting)
    waiting.append(future)
    return future


def set_all(waiting: list[asyncio.Future[None]]) -> None:
    """Set the futures of a turn."""
    for future in waiting:
        if not future.done():
            future.set_result(None)
    waiting.clear()
