"""The functions that the fast paths bypass or replace: a wrapper of one of them is noticed."""

from __future__ import annotations

from ...ownership import Bypassed

ABNF, CORE, UTILS = "websocket._abnf", "websocket._core", "websocket._utils"
SOCKET_CLASS = f"{CORE}:WebSocket"
FRAME_CLASS = f"{ABNF}:ABNF"

# From the bytes of a frame to its object.
PARSING: tuple[Bypassed, ...] = (
    (
        f"{ABNF}:frame_buffer",
        (
            "clear",
            "has_mask",
            "has_received_header",  # before 1.8
            "has_received_length",
            "has_received_mask",
            "needs_header",
            "needs_length",
            "needs_mask",
            "recv_frame",
            "recv_header",
            "recv_length",
            "recv_mask",
            "recv_strict",
        ),
    ),
    (FRAME_CLASS, ("__init__", "validate")),
)
JOINING: tuple[Bypassed, ...] = (
    (SOCKET_CLASS, ("recv_data_frame",)),
    (f"{ABNF}:continuous_frame", ("validate", "add", "is_fire", "extract")),
)
RECEIVING: tuple[Bypassed, ...] = (
    (SOCKET_CLASS, ("recv", "recv_data", "recv_frame", "_recv")),
    (CORE, ("recv",)),
    (ABNF, ("validate_utf8",)),
    (UTILS, ("_validate_utf8",)),
    *PARSING,
    *JOINING,
)
MASKING: tuple[Bypassed, ...] = (
    (FRAME_CLASS, ("_get_masked", "format", "mask")),
    (ABNF, ("_mask",)),
)
SENDING: tuple[Bypassed, ...] = (
    (SOCKET_CLASS, ("send", "send_frame")),
    (FRAME_CLASS, ("__init__", "create_frame")),
    *MASKING,
)
