"""The watches of a connection, made when first needed: its modules may be imported at any time."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from inspect import signature
from typing import Any

from ...._backend import Watch
from . import HOST
from .bypassed import DEFLATE, DEFLATE_CLASS, DEFLATING, KEYS, PROTOCOL_CLASS, RECEIVING, SENDING, WRITING


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


@cache
def deflating() -> Watch:
    return HOST.watch(DEFLATING, DEFLATE_CLASS)


@cache
def deflate_class() -> Any:
    return import_module(DEFLATE).PerMessageDeflate


@cache
def limits_what_is_inflated() -> bool:
    """Tell whether autobahn says how long a message may be when it inflates it: since 26.7."""
    return "max_output_len" in signature(deflate_class().decompress_message_data).parameters


def clear_watches() -> None:
    """Make the watches again when needed: a proof runs before the modules of the framework are imported."""
    for made in (receiving, sending, writing, keys, deflating, deflate_class, limits_what_is_inflated):
        made.cache_clear()


def logs_debug(self: Any) -> bool:
    """Tell whether debug messages are logged."""
    return getattr(self.log.debug, "__name__", "") != "_no_op"
