"""What of a connection is autobahn's own, and may be passed by."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

WEBSOCKET = "autobahn.websocket.protocol"
ASYNCIO = "autobahn.asyncio.websocket"
TWISTED = "autobahn.twisted.websocket"
OWN = {"autobahn.util", WEBSOCKET, ASYNCIO, TWISTED, __package__}


@lru_cache(maxsize=100)
def is_own(*methods: Any) -> bool:
    """Tell whether methods are autobahn's: neither overridden nor wrapped."""
    return all(getattr(method, "__globals__", {}).get("__name__") in OWN for method in methods)


def talks(self: Any) -> bool:
    """Tell whether what is said for debugging goes anywhere."""
    return getattr(self.log.debug, "__name__", "") != "_no_op"
