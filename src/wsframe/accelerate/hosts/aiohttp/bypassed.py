"""What the fast paths do the work of without calling it."""

from __future__ import annotations

from ...host import PassedBy

WRITER_CLASS = "aiohttp._websocket.writer:WebSocketWriter"
PACKAGES = ("aiohttp",)

SENDING: tuple[PassedBy, ...] = ((WRITER_CLASS, ("send_frame", "_write_websocket_frame")),)
