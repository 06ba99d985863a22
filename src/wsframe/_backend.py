"""The switch between the twins: all compiled or all pure, never a mix."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing takes longer to import than all of this

__all__ = [
    "Broadcaster",
    "Coalescer",
    "FastConnection",
    "FrameDecoder",
    "Iteration",
    "MessageDecoder",
    "Messages",
    "ReadBuffer",
    "RequestParts",
    "Stream",
    "Waiter",
    "Watch",
    "accept_key",
    "asgi_calls",
    "backend",
    "build_header",
    "cut_frames",
    "encode_binary",
    "encode_deflated",
    "encode_frame",
    "encode_text",
    "mask",
    "mask_into",
    "new_key",
    "new_mask_key",
    "parse_header",
    "take_frame",
    "take_message",
    "upgrade_of",
    "usual_head",
    "write_to_all",
]


def _load() -> str:
    """Import one twin whole; return the name of its package."""
    if os.environ.get("WSFRAME_PURE", "0") not in ("", "0"):
        return "_py"
    try:
        from ._c import (  # noqa: F401
            accept,
            asgi,
            broadcaster,
            coalescer,
            encoder,
            fast_connection,
            frame_decoder,
            header,
            mask,
            message_decoder,
            messages,
            receiver,
            request,
            stream,
            waiter,
            watch,
            whole_frames,
        )
    except ImportError as exc:
        if os.environ.get("WSFRAME_REQUIRE_EXTENSIONS", "0") not in ("", "0"):
            raise
        if sys.implementation.name == "cpython":
            print(
                f"wsframe: no compiled modules ({exc}): running on the slower pure Python twin; "
                "WSFRAME_PURE=1 says that this is wanted",
                file=sys.stderr,
            )
        return "_py"
    return "_c"


# Type checkers and editors read the pure twin, for its annotations and docstrings.
if not TYPE_CHECKING and _load() == "_c":
    from ._c import backend
    from ._c.accept import accept_key, new_key
    from ._c.asgi import asgi_calls
    from ._c.broadcaster import Broadcaster
    from ._c.coalescer import Coalescer, Iteration
    from ._c.encoder import encode_binary, encode_deflated, encode_frame, encode_text, new_mask_key
    from ._c.fast_connection import FastConnection, ReadBuffer
    from ._c.frame_decoder import FrameDecoder
    from ._c.header import build_header, parse_header
    from ._c.mask import mask, mask_into
    from ._c.message_decoder import MessageDecoder
    from ._c.messages import Messages
    from ._c.request import RequestParts, upgrade_of, usual_head
    from ._c.stream import Stream, write_to_all
    from ._c.waiter import Waiter
    from ._c.watch import Watch
    from ._c.whole_frames import cut_frames, take_frame, take_message
else:
    from ._py import backend
    from ._py.accept import accept_key, new_key
    from ._py.asgi import asgi_calls
    from ._py.broadcaster import Broadcaster
    from ._py.coalescer import Coalescer, Iteration
    from ._py.encoder import encode_binary, encode_deflated, encode_frame, encode_text, new_mask_key
    from ._py.fast_connection import FastConnection, ReadBuffer
    from ._py.frame_decoder import FrameDecoder
    from ._py.header import build_header, parse_header
    from ._py.mask import mask, mask_into
    from ._py.message_decoder import MessageDecoder
    from ._py.messages import Messages
    from ._py.request import RequestParts, upgrade_of, usual_head
    from ._py.stream import Stream, write_to_all
    from ._py.waiter import Waiter
    from ._py.watch import Watch
    from ._py.whole_frames import cut_frames, take_frame, take_message
