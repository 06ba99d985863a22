"""wsproto, under uvicorn --ws wsproto, hypercorn, simple-websocket, trio-websocket and others.

A message that comes in one frame takes the fast path. Everything else, such as a fragment or a violation,
goes to the original code, at the frame where it begins, with its events, exceptions and texts.
"""

from __future__ import annotations

from ...host import Deflating, Host, Part
from .bypassed import CONNECTION_CLASS, FRAMES, RECEIVING, SENDING

HOST = Host(
    name="wsproto",
    first=(1, 0),
    before=(1, 4),
    modules=(
        "wsproto.connection",
        "wsproto.events",
        "wsproto.extensions",
        FRAMES,
        "wsproto.handshake",
        "wsproto.utilities",
    ),
    seams={
        CONNECTION_CLASS: {"events": "receive.events", "send": "send.send"},
        f"{FRAMES}:FrameDecoder": {"process_buffer": "receive.process_buffer"},
        f"{FRAMES}:XorMaskerSimple": {"process": "receive.process"},
        "wsproto.utilities": {"generate_accept_token": "send.generate_accept_token"},
    },
    prove="proof.prove",
    bypasses=RECEIVING + SENDING,
    deflating=Deflating(
        owner="wsproto.extensions", round_trip="proof.round_trip", modules=("wsproto.connection",)
    ),
    parts=(
        # Imported after wsproto was patched, it took the new function from there.
        Part(
            modules=("hypercorn.protocol.ws_stream",),
            seams={
                "hypercorn.protocol.ws_stream": {"generate_accept_token": "send.generate_accept_token"},
            },
            prove="proof.prove_hypercorn",
        ),
    ),
)
