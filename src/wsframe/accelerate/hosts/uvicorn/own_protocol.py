"""uvicorn with wsframe's own protocol instead of the WebSocket class that it would use.

`Config.load` settles which class a server makes for each connection. Where that is one of uvicorn's own, and
nobody has replaced anything in it, it becomes `wsframe.uvicorn:WebSocketProtocol`, which behaves as the class
of that name and version does (`wsframe.uvicorn._behaviour`). Whatever else the settings name stays.

`WSFRAME_OWN_PROTOCOL=0` leaves all of uvicorn's classes where they are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from ...host import Host
from ...ownership import is_current, require_own
from ...report import say
from .bypassed import FOLDER

CONFIG = "uvicorn.config"

# uvicorn's own classes: the module, the class, and the class of a library that it is built on.
CLASSES = {
    "websockets_impl": "WebSocketProtocol",
    "websockets_sansio_impl": "WebSocketsSansIOProtocol",
    "wsproto_impl": "WSProtocol",
}
BEHIND: dict[str, tuple[str, ...]] = {
    "websockets_impl": (),  # it inherits from what is behind it
    "websockets_sansio_impl": ("websockets.server:ServerProtocol", "websockets.protocol:Protocol"),
    "wsproto_impl": ("wsproto:WSConnection", "wsproto.connection:Connection"),
}
SETTINGS = ("auto", "websockets", "websockets-sansio", "wsproto")
PACKAGES = {"uvicorn", "websockets", "wsproto", "asyncio"}


def load(original: Callable[[Any], None], _: Host) -> Callable[[Any], None]:
    def load(self: Any) -> None:
        original(self)
        if _takes_the_class_of_uvicorn(self):
            own = _own_class()
            if own is not None:
                self.ws_protocol_class = own

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
        for owner in _owners(loaded, module):
            for name in list(vars(owner)):
                if callable(getattr(owner, name, None)) or isinstance(vars(owner)[name], property):
                    require_own(owner, name, PACKAGES)
    except RuntimeError as exc:
        say(f"uvicorn keeps its own {loaded.__name__}: {exc}")
        return False
    return True


def _owners(loaded: type, module: str) -> Iterable[type]:
    """List a class, those that it inherits from, and those that it is built on."""
    yield from (kind for kind in loaded.__mro__ if kind.__module__.partition(".")[0] in PACKAGES)
    for path in BEHIND[module]:
        home, _, name = path.partition(":")
        behind = getattr(sys.modules.get(home), name, None)
        if isinstance(behind, type):
            yield behind


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
