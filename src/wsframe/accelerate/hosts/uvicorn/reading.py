"""When reading stops, and writing waits.

uvicorn stops reading when a message has arrived, and reads on when the application has taken it: twice a
message the socket leaves and enters the selector. Here the stop waits until the application has run, and
is forgotten if by then the message is gone. Nothing is read in between: the event loop runs what is due in
order, and a read that becomes due meanwhile comes after the stop, which cancels it. The replies to many
messages of one read leave in one write.
"""

from __future__ import annotations

from asyncio import selector_events
from typing import Any

from .._shared.coalesce import join, output_of, received

# Only this event loop is known to keep the order that makes the late stop the same as the early one: with any
# other, reading stops at once.
TRANSPORT: Any = selector_events._SelectorSocketTransport  # type: ignore[attr-defined]


def queued(protocol: Any, count: int = 1) -> None:
    """Take note that messages of one read are on their way to the application."""
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
