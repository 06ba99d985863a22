"""What the fast paths do the work of without calling it. What is replaced is here as well."""

from __future__ import annotations

from ...host import PassedBy

SOCKET_CLASS = "websocket._core:WebSocket"
FRAME_CLASS = "websocket._abnf:ABNF"
PACKAGES = ("websocket",)

# From the bytes of a frame to its object.
PARSING: tuple[PassedBy, ...] = (
    (
        "websocket._abnf:frame_buffer",
        (
            "clear",
            "has_mask",
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
JOINING: tuple[PassedBy, ...] = (
    (SOCKET_CLASS, ("recv_data_frame",)),
    ("websocket._abnf:continuous_frame", ("validate", "add", "is_fire", "extract")),
)
RECEIVING: tuple[PassedBy, ...] = (
    (SOCKET_CLASS, ("recv", "recv_data", "recv_frame", "_recv")),
    ("websocket._core", ("recv",)),
    ("websocket._abnf", ("validate_utf8",)),
    ("websocket._utils", ("_validate_utf8",)),
    *PARSING,
    *JOINING,
)
MASKING: tuple[PassedBy, ...] = (
    (FRAME_CLASS, ("_get_masked", "format", "mask")),
    ("websocket._abnf", ("_mask",)),
)
SENDING: tuple[PassedBy, ...] = (
    (SOCKET_CLASS, ("send", "send_frame")),
    (FRAME_CLASS, ("__init__", "create_frame")),
    *MASKING,
)
