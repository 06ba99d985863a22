"""The frame that WebSocketWriter makes of a payload."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from ...._backend import encode_frame, fresh_key
from ...._spec import CONTROL, FIN, MAX_CONTROL_PAYLOAD, MAX_LENGTH_7, RSV1, Opcode

RSV_OF = {0: 0, RSV1: 4}  # as aiohttp counts the reserved bits, and as we do
# The headers of frames without a mask, by opcode and length.
SHORT: dict[int, list[bytes]] = {
    opcode: [bytes([FIN | opcode, size]) for size in range(MAX_LENGTH_7 + 1)] for opcode in Opcode
}


def write_websocket_frame() -> Callable[..., None]:
    """Make `WebSocketWriter._write_websocket_frame`."""
    from aiohttp._websocket.writer import WebSocketWriter

    original = WebSocketWriter._write_websocket_frame
    ordinary = keys_are_ordinary()

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
                if rsv in RSV_OF and not (opcode & CONTROL and size > MAX_CONTROL_PAYLOAD) and ordinary(self):
                    frame = encode_frame(opcode, message, rsv=RSV_OF[rsv], mask_key=fresh_key())
            elif not rsv:
                frame = SHORT[opcode][size] + message
        if frame is None:
            original(self, message, opcode, rsv)
        else:
            self.transport.write(frame)
            self._output_size += len(frame)

    return _write_websocket_frame


def keys_are_ordinary() -> Callable[[Any], bool]:
    """Make a function that tells whether a writer has the generator that aiohttp gives to each.

    Who brings another wants keys of their own.
    """
    from aiohttp._websocket.writer import WebSocketWriter

    defaults: Any = WebSocketWriter.__init__.__kwdefaults__
    generator = defaults["random"]

    def ordinary(writer: Any) -> bool:
        bits = writer.get_random_bits
        return type(bits) is partial and getattr(bits.func, "__self__", None) is generator

    return ordinary
