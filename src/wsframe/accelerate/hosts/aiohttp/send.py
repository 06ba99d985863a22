"""Sending: from a message to the transport, where nothing stands between the two.

Left out are the coroutine of `send_frame` and the steps of a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sized
from functools import wraps
from typing import Any

from ...._backend import encode_binary, encode_text
from ...ownership import watch
from .._shared.coalesce import OUTPUT, output_of
from .bypassed import PACKAGES, SENDING
from .frame import keys_are_ordinary

Send = Callable[..., Coroutine[Any, Any, None]]

MOST = 2**14  # bytes or characters: aiohttp writes the header of a long message by itself


def send_str(Socket: Any) -> Send:
    """Make the `send_str` of a client's or a server's class."""
    return _send(Socket.send_str, str, encode_text)


def send_bytes(Socket: Any) -> Send:
    """Make the `send_bytes` of a client's or a server's class."""
    return _send(Socket.send_bytes, bytes, encode_binary)


def _send(original: Send, kind: type[Sized], encode: Callable[..., bytes]) -> Send:
    from aiohttp._websocket.writer import WebSocketWriter

    ordinary = keys_are_ordinary()
    passed = watch(PACKAGES, SENDING)

    @wraps(original)
    async def send(self: Any, data: Any, compress: Any = None) -> None:
        writer = self._writer
        frame = None
        if type(writer) is WebSocketWriter and passed.holds():
            transport = writer.transport
            if (
                type(data) is kind
                and len(data) <= MOST
                and compress is None
                and not writer.compress
                and not writer._closing
                and not transport.is_closing()
            ):
                try:
                    if not writer.use_mask:
                        frame = encode(data)
                    elif ordinary(writer):
                        frame = encode(data, masked=True)
                except UnicodeEncodeError:
                    pass  # and again, where aiohttp does it
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
