"""What of a connection is autobahn's own, and may be passed by."""

from __future__ import annotations

from functools import cache
from typing import Any

from ...._backend import Watch
from ...host import PassedBy
from ...ownership import watch

WEBSOCKET = "autobahn.websocket.protocol"
ASYNCIO = "autobahn.asyncio.websocket"
TWISTED = "autobahn.twisted.websocket"
PROTOCOL_CLASS = f"{WEBSOCKET}:WebSocketProtocol"
PACKAGES = ("autobahn",)

HOOKS = tuple(f"onMessage{part}" for part in ("Begin", "FrameBegin", "FrameData", "FrameEnd", "Frame", "End"))
ADAPTED = tuple(f"_{hook}" for hook in HOOKS)  # their other half, for asyncio and for Twisted
WATCHED = (*HOOKS, *ADAPTED, "onFrameBegin", "onFrameData", "onFrameEnd", "fire")
LOGGING: tuple[PassedBy, ...] = (
    ("autobahn.util", ("_qn", "hl", "hltype", "hlval")),
    (WEBSOCKET, ("hl", "hltype", "hlval")),
)

RECEIVING: tuple[PassedBy, ...] = (
    (PROTOCOL_CLASS, ("processData", *WATCHED)),
    (f"{ASYNCIO}:WebSocketAdapterProtocol", ADAPTED),
    (f"{TWISTED}:WebSocketAdapterProtocol", ADAPTED),
    (f"{WEBSOCKET}:FrameHeader", ("__init__",)),
    (WEBSOCKET, ("create_xor_masker",)),
    (ASYNCIO, ("yields",)),
    *LOGGING,
)
SENDING: tuple[PassedBy, ...] = (
    (PROTOCOL_CLASS, ("sendData", "sendFrame", "sendMessage")),
    (WEBSOCKET, ("create_xor_masker",)),
)
WRITING: tuple[PassedBy, ...] = ((PROTOCOL_CLASS, ("sendData",)), *LOGGING)


@cache
def receiving() -> Watch:
    return watch(PACKAGES, RECEIVING, PROTOCOL_CLASS)


@cache
def sending() -> Watch:
    return watch(PACKAGES, SENDING, PROTOCOL_CLASS)


@cache
def writing() -> Watch:
    return watch(PACKAGES, WRITING, PROTOCOL_CLASS)


def look_again() -> None:
    """Have modules watched that are imported only now: a proof runs before those that name the framework."""
    for made in (receiving, sending, writing):
        made.cache_clear()


def talks(self: Any) -> bool:
    """Tell whether what is said for debugging goes anywhere."""
    return getattr(self.log.debug, "__name__", "") != "_no_op"
