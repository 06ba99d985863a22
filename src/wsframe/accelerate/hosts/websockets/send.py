"""Sending, in the layer without I/O: a whole message in one frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from websockets.frames import Opcode
from websockets.protocol import CLIENT, OPEN, SERVER

from ...._backend import Watch, encode_frame, fresh_key
from ...host import Host
from . import HOST
from .bypassed import KEYS, PROTOCOL_CLASS, SERIALIZING

serializing: Watch = HOST.watch(SERIALIZING, PROTOCOL_CLASS)
keys: Watch = HOST.watch(KEYS)


def send_text(original: Callable[..., None], _: Host) -> Callable[..., None]:
    return sender(original, Opcode.TEXT)


def send_binary(original: Callable[..., None], _: Host) -> Callable[..., None]:
    return sender(original, Opcode.BINARY)


def sender(original: Callable[..., None], opcode: Opcode) -> Callable[..., None]:
    def send(self: Any, data: Any, fin: bool = True) -> None:
        if fin is True and is_one_frame(self, data):
            key = fresh_key() if self.side is CLIENT else None
            self.writes.append(encode_frame(opcode, data, mask_key=key))
        else:
            original(self, data, fin)

    return send


def is_one_frame(self: Any, data: Any) -> bool:
    """Tell whether a payload is all that the frame of a message has, after its header."""
    return (
        type(data) is bytes
        and self._state is OPEN
        and not (self.expect_continuation_frame or self.extensions or self.debug)
        and serializing.holds(self)
        and (self.side is SERVER or keys.holds())
    )
