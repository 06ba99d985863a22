"""The functions that the fast paths bypass or replace: a wrapper of one of them is noticed."""

from __future__ import annotations

from ...ownership import Bypassed
from .._shared.keys import GETRANDBITS

WEBSOCKET = "autobahn.websocket.protocol"
ASYNCIO = "autobahn.asyncio.websocket"
TWISTED = "autobahn.twisted.websocket"
DEFLATE = "autobahn.websocket.compress_deflate"
PROTOCOL_CLASS = f"{WEBSOCKET}:WebSocketProtocol"
DEFLATE_CLASS = f"{DEFLATE}:PerMessageDeflate"

HOOKS = tuple(f"onMessage{part}" for part in ("Begin", "FrameBegin", "FrameData", "FrameEnd", "Frame", "End"))
ADAPTED = tuple(f"_{hook}" for hook in HOOKS)  # their other half, for asyncio and for Twisted
WATCHED = (*HOOKS, *ADAPTED, "onFrameBegin", "onFrameData", "onFrameEnd", "fire")
LOGGING: tuple[Bypassed, ...] = (
    ("autobahn.util", ("_qn", "hl", "hltype", "hlval")),
    (WEBSOCKET, ("hl", "hltype", "hlval")),
)

RECEIVING: tuple[Bypassed, ...] = (
    (PROTOCOL_CLASS, ("processData", *WATCHED)),
    (f"{ASYNCIO}:WebSocketAdapterProtocol", ADAPTED),
    (f"{TWISTED}:WebSocketAdapterProtocol", ADAPTED),
    (f"{WEBSOCKET}:FrameHeader", ("__init__",)),
    (WEBSOCKET, ("create_xor_masker",)),
    (ASYNCIO, ("yields",)),
    *LOGGING,
)
SENDING: tuple[Bypassed, ...] = (
    (PROTOCOL_CLASS, ("sendData", "sendFrame", "sendMessage")),
    (WEBSOCKET, ("create_xor_masker",)),
)
WRITING: tuple[Bypassed, ...] = ((PROTOCOL_CLASS, ("sendData",)), *LOGGING)
DEFLATING: tuple[Bypassed, ...] = (
    (
        DEFLATE_CLASS,
        tuple(
            f"{step}_message{rest}"
            for step, rest in (
                ("start_compress", ""),
                ("compress", "_data"),
                ("end_compress", ""),
                ("start_decompress", ""),
                ("decompress", "_data"),
                ("end_decompress", ""),
            )
        ),
    ),
    ("autobahn.util:_LazyHexFormatter", ("__init__",)),
)
KEYS: tuple[Bypassed, ...] = (GETRANDBITS,)
