"""What an application sees of a connection is what the reference says of it."""

from __future__ import annotations

import inspect
import re

import pytest

from wsframe.asyncio import ClientConnection, ServerConnection

# What asyncio calls on a protocol.
CALLBACKS = {
    "buffer_updated",
    "connection_lost",
    "connection_made",
    "eof_received",
    "get_buffer",
    "pause_writing",
    "resume_writing",
}


@pytest.mark.parametrize("cls", [ClientConnection, ServerConnection])
def test_public_attributes_are_those_of_the_reference(cls):
    """The page has each method and property with a docstring, and the attributes that a class lists."""
    listed = set()
    for base in cls.__mro__:
        attributes = (inspect.getdoc(base) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
        if base.__module__.startswith("wsframe.asyncio"):
            listed |= set(re.findall(r"^    (\w+):", attributes, re.MULTILINE))
    for name in {name for name in dir(cls) if not name.startswith("_")} - CALLBACKS - listed:
        value = inspect.getattr_static(cls, name)
        assert inspect.isroutine(value) or isinstance(value, property), name
        assert inspect.getdoc(getattr(cls, name)), name


def test_the_engine_is_private():
    """A new public name is a decision: it is to be documented, and to be kept."""
    engine = {"protocol", "flush"}
    assert {name for name in dir(ServerConnection) if not name.startswith("_")} - CALLBACKS == engine | {
        *("close", "close_code", "close_nowait", "close_reason", "congested", "drain", "id", "latency"),
        *("local_address", "logger", "ping", "pong", "recv", "recv_streaming", "remote_address", "request"),
        *("respond", "response", "send", "send_nowait", "server", "state", "subprotocol", "transport"),
        *("host", "scheme", "wait_closed"),
    }
