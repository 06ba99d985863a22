"""Sending: from a message to the transport, without the coroutine `send_frame` and the steps of a frame."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sized
from functools import partial
from importlib import import_module
from typing import Any
from zlib import Z_FULL_FLUSH, Z_SYNC_FLUSH

from ...._backend import encode_binary, encode_deflated, encode_frame, encode_text, new_mask_key
from ...._spec import CONTROL, FIN, MAX_CONTROL_PAYLOAD, MAX_LENGTH_7, RSV1, Opcode
from ...host import Host
from ...ownership import Bypassed
from .._shared.coalesce import OUTPUT, output_of
from .bypassed import DEFLATING, LOCKED_DEFLATING, OLD_DEFLATING, OLD_SENDING, SENDING
from .kinds import compresses, compressor_has_lock, writer_module

Send = Callable[..., Coroutine[Any, Any, None]]
# Of a writer, a message and a masking key or None: a frame, or None where the original code has to make it.
Deflated = Callable[[Any, Any, bytes | None], bytes | None]

ONE_WRITE_LIMIT = 2**14  # bytes or characters: aiohttp writes the header of a long message by itself
RSV_OF = {0: 0, RSV1: 4}  # as aiohttp counts the reserved bits, and as we do
# The headers of short frames without a mask, by opcode and length.
HEADERS: dict[int, list[bytes]] = {
    opcode: [bytes([FIN | opcode, size]) for size in range(MAX_LENGTH_7 + 1)] for opcode in Opcode
}


def write_websocket_frame(original: Callable[..., None], _: Host) -> Callable[..., None]:
    has_usual_keys = usual_keys()

    def _write_websocket_frame(self: Any, message: Any, opcode: int, rsv: int) -> None:
        frame = None
        masked, size = self.use_mask, len(message)
        if (
            (masked or size <= MAX_LENGTH_7)
            and type(message) is bytes
            and opcode in HEADERS
            and not self.transport.is_closing()
        ):
            if masked:
                if (
                    rsv in RSV_OF
                    and not (opcode & CONTROL and size > MAX_CONTROL_PAYLOAD)
                    and has_usual_keys(self)
                ):
                    frame = encode_frame(opcode, message, rsv=RSV_OF[rsv], mask_key=new_mask_key())
            elif not rsv:
                frame = HEADERS[opcode][size] + message
        if frame is None:
            original(self, message, opcode, rsv)
        else:
            self.transport.write(frame)
            self._output_size += len(frame)

    return _write_websocket_frame


def usual_keys() -> Callable[[Any], bool]:
    """Make a function that tells whether a writer has the generator that aiohttp gives to each.

    A program that passes another one wants masking keys of its own.
    """
    made_by = writer_module().WebSocketWriter.__init__
    generator = made_by.__kwdefaults__["random"]

    def has_usual_keys(writer: Any) -> bool:
        bits = writer.get_random_bits
        return type(bits) is partial and getattr(bits.func, "__self__", None) is generator

    def has_usual_range(writer: Any) -> bool:
        return getattr(writer.randrange, "__self__", None) is generator

    return has_usual_range if "randrange" in made_by.__code__.co_names else has_usual_keys  # before 3.10


def send_str(original: Send, host: Host) -> Send:
    return sender(original, host, str, encode_text, Opcode.TEXT)


def send_bytes(original: Send, host: Host) -> Send:
    return sender(original, host, bytes, encode_binary, Opcode.BINARY)


def sender(
    original: Send, host: Host, kind: type[Sized], encode: Callable[..., bytes], opcode: Opcode
) -> Send:
    Writer = writer_module().WebSocketWriter
    has_usual_keys = usual_keys()
    deflated, relied_on = compressing(opcode)
    sending = SENDING if hasattr(Writer, "send_frame") else OLD_SENDING
    drains_always = sending is OLD_SENDING
    watched, deflating = host.watch(sending), host.watch(sending + relied_on)

    async def send(self: Any, data: Any, compress: Any = None) -> None:
        writer = self._writer
        frame = None
        if type(writer) is Writer and watched.holds():
            transport = writer.transport
            if (
                type(data) is kind
                and len(data) <= ONE_WRITE_LIMIT
                and compress is None
                and not writer._closing
                and not transport.is_closing()
                and (not (masked := writer.use_mask) or has_usual_keys(writer))
            ):
                try:
                    if not writer.compress:
                        frame = encode(data, masked=True) if masked else encode(data)
                    elif deflating.holds():
                        frame = deflated(writer, data, new_mask_key() if masked else None)
                except UnicodeEncodeError:
                    pass  # the original code raises it
        if frame is None:
            await original(self, data, compress)
            return
        output = vars(writer).get(OUTPUT)
        if output is None or output.target is not transport:
            places = (writer, "transport"), (writer.protocol, "transport")
            output = output_of(writer, transport, getattr(self, "_loop", None), *places)
        output.write(frame)
        writer._output_size = size = writer._output_size + len(frame)
        if size > writer._limit:
            writer._output_size = 0
            if drains_always or writer.protocol._paused:
                await writer.protocol._drain_helper()

    return send


def compressing(opcode: Opcode) -> tuple[Deflated, tuple[Bypassed, ...]]:
    """Choose what compresses a message with the compressor of a writer, and what that relies on.

    What is chosen returns None where aiohttp compresses in a thread, or where messages wait until such a one
    is done.
    """
    Writer = writer_module().WebSocketWriter
    if not compresses():
        return (lambda *_: None), OLD_DEFLATING
    if hasattr(Writer, "_get_compressor"):
        return deflating(opcode), DEFLATING
    if compressor_has_lock():
        return deflating_locked(opcode), LOCKED_DEFLATING if hasattr(Writer, "send_frame") else OLD_DEFLATING
    return deflating_directly(opcode), OLD_DEFLATING


def deflating(opcode: Opcode) -> Deflated:
    from aiohttp._websocket import writer as module
    from aiohttp.compression_utils import ZLibCompressor

    def deflated(writer: Any, data: Any, key: bytes | None) -> bytes | None:
        lock = writer._send_lock
        if lock._locked or lock._waiters:
            return None
        compressor = writer._compressobj or writer._get_compressor(None)
        if kind_is_text:
            data = data.encode()
        if type(compressor) is not ZLibCompressor or len(data) > module.WEBSOCKET_MAX_SYNC_CHUNK_SIZE:
            return None
        return encode_deflated(opcode, data, compressor._compressor, flush_of(writer), mask_key=key)

    kind_is_text = opcode is Opcode.TEXT
    return deflated


def deflating_locked(opcode: Opcode) -> Deflated:
    """For 3.9.4 to 3.13.1: it is the compressor that has a lock and the limit."""
    Compressor: Any = import_module("aiohttp.compression_utils").ZLibCompressor

    def deflated(writer: Any, data: Any, key: bytes | None) -> bytes | None:
        compressor: Any = writer._compressobj
        if not compressor:
            compressor = writer._compressobj = writer._make_compress_obj(writer.compress)
        if type(compressor) is not Compressor:
            return None
        lock, limit = compressor._compress_lock, compressor._max_sync_chunk_size
        if kind_is_text:
            data = data.encode()
        if lock._locked or lock._waiters or limit is None or len(data) > limit:
            return None
        return encode_deflated(opcode, data, compressor._compressor, flush_of(writer), mask_key=key)

    kind_is_text = opcode is Opcode.TEXT
    return deflated


def deflating_directly(opcode: Opcode) -> Deflated:
    """For 3.8, which compresses messages of any size at once."""
    module = writer_module()

    def deflated(writer: Any, data: Any, key: bytes | None) -> bytes | None:
        compressor = writer._compressobj
        if not compressor:
            zlib = module.zlib
            compressor = zlib.compressobj(level=zlib.Z_BEST_SPEED, wbits=-writer.compress)
            writer._compressobj = compressor
        if kind_is_text:
            data = data.encode()
        return encode_deflated(opcode, data, compressor, flush_of(writer), mask_key=key)

    kind_is_text = opcode is Opcode.TEXT
    return deflated


def flush_of(writer: Any) -> int:
    return Z_FULL_FLUSH if writer.notakeover else Z_SYNC_FLUSH
