"""The functions that the fast paths bypass or replace: a wrapper of one of them is noticed."""

from __future__ import annotations

from ...ownership import Bypassed
from .._shared.keys import URANDOM

CONNECTION_CLASS = "wsproto.connection:Connection"
FRAMES = "wsproto.frame_protocol"

RECEIVING: tuple[Bypassed, ...] = (
    (CONNECTION_CLASS, ("events",)),
    (f"{FRAMES}:FrameProtocol", ("received_frames", "_parse_more_gen")),
    (
        f"{FRAMES}:FrameDecoder",
        ("process_buffer", "parse_header", "parse_extended_payload_length", "extension_processing"),
    ),
    (f"{FRAMES}:Buffer", ("consume_exactly", "consume_at_most", "commit", "rollback", "__len__")),
    (f"{FRAMES}:XorMaskerSimple", ("__init__", "process")),
    (f"{FRAMES}:MessageDecoder", ("process_frame",)),
    (f"{FRAMES}:Opcode", ("iscontrol",)),
)
SENDING: tuple[Bypassed, ...] = (
    (CONNECTION_CLASS, ("send",)),
    ("wsproto:WSConnection", ("send",)),
    (f"{FRAMES}:FrameProtocol", ("send_data", "_serialize_frame", "_make_fin_rsv_opcode")),
    (f"{FRAMES}:XorMaskerSimple", ("__init__", "process")),
    (f"{FRAMES}:Opcode", ("iscontrol",)),
)
KEYS: tuple[Bypassed, ...] = (URANDOM, (FRAMES, ("os",)))
# The events of wsproto that a server built on it makes for each message.
MESSAGES: tuple[Bypassed, ...] = (
    ("wsproto.events:Message", ("__init__",)),
    ("wsproto.events:TextMessage", ("__init__",)),
    ("wsproto.events:BytesMessage", ("__init__",)),
)
