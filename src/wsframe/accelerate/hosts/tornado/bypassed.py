"""What the fast paths do the work of without calling it."""

from __future__ import annotations

from ...host import PassedBy

PROTOCOL_CLASS = "tornado.websocket:WebSocketProtocol13"
STREAM_CLASS = "tornado.iostream:IOStream"
PACKAGES = ("tornado",)

BUFFER = "tornado.iostream:_StreamBuffer"
MODULES: tuple[PassedBy, ...] = (
    ("tornado.iostream", ("future_set_result_unless_cancelled",)),
    ("tornado.websocket", ("_websocket_mask",)),
)

RECEIVING: tuple[PassedBy, ...] = (
    (PROTOCOL_CLASS, ("_receive_frame", "_read_bytes")),
    (
        STREAM_CLASS,
        (
            "_check_closed",
            "_consume",
            "_find_read_pos",
            "_finish_read",
            "_maybe_add_error_listener",
            "_read_from_buffer",
            "_read_to_buffer",
            "_read_to_buffer_loop",
            "_start_read",
            "_try_inline_read",
            "closed",
            "fileno",
            "read_bytes",
            "read_from_fd",
        ),
    ),
    *MODULES,
)
SENDING: tuple[PassedBy, ...] = (
    (PROTOCOL_CLASS, ("write_message", "_write_frame")),
    (
        STREAM_CLASS,
        ("_check_closed", "_handle_write", "_maybe_add_error_listener", "closed", "write", "write_to_fd"),
    ),
    (BUFFER, ("__len__", "advance", "append", "peek")),
    *MODULES,
)
FRAMING: tuple[PassedBy, ...] = ((PROTOCOL_CLASS, ("_write_frame",)), MODULES[1])
