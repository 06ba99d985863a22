"""uvicorn with wsframe's own protocol in the place of the WebSocket class that it would take.

`Config.load` settles which class a server makes for each connection. Where that is one of uvicorn's own, and
nobody has replaced anything in it, it becomes `wsframe.uvicorn:WebSocketProtocol`, which behaves as the class
of that name and version does (`wsframe._uvicorn_classes`). Whatever else the settings name stays.

`WSFRAME_OWN_PROTOCOL=0` leaves all of uvicorn's classes where they are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from itertools import takewhile
from typing import Any

from ...host import Part, Replacement
from ...ownership import is_current, require_own
from ...report import say
from ...slot import distribution_version

__all__ = ["PART", "classes_are_patched", "left_alone"]

CONFIG = "uvicorn.config"
FOLDER = "uvicorn.protocols.websockets"

# uvicorn's own classes: the module, the class, and what of a library stands behind it.
CLASSES = {
    "websockets_impl": "WebSocketProtocol",
    "websockets_sansio_impl": "WebSocketsSansIOProtocol",
    "wsproto_impl": "WSProtocol",
}
BEHIND = {
    "websockets_impl": (),  # it inherits from what is behind it
    "websockets_sansio_impl": ("websockets.server:ServerProtocol", "websockets.protocol:Protocol"),
    "wsproto_impl": ("wsproto:WSConnection", "wsproto.connection:Connection"),
}
# The versions whose classes are known well enough to be patched.
PATCHED = (0, 54, 0), (0, 55, 0)
SWITCHED_OFF = "WSFRAME_OWN_PROTOCOL=0"
SETTINGS = ("auto", "websockets", "websockets-sansio", "wsproto")
PACKAGES = {"uvicorn", "websockets", "wsproto", "asyncio"}


def version_of(text: str) -> tuple[int, ...]:
    """Return the numbers of a version."""
    return tuple(int("".join(takewhile(str.isdecimal, part)) or 0) for part in text.split(".")[:3])


def why_not() -> str:
    """Say why uvicorn's own classes stay; empty when they do not."""
    if os.environ.get("WSFRAME_OWN_PROTOCOL") == "0":
        return SWITCHED_OFF
    return "" if find_spec("httptools") else "wsframe's own protocol needs httptools"


def classes_are_patched() -> bool:
    """Tell whether uvicorn's own classes are made faster instead, where they can be."""
    numbers = version_of(distribution_version("uvicorn") or "")
    return bool(why_not()) and PATCHED[0] <= numbers < PATCHED[1]


def left_alone() -> str:
    """Say why neither is done; empty when one is."""
    return "" if classes_are_patched() else why_not()


def _replacements() -> Iterable[Replacement]:
    obstacle = why_not()
    if not obstacle:
        Config = import_module(CONFIG).Config
        yield Config, "load", _load(Config.load)
    elif obstacle != SWITCHED_OFF or not classes_are_patched():
        raise RuntimeError(obstacle)


def _load(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """Make `Config.load`."""

    @wraps(original)
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
    """List a class, those that it inherits from, and those that it stands on."""
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
        from .own_proof import prove

        prove(WebSocketProtocol)
    except Exception as exc:
        say(f"uvicorn keeps its own protocol: {type(exc).__name__}: {exc}")
        return None
    return WebSocketProtocol


def _prove() -> None:
    """See that the settings have what `load` looks at; the class is proved when it is first taken."""
    if why_not():
        return
    config = import_module(CONFIG).Config(None, ws="none", log_config=None, lifespan="off", http="h11")
    if config.ws != "none" or config.loaded:
        raise RuntimeError("Config has changed")


PART = Part(modules=(CONFIG,), replacements=_replacements, prove=_prove, note="own protocol", why_not=why_not)
