"""The WebSocket codec (RFC 6455): frames, messages, masking.

Servers and clients are in wsframe.asyncio and wsframe.sync.
"""

from ._backend import (
    FrameDecoder,
    MessageDecoder,
    accept_key,
    backend,
    build_header,
    encode_binary,
    encode_frame,
    encode_text,
    mask,
    mask_into,
    new_key,
    parse_header,
)
from ._errors import ProtocolError
from ._spec import Close, CloseCode, Fragment, Frame, Header, Inflater, Opcode, Ping, Pong, Role

__version__ = "0.1.0"

__all__ = [
    "Close",
    "CloseCode",
    "Fragment",
    "Frame",
    "FrameDecoder",
    "Header",
    "Inflater",
    "MessageDecoder",
    "Opcode",
    "Ping",
    "Pong",
    "ProtocolError",
    "Role",
    "accept_key",
    "backend",
    "build_header",
    "encode_binary",
    "encode_frame",
    "encode_text",
    "mask",
    "mask_into",
    "new_key",
    "parse_header",
]
