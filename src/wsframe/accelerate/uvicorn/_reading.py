"""When reading stops, and writing waits.

uvicorn stops reading when a message has arrived, and reads on when the application has taken it: twice a
message the socket leaves and enters the selector. Here the stop waits until the application had its turn, and
is forgotten if by then the message is gone. Nothing is read in between: the event loop runs what is due in
order, and a read that becomes due meanwhile comes after the stop, which cancels it. The answers to many
messages of one read leave in one write.
"""

from __future__ import annotations

from asyncio import selector_events
from typing import Any

from .._hold import hold

# Only this event loop is known to keep the order that makes the late stop the same as the early one.
TRANSPORT: Any = selector_events._SelectorSocketTransport  # type: ignore[attr-defined]


def can_stop_late(transport: object) -> bool:
    return type(transport) is TRANSPORT


def queued(protocol: Any, count: int = 1) -> None:
    """Take note that messages are on their way to the application."""
    if protocol.read_paused or count > 1:  # more than one of a read
        hold(protocol.transport, protocol.loop)
    if not protocol.read_paused:
        protocol.read_paused = True
        protocol.loop.call_soon(_pause, protocol)


def _pause(protocol: Any) -> None:
    if protocol.read_paused:
        protocol.transport.pause_reading()
