"""What the fast paths do the work of without calling it. What is replaced is here as well."""

from __future__ import annotations

from ...ownership import Bypassed

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
