"""Sending, in the layer without I/O: a whole message in one frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from websockets.frames import Opcode
from websockets.protocol import CLIENT, OPEN

from ...._backend import Watch, encode_deflated, encode_frame, new_mask_key
from ...host import Host
from . import HOST
from .bypassed import ENCODING, KEYS, PROTOCOL_CLASS, SERIALIZING
from .deflate import SYNC_FLUSH, extension_of

serializing: Watch = HOST.watch(SERIALIZING, PROTOCOL_CLASS)
keys: Watch = HOST.watch(KEYS)
encoding: Watch = HOST.watch(ENCODING)


def send_text(original: Callable[..., None], _: Host) -> Callable[..., None]:
    return sender(original, Opcode.TEXT)


def send_binary(original: Callable[..., None], _: Host) -> Callable[..., None]:
    return sender(original, Opcode.BINARY)


def sender(original: Callable[..., None], opcode: Opcode) -> Callable[..., None]:
    def send(self: Any, data: Any, fin: bool = True) -> None:
        frame = frame_of(self, opcode, data) if fin is True and type(data) is bytes else None
        if frame is None:
            original(self, data, fin)
        else:
            self.writes.append(frame)

    return send


def frame_of(self: Any, opcode: Opcode, data: str | bytes) -> bytes | None:
    """Build the frame of a whole message; return None when that is for the original code to do."""
    if (
        self._state is not OPEN
        or self.expect_continuation_frame
        or self.debug
        or not serializing.holds(self)
        or (self.side is CLIENT and not keys.holds())
    ):
        return None
    key = new_mask_key() if self.side is CLIENT else None
    extensions = self.extensions
    if not extensions:
        return encode_frame(opcode, data, mask_key=key)
    extension = extension_of(extensions)
    if extension is None or extension.local_no_context_takeover or not encoding.holds():
        return None
    return encode_deflated(opcode, data, extension.encoder, SYNC_FLUSH, mask_key=key)
