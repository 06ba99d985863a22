"""tornado, its server and its client.

A message that arrives in one frame takes the fast path. All else, from a fragment to a broken rule, is left
to the original code, at the frame where it begins: exceptions, log lines and limits are its own.
"""

from __future__ import annotations

from ...host import Deflating, Host
from .bypassed import MODULE, PROTOCOL_CLASS, RECEIVING, SENDING

HOST = Host(
    name="tornado",
    first=(6, 1),
    before=(6, 7),
    modules=(MODULE,),
    seams={
        PROTOCOL_CLASS: {
            "_receive_frame": "receive.receive_frame",
            "_write_frame": "send.write_frame",
            "write_message": "send.write_message",
        }
    },
    prove="proof.prove",
    bypasses=RECEIVING + SENDING,
    coalesces=True,
    deflating=Deflating(owner=MODULE, round_trip="proof.round_trip"),
)
