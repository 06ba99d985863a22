"""Sending: from a message to the bytes of a frame."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from ...._backend import encode_frame, encode_text, fresh_key
from ...._spec import Opcode
from ...ownership import watch
from .bypassed import MASKING, PACKAGES, SENDING, SOCKET_CLASS

# Who replaces it wants masking keys of their own.
URANDOM = os.urandom
DATA = Opcode.CONTINUATION, Opcode.TEXT, Opcode.BINARY


def send(core: Any) -> Callable[..., int]:
    """Make `WebSocket.send`: a text, straight to its frame."""
    original = core.WebSocket.send
    passed = watch(PACKAGES, SENDING, SOCKET_CLASS)
    TEXT = int(Opcode.TEXT)

    @wraps(original)
    def send(self: Any, payload: Any, opcode: Any = TEXT) -> int:
        if (
            type(payload) is str
            and type(opcode) is int
            and opcode == TEXT
            and not self.get_mask_key
            and os.urandom is URANDOM
            and passed.holds(self)
            and "send_frame" not in self.__dict__
            and not core.isEnabledForTrace()
        ):
            try:
                data = encode_text(payload, masked=True)
            except UnicodeEncodeError:
                return original(self, payload, opcode)  # type: ignore[no-any-return]
            length = len(data)
            with self.lock:
                sent = self._send(data)
                while sent != length:
                    sent += self._send(data[sent:])
            return length
        return original(self, payload, opcode)  # type: ignore[no-any-return]

    return send


def format_frame(ABNF: Any) -> Callable[[Any], bytes]:
    """Make `ABNF.format`."""
    original = ABNF.format
    passed = watch(PACKAGES, MASKING)

    @wraps(original)
    def format_(self: Any) -> bytes:
        if (
            self.get_mask_key is URANDOM
            and type(self) is ABNF
            and type(self.data) is bytes
            and type(self.opcode) is int
            and self.opcode in DATA
            and self.mask_value == 1
            and self.fin in (0, 1)
            and self.rsv1 == self.rsv2 == self.rsv3 == 0
            and passed.holds()
        ):
            return encode_frame(self.opcode, self.data, fin=self.fin == 1, mask_key=fresh_key())
        return original(self)  # type: ignore[no-any-return]

    return format_
