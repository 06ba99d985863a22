"""What differs between the versions of aiohttp, as its own code tells."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .bypassed import MODULE, READER, WRITER


def message_types() -> Any:
    """Return the enumeration of opcodes."""
    return import_module(MODULE).WSMsgType


def writer_module() -> Any:
    """Return the module that defines the writer: before 3.11 the one for all of the protocol."""
    try:
        return import_module(WRITER)
    except ModuleNotFoundError:
        return import_module(MODULE)


def queue_class() -> Any:
    """Return the class of the queue of a connection: before 3.11 one for all kinds of data."""
    try:
        return import_module(READER).WebSocketDataQueue
    except ModuleNotFoundError:
        return import_module("aiohttp.streams").FlowControlDataQueue
