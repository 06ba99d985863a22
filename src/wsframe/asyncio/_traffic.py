"""What the connections of a server have received and sent, for its metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._endpoint import Endpoint


class Traffic:
    """What connections have received and sent: those that have ended, until others are added.

    Nothing is counted here while messages are sent and received: connections do that.

    Attributes:
        connections: how many have opened, also of those that have not ended.
        messages_received, messages_sent: whole messages; one in fragments counts at its end.
        bytes_received, bytes_sent: bytes of frames, with their headers, compressed, before TLS.
    """

    __slots__ = ("bytes_received", "bytes_sent", "connections", "messages_received", "messages_sent")

    def __init__(self) -> None:
        self.connections = 0
        self.messages_received = 0
        self.messages_sent = 0
        self.bytes_received = 0
        self.bytes_sent = 0

    def add(self, ws: Endpoint) -> None:
        """Add what a connection has received and sent."""
        self.messages_received += ws._messages_received
        self.messages_sent += ws._messages_sent
        self.bytes_received += ws._bytes_received
        self.bytes_sent += ws._bytes_sent


class Group:
    """The connections of a server.

    Attributes:
        connections: those that have not ended; some may be opening.
        ended: the traffic of the others.
    """

    __slots__ = ("connections", "ended")

    def __init__(self) -> None:
        self.connections: set[Any] = set()
        self.ended = Traffic()

    def opened(self, ws: Endpoint) -> None:
        """Count a connection whose opening handshake is done."""
        self.connections.add(ws)
        self.ended.connections += 1

    def lost(self, ws: Endpoint) -> None:
        """Remove a connection that has ended."""
        if ws in self.connections:
            self.connections.discard(ws)
            self.ended.add(ws)


# The connections of uvicorn, of all its servers in this process.
UVICORN = Group()


def traffic_of(groups: Iterable[Group]) -> Traffic:
    """Return the traffic of all connections, now."""
    total = Traffic()
    for group in groups:
        ended = group.ended
        for name in Traffic.__slots__:
            setattr(total, name, getattr(total, name) + getattr(ended, name))
        for ws in list(group.connections):
            total.add(ws)
    return total
