"""uvicorn with wsframe's own protocol instead of the WebSocket class that it would use.

`Config.load` settles which class a server makes for each connection. Where that is one of uvicorn's own, and
nobody has replaced anything in it, it becomes `wsframe.uvicorn:WebSocketProtocol`, which behaves as the class
of that name and version does (`wsframe.uvicorn._behaviour`). Whatever else the settings name stays.

`WSFRAME_OWN_PROTOCOL=0` leaves all of uvicorn's classes where they are.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ...host import Host
from ...ownership import is_current, require_own
from ...report import say
from .bypassed import FOLDER
from .own_guard import PACKAGES, guarded, require_unchanged

CONFIG, LOGGER = "uvicorn.config", "uvicorn.error"

# uvicorn's own classes, by their modules.
CLASSES = {
    "websockets_impl": "WebSocketProtocol",
    "websockets_sansio_impl": "WebSocketsSansIOProtocol",
    "wsproto_impl": "WSProtocol",
}
# Those that log each frame on DEBUG.
LOG_FRAMES = ("websockets_impl", "websockets_sansio_impl")
SETTINGS = ("auto", "websockets", "websockets-sansio", "wsproto")


def load(original: Callable[[Any], None], _: Host) -> Callable[[Any], None]:
    def load(self: Any) -> None:
        original(self)
        if _takes_the_class_of_uvicorn(self):
            own = _own_class()
            if own is not None:
                self.ws_protocol_class = guarded(own, self.ws_protocol_class)

    return load


def _takes_the_class_of_uvicorn(config: Any) -> bool:
    """Tell whether a server would use a class of uvicorn's as uvicorn made it."""
    loaded = config.ws_protocol_class
    if config.ws not in SETTINGS or not isinstance(loaded, type):
        return False
    folder, _, module = loaded.__module__.rpartition(".")
    if folder != FOLDER or CLASSES.get(module) != loaded.__name__ or not is_current(loaded):
        return False
    try:
        require_own(sys.modules[CONFIG].Config, "load", PACKAGES)
        require_unchanged(loaded)
        if module in LOG_FRAMES and logging.getLogger(LOGGER).isEnabledFor(logging.DEBUG):
            raise RuntimeError("it logs each frame on the level DEBUG")
    except RuntimeError as exc:
        say(f"uvicorn keeps its own {loaded.__name__}: {exc}")
        return False
    return True


def _own_class() -> type | None:
    """Import our class, and check once that it serves a client under this version of uvicorn."""
    try:
        from ....uvicorn import WebSocketProtocol
        from .own_proof import prove_own

        prove_own(WebSocketProtocol)
    except Exception as exc:
        say(f"uvicorn keeps its own protocol: {type(exc).__name__}: {exc}")
        return None
    return WebSocketProtocol


def prove() -> None:
    """See that the settings have what `load` looks at; the class is proved when it is first taken."""
    config = import_module(CONFIG).Config(None, ws="none", log_config=None, lifespan="off", http="h11")
    if config.ws != "none" or config.loaded:
        raise RuntimeError("Config has changed")
