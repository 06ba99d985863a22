"""Pausing reads later than uvicorn does, and coalescing the replies to the messages of one read.

uvicorn pauses reading when a message has arrived, and resumes it when the application has received that: for
each message the socket leaves and enters the selector. Here reading is paused only after the application has
run, and not at all if it has received the message by then. Nothing is read in between: the event loop runs
callbacks in order, and a read that becomes due meanwhile comes after the pause, which cancels it.
"""

from __future__ import annotations

from asyncio import selector_events
from typing import Any

from .._shared.coalesce import join, output_of, received

# Only of this event loop it is known that it keeps the order that makes the late pause the same as the early
# one: with any other, reading is paused at once.
TRANSPORT: Any = selector_events._SelectorSocketTransport  # type: ignore[attr-defined]


def queued(protocol: Any, count: int = 1) -> None:
    """Note that messages of one read have been queued for the application."""
    if count > 1 or protocol.read_paused:
        join(protocol, protocol.transport, protocol.loop, (protocol, "transport"))
    else:
        received(protocol)
    if not protocol.read_paused:
        protocol.read_paused = True
        if type(protocol.transport) is TRANSPORT:
            protocol.loop.call_soon(_pause, protocol)
        else:
            protocol.transport.pause_reading()


def output_of_protocol(protocol: Any) -> Any:
    """Return what the messages of a connection are written to."""
    return output_of(protocol, protocol.transport, protocol.loop, (protocol, "transport"))


def _pause(protocol: Any) -> None:
    if protocol.read_paused:
        protocol.transport.pause_reading()
