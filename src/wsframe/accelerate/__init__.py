"""Put the codec into the WebSocket libraries you already run, and remove it again.

A library is accelerated only if its version was tested, or all code that matters is the same as in a tested
version, and if a known message, sent through its own public API, was handled by the new code.
`WSFRAME_ACCELERATE=0` turns everything off; with `WSFRAME_COALESCE=0` every message is written by itself, as
without wsframe. Messages are compressed by zlib unless `install`, or `WSFRAME_ZLIB`, names another module.
"""

from __future__ import annotations

from .fast_classes import fast_class
from .registry import HostStatus, install, known_hosts, status, uninstall

__all__ = ["HostStatus", "fast_class", "install", "known_hosts", "status", "uninstall"]
