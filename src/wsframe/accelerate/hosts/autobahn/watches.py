"""What of a connection is watched, by modules that may be imported at any time."""

from __future__ import annotations

from functools import cache
from typing import Any

from ...._backend import Watch
from . import HOST
from .bypassed import KEYS, PROTOCOL_CLASS, RECEIVING, SENDING, WRITING


@cache
def receiving() -> Watch:
    return HOST.watch(RECEIVING, PROTOCOL_CLASS)


@cache
def sending() -> Watch:
    return HOST.watch(SENDING, PROTOCOL_CLASS)


@cache
def writing() -> Watch:
    return HOST.watch(WRITING, PROTOCOL_CLASS)


@cache
def keys() -> Watch:
    return HOST.watch(KEYS)


def look_again() -> None:
    """Have modules watched that are imported only now: a proof runs before those that name the framework."""
    for made in (receiving, sending, writing, keys):
        made.cache_clear()


def logs_details(self: Any) -> bool:
    """Tell whether what is said for debugging goes anywhere."""
    return getattr(self.log.debug, "__name__", "") != "_no_op"
