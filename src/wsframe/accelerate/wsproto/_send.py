"""Sending: from an event to the bytes of a frame; and the accept token.

Each function takes modules of wsproto and makes the replacement of one of its functions. What is not the
common case goes on to the function that was there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

from ..._backend import accept_key, encode_binary, encode_text

# Who replaces it wants masking keys of their own.
URANDOM = os.urandom


def plain_frame(connection: ModuleType, frame_protocol: ModuleType) -> Callable[[Any, Any], bytes | None]:
    """Make a function that writes a message as one frame, or leaves it to `Connection.send`."""
    OPEN = connection.ConnectionState.OPEN
    FrameProtocol = frame_protocol.FrameProtocol
    system = frame_protocol.os

    def plain_frame(self: Any, data: Any) -> bytes | None:
        proto = self._proto
        if (
            self.state is OPEN
            and type(proto) is FrameProtocol
            and proto._outbound_opcode is None
            and not proto.extensions
            and (not proto.client or system.urandom is URANDOM)
        ):
            if type(data) is str:
                return encode_text(data, masked=proto.client)
            if type(data) is bytes:
                return encode_binary(data, masked=proto.client)
        return None

    return plain_frame


def send(connection: ModuleType, frame_protocol: ModuleType) -> Callable[..., bytes]:
    """Make `Connection.send`."""
    original = connection.Connection.send
    kinds = connection.TextMessage, connection.BytesMessage, connection.Message
    write = plain_frame(connection, frame_protocol)

    @wraps(original)
    def send(self: Any, event: Any) -> bytes:
        if type(event) in kinds and event.message_finished is True:
            frame = write(self, event.data)
            if frame is not None:
                return frame
        result: bytes = original(self, event)
        return result

    return send


def serialize(frame_protocol: ModuleType, extensions: ModuleType) -> Callable[..., bytearray]:
    """Make `FrameProtocol._serialize_frame`."""
    original = frame_protocol.FrameProtocol._serialize_frame
    RsvBits, PerMessageDeflate = frame_protocol.RsvBits, extensions.PerMessageDeflate
    no_bits = RsvBits(False, False, False)
    system = frame_protocol.os

    @wraps(original)
    def _serialize_frame(self: Any, opcode: Any, payload: Any = b"", fin: Any = True) -> bytearray:
        common = not opcode.iscontrol() and (not self.client or system.urandom is URANDOM)
        if not common or any(type(extension) is not PerMessageDeflate for extension in self.extensions):
            result: bytearray = original(self, opcode, payload, fin)
            return result
        payload = bytearray(payload)
        bits = no_bits
        for extension in reversed(self.extensions):
            bits, payload = extension.frame_outbound(self, opcode, bits, bytes(payload), fin)
        frame = bytearray(encode_binary(payload, masked=self.client))
        frame[0] = self._make_fin_rsv_opcode(fin, bits, opcode)
        return frame

    return _serialize_frame


def generate_accept_token(utilities: ModuleType) -> Callable[[bytes], bytes]:
    """Make `generate_accept_token`."""
    original = utilities.generate_accept_token

    @wraps(original)
    def generate_accept_token(token: bytes) -> bytes:
        if type(token) is not bytes:
            result: bytes = original(token)
            return result
        return accept_key(token).encode()

    return generate_accept_token
