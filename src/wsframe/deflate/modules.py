"""The module that compresses: the standard zlib, or one with the same interface that is installed.

All compression in wsframe gets its module here: the codec, and the hosts.

1. "auto" is the best module installed. It takes the levels of zlib, and is bounded: no more than CONTEXTS
   compressors and inflaters of that module are kept between messages at a time, because each holds up to four
   times the memory of zlib's. Where there are as many, zlib does the work.
2. A module that is named does all the work, with its own levels and without a bound.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Final

AUTO: Final = "auto"
# By their names on PyPI; each may be written with an underscore, too, as it is imported.
MODULES = {"zlib": "zlib", "zlib-ng": "zlib_ng.zlib_ng", "isal": "isal.isal_zlib"}
BEST_FIRST = ("isal", "zlib-ng")

CONTEXTS: Final = 1024  # compressors and inflaters of the best module kept at a time
ZLIB_LEVEL: Final = 4  # 2 to 4 % more bytes than level 6, in 10 to 30 % less time
SMALL: Final = 1024  # bytes, of a compressed message, below which zlib inflates as fast as isal

# The levels of zlib, as each module counts them. Level 0, which stores, is none that isal has. Its level 2
# saves 1 % of what level 1 leaves, and holds 50 KiB more; level 3 saves nothing and takes twice as long.
LEVELS = {
    "isal": {**dict.fromkeys(range(-1, 7), 1), **dict.fromkeys(range(7, 10), 2)},
    "zlib-ng": {level: level for level in range(-1, 10)},
}
del LEVELS["isal"][0]
MOST_MEMORY = {"isal": 3, "zlib-ng": 9}  # the mem_level from which nothing gets smaller or faster


def spelled(name: str) -> str:
    """Return the name of a module as MODULES has it: "zlib-ng" for "zlib_ng"."""
    return name.replace("_", "-")


def _named() -> str:
    """Return what the environment names, as MODULES has it; "auto" where that is not installed."""
    name = spelled(os.environ.get("WSFRAME_ZLIB", ""))
    try:
        import_module(MODULES[name])
    except (KeyError, ImportError):
        return AUTO
    return name


_chosen = _named()
# One item for each place. A list, because its `pop` and `append` need no lock.
_places: list[None] = [None] * CONTEXTS


@cache
def module_of(name: str) -> Any:
    """Import the module of this name.

    Raises:
        ValueError: the name is none that `use` takes.
        ImportError: the module is not installed.
    """
    if name == AUTO:
        return module_of(best())
    if spelled(name) not in MODULES:
        raise ValueError(f"name must be one of {', '.join(MODULES)}, not {name!r}")
    return import_module(MODULES[spelled(name)])


@cache
def best() -> str:
    """Name the fastest module that is installed: "isal", "zlib-ng", or else "zlib".

    Where the GIL is off nothing is imported that might bring it back.
    """
    free = not getattr(sys, "_is_gil_enabled", lambda: True)()
    for name in BEST_FIRST:
        if free and MODULES[name] not in sys.modules:
            continue
        try:
            import_module(MODULES[name])
        except ImportError:
            continue
        return name
    return "zlib"


def use(name: str) -> None:
    """Choose the module that compresses and inflates, for policies made from now on.

    Args:
        name: "zlib", "zlib-ng" or "isal", the last two being packages to install; or "auto", the default: the
            best of them that is installed.

    Raises:
        ValueError: the name is none of these.
        ImportError: the module is not installed.
    """
    global _chosen
    module_of(name)
    _chosen = spelled(name)


def in_use() -> str:
    """Tell which module is in use: "zlib", "zlib-ng" or "isal"."""
    return best() if _chosen == AUTO else _chosen


def chosen() -> str:
    """Tell what was chosen: one of these names, or "auto"."""
    return _chosen


class Place:
    """The right to keep a compressor or an inflater of the best module; given back when it is deleted."""

    __slots__ = ()

    def __del__(self, give_back: Callable[[None], None] = _places.append) -> None:
        give_back(None)


def take_place() -> Place | None:
    """Take one of the CONTEXTS places; None when all are taken."""
    try:
        _places.pop()
    except IndexError:
        return None
    return Place()


class Kept:
    """A compressor that has a place. Its methods are those of the compressor itself."""

    __slots__ = ("_place", "compress", "flush")

    def __init__(self, inner: Any, place: Place) -> None:
        self.compress: Any = inner.compress
        self.flush: Any = inner.flush
        self._place = place


def compressor(name: str, bits: int, level: int | None, mem_level: int, *, kept: bool) -> Any:
    """Make what compresses into raw DEFLATE.

    Args:
        name: of the module, or "auto".
        bits: of the window, from 9 to 15.
        level: as the module counts them, with "auto" as zlib does; None for the default, ZLIB_LEVEL where it
            is zlib that compresses.
        mem_level: from 1 to 9.
        kept: it is kept between messages.
    """
    if name != AUTO:
        if level is None and name == "zlib":
            level = ZLIB_LEVEL
        if level is None:
            return module_of(name).compressobj(wbits=-bits, memLevel=mem_level)
        return module_of(name).compressobj(level, wbits=-bits, memLevel=mem_level)
    name, wanted = best(), -1 if level is None else level
    if name != "zlib" and wanted in LEVELS[name]:
        place = take_place() if kept else None
        if place is not None or not kept:
            mem_level = min(mem_level, MOST_MEMORY[name])
            made = module_of(name).compressobj(LEVELS[name][wanted], wbits=-bits, memLevel=mem_level)
            return made if place is None else Kept(made, place)
    return zlib.compressobj(ZLIB_LEVEL if level is None else level, wbits=-bits, memLevel=mem_level)


def inflating_module(name: str, size: int, *, kept: bool) -> tuple[Any, Place | None]:
    """Choose what inflates a stream.

    Args:
        name: of the module, or "auto".
        size: bytes of the first compressed message.
        kept: the inflater is kept between messages.

    Returns:
        The module, and the place to keep with its inflater.
    """
    if name != AUTO:
        return module_of(name), None
    if size < SMALL:
        return zlib, None
    place = take_place() if kept and best() != "zlib" else None
    return (zlib if place is None and kept else module_of(best())), place
