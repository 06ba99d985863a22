"""Sending: from a message to the bytes of a frame."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ...._backend import encode_frame, encode_text, mask, new_mask_key
from ...._spec import KEY_SIZE, Opcode
from ...host import Host
from ...ownership import find
from .._shared.keys import URANDOM
from .bypassed import CORE, FRAME_CLASS, MASKING, SENDING, SOCKET_CLASS
from .kinds import mask_attribute

DATA = Opcode.CONTINUATION, Opcode.TEXT, Opcode.BINARY


def send(original: Callable[..., int], host: Host) -> Callable[..., int]:
    core: Any = import_module(CORE)
    watched = host.watch((*SENDING, URANDOM), SOCKET_CLASS)
    TEXT = int(Opcode.TEXT)

    def send(self: Any, payload: Any, opcode: Any = TEXT) -> int:
        if (
            type(payload) is str
            and type(opcode) is int
            and opcode == TEXT
            and not self.get_mask_key
            and watched.holds(self)
            and "send_frame" not in self.__dict__
            and not core.isEnabledForTrace()
        ):
            try:
                data = encode_text(payload, masked=True)
            except UnicodeEncodeError:
                return original(self, payload, opcode)
            length = len(data)
            with self.lock:
                sent = self._send(data)
                while sent != length:
                    sent += self._send(data[sent:])
            return length
        return original(self, payload, opcode)

    return send


def format_frame(original: Callable[[Any], bytes], host: Host) -> Callable[[Any], bytes]:
    (ABNF,) = find(FRAME_CLASS)
    watched, mask_name = host.watch(MASKING), mask_attribute()
    urandom = os.urandom  # a program that passes another wants keys of its own

    def format_(self: Any) -> bytes:
        if (
            self.get_mask_key is urandom
            and type(self) is ABNF
            and type(self.data) is bytes
            and type(self.opcode) is int
            and self.opcode in DATA
            and getattr(self, mask_name) == 1
            and self.fin in (0, 1)
            and self.rsv1 == self.rsv2 == self.rsv3 == 0
            and watched.holds()
        ):
            return encode_frame(self.opcode, self.data, fin=self.fin == 1, mask_key=new_mask_key())
        return original(self)

    return format_


def mask_arrays(original: Callable[[Any, Any], bytes], _: Host) -> Callable[[Any, Any], bytes]:
    def _mask(mask_value: Any, data_value: Any) -> bytes:
        if len(mask_value) != KEY_SIZE:
            return original(mask_value, data_value)
        return mask(data_value, bytes(mask_value))

    return _mask
