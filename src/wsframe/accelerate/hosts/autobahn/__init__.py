"""autobahn on asyncio and on Twisted, under daphne and Django Channels among others.

1. Messages of one frame each are cut off and unmasked many at a time, and each goes straight to `onMessage`,
   inflated by autobahn's permessage-deflate.
2. Every other frame goes to the original code, at the byte where it begins: control frames, fragments, other
   compression, violations and limits are its own, and so is whatever is logged, timed or pinged.
3. A class, or a connection, with a streaming hook or a `sendFrame` of its own gets the original code only.
4. Nothing is formatted for a log that is off.
"""

from __future__ import annotations

from ...host import Deflating, Host, Part
from .bypassed import DEFLATE, DEFLATING, PROTOCOL_CLASS, RECEIVING, SENDING, TWISTED, WEBSOCKET

HOST = Host(
    name="autobahn",
    first=(21, 1, 1),
    before=(26, 11),
    packages=("wsaccel",),  # which autobahn uses where it is installed, before 25
    modules=(WEBSOCKET,),
    seams={
        WEBSOCKET: {
            "create_xor_masker": "primitives.create_xor_masker",
            "Utf8Validator": "primitives.utf8_validator",
        },
        PROTOCOL_CLASS: {
            "processData": "receive.process_data",
            "sendMessage": "send.send_message",
            "sendData": "send.send_data",
        },
    },
    prove="proof.prove",
    bypasses=RECEIVING + SENDING,
    relies_on=DEFLATING,
    coalesces=True,
    deflating=Deflating(owner=DEFLATE, round_trip="proof.round_trip"),
    parts=(
        Part(
            since=(22, 4, 1),  # it logs each read
            supplements=True,
            modules=(TWISTED,),
            seams={f"{TWISTED}:WebSocketAdapterProtocol": {"dataReceived": "receive.data_received"}},
            prove="proof.prove_twisted",
        ),
    ),
)
