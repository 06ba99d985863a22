"""aiohttp: what its clients and servers send, and how they take what has arrived. Its compiled reader stays.

Limits, waiting, compression and errors are where they were. The masking keys are drawn from the operating
system: those of aiohttp come from a generator that a forked child shares with its parent.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from ...._backend import mask
from ...._spec import Opcode
from ...host import Deflating, Host, Part, Replacement
from .._shared.proof import HELLO, MASKED_HELLO, long_way, reduced, run
from .bypassed import SENDING

__all__ = ["HOST"]

MODELS, READER, WRITER = (f"aiohttp._websocket.{name}" for name in ("models", "reader", "writer"))
COMPRESSION = "aiohttp.compression_utils"
SOCKETS = {"aiohttp.client_ws": "ClientWebSocketResponse", "aiohttp.web_ws": "WebSocketResponse"}
LONG_WAY = long_way("aiohttp")


def _replacements() -> Iterable[Replacement]:
    from .frame import write_websocket_frame

    Writer = import_module(WRITER).WebSocketWriter
    yield Writer, "_write_websocket_frame", write_websocket_frame()


def _prove() -> None:
    Writer = import_module(WRITER).WebSocketWriter
    written: list[bytes] = []
    generator = Writer.__init__.__kwdefaults__["random"]
    writer = SimpleNamespace(
        _output_size=0,
        get_random_bits=partial(generator.getrandbits, _Bits()),
        transport=SimpleNamespace(is_closing=lambda: False, write=written.append),
        use_mask=False,
    )
    Writer._write_websocket_frame(writer, b"Hello", _Text(Opcode.TEXT), 0)
    writer.use_mask = True
    Writer._write_websocket_frame(writer, b"Hello", Opcode.TEXT, 0)
    _check(written, writer._output_size)


def _part(module: str) -> Part:
    """What a client or a server has of its own."""

    def replacements() -> Iterable[Replacement]:
        from . import receive, send

        Socket = getattr(import_module(module), SOCKETS[module])
        for name, method in receive.receive_methods(Socket).items():
            yield Socket, name, method
        yield Socket, "send_str", send.send_str(Socket)
        yield Socket, "send_bytes", send.send_bytes(Socket)

    def prove() -> None:
        Socket, models = getattr(import_module(module), SOCKETS[module]), import_module(MODELS)
        Queue, Writer = import_module(READER).WebSocketDataQueue, import_module(WRITER).WebSocketWriter
        written: list[bytes] = []
        transport = SimpleNamespace(is_closing=lambda: False, write=written.append)
        writer = Writer(None, transport)
        writer.send_frame = LONG_WAY
        queue = Queue(SimpleNamespace(_reading_paused=False), 100, loop=None)
        made = Socket() if module == "aiohttp.web_ws" else _client(Socket, queue, writer)
        # The code of aiohttp looks for more in it.
        socket = reduced(made, _closed=False, _closing=False, _reader=queue, _waiting=False, _writer=writer)
        for receive in (socket.receive, socket.__anext__):
            queue.feed_data(models.WSMessage(models.WSMsgType.TEXT, "Hello", ""), 5)
            run(_echo(receive, socket.send_str))
            socket.receive = LONG_WAY
            writer.use_mask = True
        _check(written, writer._output_size)

    return Part(
        modules=(MODELS, READER, WRITER, module), replacements=replacements, prove=prove, passes_by=SENDING
    )


def _client(Socket: Any, queue: Any, writer: Any) -> Any:
    """Make a client, with the arguments that it gets from a session."""
    response: Any = SimpleNamespace(connection=None)
    return Socket(queue, writer, None, response, None, autoclose=True, autoping=True, loop=None)


async def _echo(receive: Any, send: Any) -> None:
    await send((await receive()).data)


def _check(written: list[bytes], size: int) -> None:
    plain, masked = written
    if (
        plain != HELLO
        or masked[:2] != MASKED_HELLO[:2]
        or mask(masked[6:], masked[2:6]) != b"Hello"
        or size != len(plain + masked)
    ):
        raise RuntimeError("a wrong answer")


def _round_trip(data: bytes) -> tuple[Any, Any, bytes]:
    utils = import_module(COMPRESSION)
    backend = utils.ZLibBackend
    compressor = utils.ZLibCompressor(level=backend.Z_BEST_SPEED, wbits=-backend.MAX_WBITS)
    decompressor = utils.ZLibDecompressor(suppress_deflate_header=True)
    deflated = compressor.compress_sync(data) + compressor.flush(backend.Z_SYNC_FLUSH)
    answer = decompressor.decompress_sync(deflated, len(data))
    return compressor._compressor, decompressor._decompressor, answer


class _Text(int):
    """An opcode that aiohttp would combine with the other bits of a header."""

    def __ror__(self, other: object) -> int:
        return int(LONG_WAY())


class _Bits:
    """A number of random bits that aiohttp would ask for."""

    def __index__(self) -> int:
        return int(LONG_WAY())


HOST = Host(
    name="aiohttp",
    first=(3, 13, 2),
    below=(3, 15),
    modules=(WRITER,),
    replacements=_replacements,
    prove=_prove,
    passes_by=SENDING,
    parts=tuple(map(_part, SOCKETS)),
    coalesces=True,
    # Where aiohttp.set_zlib_backend, its official way, puts what it is given.
    deflating=Deflating(module=COMPRESSION, round_trip=_round_trip, zlib="ZLibBackend._zlib_backend"),
)
