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


def compressor_has_lock() -> bool:
    """Tell whether the compressor has messages wait while a thread compresses one: from 3.9.4 to 3.13.1."""
    compressor = getattr(writer_module(), "ZLibCompressor", None)
    return compressor is not None and "_compress_lock" in compressor.__init__.__code__.co_names


def compresses() -> bool:
    """Tell whether compressed messages can take the fast path: not those of 3.9.0 to 3.9.3.

    A thread may compress one while others go by it.
    """
    module = writer_module()
    has_lock = hasattr(module.WebSocketWriter, "_get_compressor") or compressor_has_lock()
    return has_lock or not hasattr(module, "ZLibCompressor")


def queue_class() -> Any:
    """Return the class of the queue of a connection: before 3.11 one for all kinds of data."""
    try:
        return import_module(READER).WebSocketDataQueue
    except ModuleNotFoundError:
        return import_module("aiohttp.streams").FlowControlDataQueue
