"""Known messages, with the original code of a stream disabled."""

from __future__ import annotations

from importlib import import_module
from socket import socketpair
from types import SimpleNamespace
from typing import Any

from ...._spec import Opcode
from .._shared.proof import HELLO, MASKED_HELLO, alter, check, original_code, private_loop, run
from .bypassed import MODULE

ORIGINAL_CODE = original_code("tornado")


def prove() -> None:
    websocket, iostream = import_module(MODULE), import_module("tornado.iostream")
    received: list[Any] = []
    near, far = socketpair()
    with private_loop(), near, far:  # tornado's constructor finds that loop
        far.settimeout(1)
        stream = iostream.IOStream(near)
        alter(
            stream,
            _read_buffer=bytearray(MASKED_HELLO),
            _read_buffer_size=len(MASKED_HELLO),
            read_bytes=ORIGINAL_CODE,
            write=ORIGINAL_CODE,
        )
        handler = SimpleNamespace(log_exception=ORIGINAL_CODE, on_message=received.append)
        protocol = websocket.WebSocketProtocol13(handler, False, websocket._WebSocketParams())
        alter(protocol, stream=stream)
        run(protocol._receive_frame())
        written = protocol.write_message("Hello")
        sent = far.recv(100)
        alter(stream, write=near.send)
        protocol._write_frame(True, Opcode.TEXT, b"Hello")
        sent += far.recv(100)
        stream.io_loop.close()
    sizes = protocol._wire_bytes_in, protocol._wire_bytes_out, stream._read_buffer_size
    check(received == ["Hello"] and sent == HELLO * 2 and not written.done())
    check(sizes == (len(MASKED_HELLO), len(HELLO) * 2, 0))


def round_trip(data: bytes) -> tuple[Any, Any, bytes]:
    websocket = import_module(MODULE)
    compressor = websocket._PerMessageDeflateCompressor(True, None)
    decompressor = websocket._PerMessageDeflateDecompressor(True, None, len(data))
    result = decompressor.decompress(compressor.compress(data))
    return compressor._compressor, decompressor._decompressor, result
