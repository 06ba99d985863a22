"""tornado, its server and its client.

A message that arrives in one frame takes the fast path. Everything else, such as a fragment or a violation,
goes to the original code, at the frame where it begins, with its exceptions, log lines and limits.
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
