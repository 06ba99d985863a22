"""One topic: its members, and what waits for those that are behind."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from ..connection import Broadcast
from ._engine import Position

if TYPE_CHECKING:
    from ._endpoint import Endpoint
    from .topics import Topics


# Saves memory where there are many topics; nothing is ever added to it.
_NONE: Any = {}


class Topic:
    """A topic that has members.

    A connection is in one of three places: in `members`; in `recovering` while the messages that it has
    missed are read and sent; and in `recovered_to` after that, until a message arrives that is newer.

    Attributes:
        members: connections that get each message when it arrives.
        asgi_members: members that are no connections of ours; `queue_message(topic, message)` sends to them.
        latest: for "latest", the newest message for each member whose peer does not read.
        recovering: the newer messages that wait for each member meanwhile.
        recovered_to: the position of the last message that each member has from the history.
    """

    __slots__ = ("asgi_members", "latest", "members", "name", "owner", "recovered_to", "recovering")

    def __init__(self, owner: Topics, name: str) -> None:
        self.owner = owner
        self.name = name
        self.members: set[Endpoint] = set()
        self.asgi_members = _NONE
        self.latest: dict[Endpoint, Broadcast] = _NONE
        self.recovering: dict[Endpoint, deque[tuple[Position, Broadcast]]] = _NONE
        self.recovered_to: dict[Endpoint, Position] = _NONE

    @property
    def empty(self) -> bool:
        """Whether it has no member."""
        return not (self.members or self.asgi_members or self.recovering or self.recovered_to)

    def add(self, ws: Endpoint) -> None:
        """Add a member, unless it is one."""
        if ws not in self.recovering and ws not in self.recovered_to:
            self.members.add(ws)

    def remove(self, ws: Endpoint) -> None:
        """Remove a member, and what waits for it."""
        self.members.discard(ws)
        self.latest.pop(ws, None)
        self.recovering.pop(ws, None)
        self.recovered_to.pop(ws, None)

    def keep_latest(self, ws: Endpoint, message: Broadcast) -> None:
        """Keep the newest message for a member whose peer does not read."""
        if self.latest is _NONE:
            self.latest = {}
        self.latest[ws] = message

    def start_recovering(self, ws: Endpoint, newer: deque[tuple[Position, Broadcast]]) -> None:
        """Have the messages that arrive wait for a member, which leaves `members`."""
        self.members.discard(ws)
        self.recovered_to.pop(ws, None)
        if self.recovering is _NONE:
            self.recovering = {}
        self.recovering[ws] = newer

    def end_recovering(self, ws: Endpoint, position: Position) -> None:
        """Note the position of the last message that a member has from the history."""
        del self.recovering[ws]
        if self.recovered_to is _NONE:
            self.recovered_to = {}
        self.recovered_to[ws] = position

    def add_asgi_member(self, member: Any) -> None:
        """Add a member that is no connection of ours."""
        if self.asgi_members is _NONE:
            self.asgi_members = {}
        self.asgi_members[member] = None

    def remove_asgi_member(self, member: Any) -> None:
        """Remove a member that is no connection of ours."""
        if member in self.asgi_members:
            del self.asgi_members[member]

    def is_newer(self, ws: Endpoint, position: Position) -> bool:
        """Tell whether a message is newer than those from the history; then all that follow are, too."""
        last = self.recovered_to.get(ws)
        if last is not None:
            if position.epoch == last.epoch and position.offset <= last.offset:
                return False
            del self.recovered_to[ws]
            self.members.add(ws)
        return True

    # What an Endpoint calls.

    def member_lost(self, ws: Endpoint) -> None:
        """Remove a connection that has ended; its own set of topics is gone already."""
        self.owner._remove(self, ws)

    def member_drained(self, ws: Endpoint) -> None:
        """Send the newest message to a member whose peer reads again."""
        message = self.latest.pop(ws, None)
        if message is not None:
            self.owner._write(ws, message)
