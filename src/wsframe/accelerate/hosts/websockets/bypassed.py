"""The functions that the fast paths bypass or replace: a wrapper of one of them is noticed."""

from __future__ import annotations

from ...ownership import Bypassed
from .._shared.keys import TOKEN_BYTES

PROTOCOL_CLASS = "websockets.protocol:Protocol"
CONNECTION_MODULE = "websockets.asyncio.connection"
CONNECTION_CLASS = f"{CONNECTION_MODULE}:Connection"
SYNC_CLASS = "websockets.sync.connection:Connection"
LEGACY_MODULE = "websockets.legacy.protocol"
LEGACY_CLASS = f"{LEGACY_MODULE}:WebSocketCommonProtocol"
LEGACY_FRAME = "websockets.legacy.framing:Frame"
DEFLATE_CLASS = "websockets.extensions.permessage_deflate:PerMessageDeflate"

# From the bytes that have arrived to the events of a Protocol.
PARSING: tuple[Bypassed, ...] = (
    (PROTOCOL_CLASS, ("parse", "receive_data", "recv_frame")),
    ("websockets.frames:Frame", ("__init__", "check", "parse")),
    ("websockets.streams:StreamReader", ("at_eof", "feed_data", "read_exact")),
    ("websockets.frames", ("apply_mask",)),
)
# From a payload to the bytes of a frame.
SERIALIZING: tuple[Bypassed, ...] = (
    (PROTOCOL_CLASS, ("send_text", "send_binary", "send_frame")),
    ("websockets.frames:Frame", ("__init__", "check", "serialize")),
    ("websockets.frames", ("apply_mask",)),
)
# Messages of a connection on asyncio.
RECEIVING: tuple[Bypassed, ...] = (
    (CONNECTION_CLASS, ("data_received", "process_event", "send_data")),
    (PROTOCOL_CLASS, ("receive_data", "data_to_send", "close_expected", "state")),
    ("websockets.asyncio.messages:Assembler", ("get", "put", "maybe_pause", "maybe_resume")),
    ("websockets.asyncio.messages:SimpleQueue", ("get", "put", "__len__")),
)
SENDING: tuple[Bypassed, ...] = (
    (CONNECTION_CLASS, ("send", "send_context", "send_data", "drain")),
    (PROTOCOL_CLASS, ("data_to_send", "close_expected", "state")),
    *SERIALIZING,
)
BROADCASTING: tuple[Bypassed, ...] = (
    (CONNECTION_CLASS, ("send_data",)),
    (PROTOCOL_CLASS, ("data_to_send", "state")),
    (DEFLATE_CLASS, ("encode",)),
    *SERIALIZING,
)
# Messages of a connection in threads.
SYNC_RECEIVING: tuple[Bypassed, ...] = (
    (SYNC_CLASS, ("recv",)),
    ("websockets.sync.messages:Assembler", ("get", "get_next_frame", "maybe_resume", "reset_queue")),
    ("websockets.sync.utils:Deadline", ("__init__", "timeout")),
)
SYNC_SENDING: tuple[Bypassed, ...] = (
    (SYNC_CLASS, ("send", "send_context", "send_data")),
    (PROTOCOL_CLASS, ("data_to_send", "close_expected", "state")),
    *SERIALIZING,
)
# Messages of a connection of websockets.legacy.
LEGACY_RECEIVING: tuple[Bypassed, ...] = (
    (LEGACY_CLASS, ("transfer_data", "read_message", "read_data_frame", "read_frame")),
    (LEGACY_FRAME, ("check", "new_frame", "read")),
    ("websockets.legacy.framing", ("apply_mask",)),
    ("websockets.frames:Frame", ("__init__", "check")),
    ("asyncio.streams:StreamReader", ("feed_data", "readexactly")),
    (DEFLATE_CLASS, ("decode",)),
)
LEGACY_SENDING: tuple[Bypassed, ...] = (
    (LEGACY_CLASS, ("ensure_open", "write_frame", "write_frame_sync", "drain", "_drain", "_drain_helper")),
    ("websockets.legacy.protocol", ("Frame", "prepare_data")),
    (LEGACY_FRAME, ("check", "new_frame", "write")),
    ("websockets.frames", ("apply_mask",)),
    ("websockets.frames:Frame", ("__init__", "check", "serialize")),
    (DEFLATE_CLASS, ("encode",)),
)

PROTOCOL = PARSING + SERIALIZING
ASYNCIO = (*PROTOCOL, *RECEIVING, *SENDING, *BROADCASTING, (CONNECTION_CLASS, ("recv",)))
SYNC = PROTOCOL + SYNC_RECEIVING + SYNC_SENDING
LEGACY = (*LEGACY_RECEIVING, *LEGACY_SENDING, (LEGACY_CLASS, ("data_received", "recv", "send")))
# What a message of a Protocol with permessage-deflate alone does not pass through.
ENCODING: tuple[Bypassed, ...] = ((DEFLATE_CLASS, ("encode",)),)
DECODING: tuple[Bypassed, ...] = ((DEFLATE_CLASS, ("decode",)),)
KEYS: tuple[Bypassed, ...] = (TOKEN_BYTES,)
UNPACK: Bypassed = ("struct", ("unpack",))  # who replaces it tests the parser of websockets
