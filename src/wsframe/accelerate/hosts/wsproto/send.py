"""Sending: from a message to the bytes of a frame; and the accept token.

All but the common case goes to the original code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ...._backend import accept_key, encode_binary, encode_frame, encode_text, new_mask_key
from ...host import Host
from .bypassed import CONNECTION_CLASS, KEYS, SENDING


def send(original: Callable[..., bytes], host: Host) -> Callable[..., bytes]:
    from wsproto.events import BytesMessage, Message, TextMessage

    frame_of = whole_message(host)
    kinds = TextMessage, BytesMessage, Message

    def send(self: Any, event: Any) -> bytes:
        if type(event) in kinds and event.message_finished is True:
            frame = frame_of(self, event.data)
            if frame is not None:
                return frame
        return original(self, event)

    return send


def whole_message(host: Host) -> Callable[[Any, Any], bytes | None]:
    """Make a function that writes the frame of a message, or leaves it to `Connection.send`."""
    from wsproto.connection import ConnectionState
    from wsproto.extensions import PerMessageDeflate
    from wsproto.frame_protocol import FrameProtocol, Opcode, RsvBits

    OPEN, NO_BITS = ConnectionState.OPEN, RsvBits(False, False, False)
    of_server = host.watch(SENDING, CONNECTION_CLASS)
    of_client = host.watch(SENDING + KEYS, CONNECTION_CLASS)

    def whole_message(self: Any, data: Any) -> bytes | None:
        proto = self._proto
        if (
            self.state is not OPEN
            or type(proto) is not FrameProtocol
            or proto._outbound_opcode is not None
            or not (of_client if proto.client else of_server).holds(self)
        ):
            return None
        kind = type(data)
        if not proto.extensions:
            if kind is str:
                return encode_text(data, masked=proto.client)
            return encode_binary(data, masked=proto.client) if kind is bytes else None
        if (kind is not str and kind is not bytes) or len(proto.extensions) > 1:
            return None
        (extension,) = proto.extensions
        if type(extension) is not PerMessageDeflate:
            return None
        opcode, payload = (Opcode.TEXT, data.encode()) if kind is str else (Opcode.BINARY, data)
        bits, payload = extension.frame_outbound(proto, opcode, NO_BITS, payload, True)
        key = new_mask_key() if proto.client else None
        return encode_frame(opcode, payload, rsv=bits.rsv1 << 2, mask_key=key)

    return whole_message


def generate_accept_token(original: Callable[[bytes], bytes], _: Host) -> Callable[[bytes], bytes]:
    return accept_token_of(original)


@cache
def accept_token_of(original: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return one function for all modules that have imported it: else it could not be pickled."""

    def generate_accept_token(token: bytes) -> bytes:
        return accept_key(token).encode() if type(token) is bytes else original(token)

    return generate_accept_token
