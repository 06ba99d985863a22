"""Sending: from a message to the transport, without the coroutine `send_frame` and the steps of a frame."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sized
from functools import partial
from typing import Any
from zlib import Z_FULL_FLUSH, Z_SYNC_FLUSH

from ...._backend import encode_binary, encode_deflated, encode_frame, encode_text, new_mask_key
from ...._spec import CONTROL, FIN, MAX_CONTROL_PAYLOAD, MAX_LENGTH_7, RSV1, Opcode
from ...host import Host
from .._shared.coalesce import OUTPUT, output_of
from .bypassed import DEFLATING, SENDING

Send = Callable[..., Coroutine[Any, Any, None]]

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
    from aiohttp._websocket.writer import WebSocketWriter

    defaults: Any = WebSocketWriter.__init__.__kwdefaults__
    generator = defaults["random"]

    def has_usual_keys(writer: Any) -> bool:
        bits = writer.get_random_bits
        return type(bits) is partial and getattr(bits.func, "__self__", None) is generator

    return has_usual_keys


def send_str(original: Send, host: Host) -> Send:
    return sender(original, host, str, encode_text, Opcode.TEXT)


def send_bytes(original: Send, host: Host) -> Send:
    return sender(original, host, bytes, encode_binary, Opcode.BINARY)


def sender(
    original: Send, host: Host, kind: type[Sized], encode: Callable[..., bytes], opcode: Opcode
) -> Send:
    from aiohttp._websocket.writer import WebSocketWriter

    has_usual_keys = usual_keys()
    deflated = compressing(opcode)
    watched, deflating = host.watch(SENDING), host.watch(SENDING + DEFLATING)

    async def send(self: Any, data: Any, compress: Any = None) -> None:
        writer = self._writer
        frame = None
        if type(writer) is WebSocketWriter and watched.holds():
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
            if writer.protocol._paused:
                await writer.protocol._drain_helper()

    return send


def compressing(opcode: Opcode) -> Callable[[Any, Any, bytes | None], bytes | None]:
    """Make a function that compresses a message with the compressor of a writer and makes its frame.

    It returns None where aiohttp does it in a thread, or where messages wait until such a one is done.
    """
    from aiohttp._websocket import writer as module
    from aiohttp.compression_utils import ZLibCompressor

    if not hasattr(module.WebSocketWriter, "_get_compressor"):  # before 3.13.2
        return lambda *_: None

    def deflated(writer: Any, data: Any, key: bytes | None) -> bytes | None:
        lock = writer._send_lock
        if lock._locked or lock._waiters:
            return None
        compressor = writer._compressobj or writer._get_compressor(None)
        if kind_is_text:
            data = data.encode()
        if type(compressor) is not ZLibCompressor or len(data) > module.WEBSOCKET_MAX_SYNC_CHUNK_SIZE:
            return None
        flush = Z_FULL_FLUSH if writer.notakeover else Z_SYNC_FLUSH
        return encode_deflated(opcode, data, compressor._compressor, flush, mask_key=key)

    kind_is_text = opcode is Opcode.TEXT
    return deflated
