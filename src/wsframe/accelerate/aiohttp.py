"""aiohttp: how its WebSocketWriter, in Python, makes a frame. Its reader is compiled, and left alone.

Limits, waiting, compression and errors are where they were, in what calls this. The masking keys are drawn
from the operating system: those of aiohttp come from a generator that a forked child shares with its parent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, wraps
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from .._backend import encode_frame, fresh_key, mask
from .._spec import CONTROL, FIN, MAX_CONTROL_PAYLOAD, MAX_LENGTH_7, RSV1, Opcode
from ._host import Deflating, Host, Replacement
from ._known import HELLO, MASKED_HELLO
from ._own import require_own

__all__ = ["HOST"]

MODULE = "aiohttp._websocket.writer"
COMPRESSION = "aiohttp.compression_utils"
RSV_OF = {0: 0, RSV1: 4}  # as aiohttp counts the reserved bits, and as we do
# The headers of frames without a mask, by opcode and length.
SHORT: dict[int, list[bytes]] = {
    opcode: [bytes([FIN | opcode, size]) for size in range(MAX_LENGTH_7 + 1)] for opcode in Opcode
}


def _replacements() -> Iterable[Replacement]:
    Writer = import_module(MODULE).WebSocketWriter
    require_own(Writer, "_write_websocket_frame")
    yield Writer, "_write_websocket_frame", _write_websocket_frame(Writer)


def _write_websocket_frame(Writer: Any) -> Callable[..., None]:
    """Make `WebSocketWriter._write_websocket_frame`."""
    original = Writer._write_websocket_frame
    generator = Writer.__init__.__kwdefaults__["random"]  # who brings another wants keys of their own

    @wraps(original)
    def _write_websocket_frame(self: Any, message: Any, opcode: int, rsv: int) -> None:
        frame = None
        masked, size = self.use_mask, len(message)
        if (
            (masked or size <= MAX_LENGTH_7)
            and type(message) is bytes
            and opcode in SHORT
            and not self.transport.is_closing()
        ):
            if masked:
                bits = self.get_random_bits
                if (
                    type(bits) is partial
                    and getattr(bits.func, "__self__", None) is generator
                    and rsv in RSV_OF
                    and not (opcode & CONTROL and size > MAX_CONTROL_PAYLOAD)
                ):
                    frame = encode_frame(opcode, message, rsv=RSV_OF[rsv], mask_key=fresh_key())
            elif not rsv:
                frame = SHORT[opcode][size] + message
        if frame is None:
            original(self, message, opcode, rsv)
        else:
            self.transport.write(frame)
            self._output_size += len(frame)

    return _write_websocket_frame


def _prove() -> None:
    Writer = import_module(MODULE).WebSocketWriter
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
    plain, masked = written
    if (
        plain != HELLO
        or masked[:2] != MASKED_HELLO[:2]
        or mask(masked[6:], masked[2:6]) != b"Hello"
        or writer._output_size != len(plain + masked)
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
        raise RuntimeError("the code of aiohttp answered")


class _Bits:
    """A number of random bits that aiohttp would ask for."""

    def __index__(self) -> int:
        raise RuntimeError("the code of aiohttp answered")


HOST = Host(
    name="aiohttp",
    first=(3, 13, 2),
    below=(3, 15),
    modules=(MODULE,),
    replacements=_replacements,
    prove=_prove,
    # Where aiohttp.set_zlib_backend, its official way, puts what it is given.
    deflating=Deflating(module=COMPRESSION, round_trip=_round_trip, zlib="ZLibBackend._zlib_backend"),
)
