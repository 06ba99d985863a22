"""The functions that the fast paths bypass or replace: a wrapper of one of them is noticed."""

from __future__ import annotations

from ...ownership import Bypassed

# Before 3.11 all is in MODULE, which has the names of the others since then.
MODULE = "aiohttp.http_websocket"
MODELS, READER, WRITER = (f"aiohttp._websocket.{name}" for name in ("models", "reader", "writer"))
WRITER_CLASS = f"{WRITER}:WebSocketWriter"
CLIENT = "aiohttp.client_ws:ClientWebSocketResponse"
SERVER = "aiohttp.web_ws:WebSocketResponse"

SENDING: tuple[Bypassed, ...] = ((WRITER_CLASS, ("send_frame", "_write_websocket_frame")),)
DEFLATING: tuple[Bypassed, ...] = (
    (WRITER_CLASS, ("_get_compressor", "_send_compressed_frame_sync")),
    ("aiohttp.compression_utils:ZLibCompressor", ("compress_sync", "flush")),
    ("aiohttp.compression_utils:ZLibBackendWrapper", ("Z_FULL_FLUSH", "Z_SYNC_FLUSH")),
)
# Before 3.13.2 the compressor has the lock, and `send_frame` does all.
LOCKED_DEFLATING: tuple[Bypassed, ...] = (
    (WRITER_CLASS, ("_make_compress_obj",)),
    ("aiohttp.compression_utils:ZLibCompressor", ("compress", "compress_sync", "flush")),
    *DEFLATING[2:],
)
OLD_WRITER_CLASS = f"{MODULE}:WebSocketWriter"
OLD_SENDING: tuple[Bypassed, ...] = ((OLD_WRITER_CLASS, ("send", "_send_frame", "_write")),)
OLD_DEFLATING: tuple[Bypassed, ...] = (
    (OLD_WRITER_CLASS, ("_make_compress_obj",)),
    *LOCKED_DEFLATING[1:],
)
