"""The functions that the fast paths bypass or replace: a wrapper of one of them is noticed."""

from __future__ import annotations

from ...ownership import Bypassed
from .._shared.keys import URANDOM

MODULE = "tornado.websocket"
PROTOCOL_CLASS = f"{MODULE}:WebSocketProtocol13"
STREAM_CLASS = "tornado.iostream:IOStream"

BUFFER = "tornado.iostream:_StreamBuffer"
MODULES: tuple[Bypassed, ...] = (
    ("tornado.iostream", ("future_set_result_unless_cancelled",)),
    (MODULE, ("_websocket_mask",)),
)

RECEIVING: tuple[Bypassed, ...] = (
    (PROTOCOL_CLASS, ("_receive_frame", "_read_bytes")),
    (
        STREAM_CLASS,
        (
            "_add_io_state",
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
SENDING: tuple[Bypassed, ...] = (
    (PROTOCOL_CLASS, ("write_message", "_write_frame")),
    (
        STREAM_CLASS,
        ("_check_closed", "_handle_write", "_maybe_add_error_listener", "closed", "write", "write_to_fd"),
    ),
    (BUFFER, ("__len__", "advance", "append", "peek")),
    *MODULES,
)
FRAMING: tuple[Bypassed, ...] = ((PROTOCOL_CLASS, ("_write_frame",)), MODULES[1])
KEYS: tuple[Bypassed, ...] = (URANDOM, (MODULE, ("os",)))
