"""Known messages, with the original code of a writer and sockets disabled."""

from __future__ import annotations

import zlib
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from ...._backend import mask
from ...._spec import DEFLATE_TAIL, FIN, RSV1, Opcode
from .._shared.proof import HELLO, MASKED_HELLO, check, original_code, reduced, run
from .bypassed import MODULE, WRITER
from .kinds import compresses, message_types, queue_class, writer_module

ORIGINAL_CODE = original_code("aiohttp")


class Text(int):
    """An opcode that aiohttp would combine with the other bits of a header."""

    def __ror__(self, other: object) -> int:
        return int(ORIGINAL_CODE())


class Bits:
    """A number of random bits that aiohttp would ask for."""

    def __index__(self) -> int:
        return int(ORIGINAL_CODE())


def prove() -> None:
    Writer = import_module(WRITER).WebSocketWriter
    written: list[bytes] = []
    generator = Writer.__init__.__kwdefaults__["random"]
    writer = SimpleNamespace(
        _output_size=0,
        get_random_bits=partial(generator.getrandbits, Bits()),
        transport=SimpleNamespace(is_closing=lambda: False, write=written.append),
        use_mask=False,
    )
    Writer._write_websocket_frame(writer, b"Hello", Text(Opcode.TEXT), 0)
    writer.use_mask = True
    Writer._write_websocket_frame(writer, b"Hello", Opcode.TEXT, 0)
    check_frames(written, writer._output_size)


def prove_client() -> None:
    response: Any = SimpleNamespace(connection=None)
    options = {"autoclose": True, "autoping": True, "loop": None}
    Socket = import_module("aiohttp.client_ws").ClientWebSocketResponse
    prove_socket(lambda queue, writer: Socket(queue, writer, None, response, None, **options))


def prove_server() -> None:
    prove_socket(lambda *_: import_module("aiohttp.web_ws").WebSocketResponse())


def prove_socket(make: Any) -> None:
    Message, Type = import_module(MODULE).WSMessage, message_types()
    Queue, Writer = queue_class(), writer_module().WebSocketWriter
    written: list[bytes] = []
    writer = Writer(None, SimpleNamespace(is_closing=lambda: False, write=written.append))
    writer.send_frame = writer.send = ORIGINAL_CODE
    queue = Queue(SimpleNamespace(_reading_paused=False), 100, loop=None)
    # The original code looks for more in it.
    socket = reduced(
        make(queue, writer),
        _closed=False,
        _closing=False,
        _heartbeat=None,
        _heartbeat_cb=None,
        _pong_response_cb=None,
        _reader=queue,
        _waiting=None,
        _writer=writer,
    )
    for receive in (socket.receive, socket.__anext__):
        queue.feed_data(Message(Type.TEXT, "Hello", ""), 5)
        run(socket.send_str(run(receive()).data))
        socket.receive = ORIGINAL_CODE
        writer.use_mask = True
    check_frames(written, writer._output_size)
    if not compresses():
        return
    writer.use_mask, writer.compress = False, 15
    run(socket.send_str("Hello"))
    first, size, *payload = written[-1]
    check(first == FIN | RSV1 | Opcode.TEXT and size == len(payload))
    check(zlib.decompressobj(-15).decompress(bytes(payload) + DEFLATE_TAIL) == b"Hello")


def check_frames(written: list[bytes], size: int) -> None:
    unmasked, masked = written
    check(unmasked == HELLO and masked[:2] == MASKED_HELLO[:2] and size == len(unmasked + masked))
    check(mask(masked[6:], masked[2:6]) == b"Hello")


def round_trip(data: bytes) -> tuple[Any, Any, bytes]:
    utils = import_module("aiohttp.compression_utils")
    backend = getattr(utils, "ZLibBackend", zlib)  # before 3.12
    compressor = utils.ZLibCompressor(level=backend.Z_BEST_SPEED, wbits=-backend.MAX_WBITS)
    decompressor = utils.ZLibDecompressor(suppress_deflate_header=True)
    deflated = compressor.compress_sync(data) + compressor.flush(backend.Z_SYNC_FLUSH)
    result = decompressor.decompress_sync(deflated, len(data))
    return compressor._compressor, decompressor._decompressor, result


def old_round_trip(data: bytes) -> tuple[Any, Any, bytes]:
    """For 3.8, which takes what compresses straight from zlib."""
    found = import_module(MODULE).zlib
    compressor = found.compressobj(level=zlib.Z_BEST_SPEED, wbits=-zlib.MAX_WBITS)
    decompressor = found.decompressobj(wbits=-zlib.MAX_WBITS)
    deflated = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return compressor, decompressor, decompressor.decompress(deflated, len(data))
