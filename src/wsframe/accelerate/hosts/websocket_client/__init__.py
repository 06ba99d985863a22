"""websocket-client: received frames that are not masked, and sent frames with a random key.

Everything else goes to the original code, which continues where the new code stops: frames that are masked,
long, or in pieces, and keys of the program. As before, no byte behind the current frame is read.
"""

from __future__ import annotations

from ...host import Host
from .bypassed import ABNF, CORE, FRAME_CLASS, RECEIVING, SENDING, SOCKET_CLASS, UTILS

HOST = Host(
    name="websocket_client",
    first=(1, 2),
    before=(1, 10),
    modules=(ABNF, CORE, UTILS),
    seams={
        UTILS: {"_validate_utf8": "receive.validate_utf8"},
        ABNF: {"_mask": "send.mask_arrays"},
        FRAME_CLASS: {"format": "send.format_frame"},
        f"{ABNF}:frame_buffer": {"recv_frame": "receive.recv_frame"},
        SOCKET_CLASS: {
            "recv_data_frame": "receive.recv_data_frame",
            "recv": "receive.recv",
            "send": "send.send",
        },
        CORE: {"recv": "plain_socket.recv", "send": "plain_socket.send"},
    },
    prove="proof.prove",
    bypasses=RECEIVING + SENDING,
)
