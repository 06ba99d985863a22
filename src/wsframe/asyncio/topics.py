"""Topics: a message for many connections, of this process or, with an engine, of several."""

# Rules of a Topics object.
#
# 1. Only the thread of the event loop calls it.
# 2. A connection is in `_Topic.members` if and only if the topic is in `connection._topics`. It leaves when
#    the transport has lost its connection, or `discard` is called.
# 3. A message is written at once, behind all that was written to the connection before. What a connection
#    gets in one loop iteration leaves in one write, at its end.
# 4. What waits for a peer that does not read is bounded: `max_unsent` bytes and a message, and for "latest"
#    one message a topic.

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .._backend import write_to_all
from .._options import check_unsent
from .._spec import CloseCode
from ..connection import Broadcast, State, as_kind

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .connection import Connection

# Bytes that wait for a peer that does not read, over which it gets no more.
MAX_UNSENT = 2**18

SlowMember = Literal["drop", "latest", "close"]


@dataclass
class Counters:
    """What a Topics object has done since it was made.

    Attributes:
        published: calls of `publish` that were accepted.
        delivered: messages that were written to a connection.
        dropped: messages that a connection did not get, because its peer does not read or because it was amid
            sending a message in fragments.
        replaced: messages that a connection did not get, because a newer one took their place ("latest").
        closed: connections that were closed because their peer does not read.
    """

    published: int = 0
    delivered: int = 0
    dropped: int = 0
    replaced: int = 0
    closed: int = 0


class _Topic:
    """A topic that has members.

    Attributes:
        latest: the newest message for each member that is behind.
    """

    __slots__ = ("latest", "members", "name", "owner")

    def __init__(self, owner: Topics, name: str) -> None:
        self.owner = owner
        self.name = name
        self.members: set[Connection] = set()
        self.latest: dict[Connection, Broadcast] = {}

    def member_lost(self, ws: Connection) -> None:
        """The connection has ended; it has forgotten the topic already."""
        self.owner._remove(self, ws)

    def member_drained(self, ws: Connection) -> None:
        """The peer of a member that was behind has caught up."""
        message = self.latest.pop(ws, None)
        if message is not None:
            self.owner._write(self, ws, message)


class Topics:
    """Sends messages to all connections that have joined a topic.

    A message is encoded once, and compressed once for all connections that compress alike.  All messages of
    one loop iteration leave a connection in one write, at its end, in the order of the calls,
    also relative to `send` and `send_nowait` of the connection.  Nothing is waited for.

    Args:
        slow_peer: what becomes of a message for a peer that does not read: "drop" drops it, "close" closes
            the connection with 1013, and "latest" keeps the newest message of each topic, to send it when the
            peer has caught up.
        max_unsent: bytes that wait for such a peer, over which that happens.  With "latest" it happens as
            soon as `congested` is true.

    Attributes:
        counters: what was published, delivered and dropped.
    """

    def __init__(
        self,
        *,
        slow_peer: SlowMember = "drop",
        max_unsent: int = MAX_UNSENT,
    ) -> None:
        if slow_peer not in ("drop", "latest", "close"):
            raise ValueError(f"slow_peer must be 'drop', 'latest' or 'close', not {slow_peer!r}")
        check_unsent(max_unsent)
        self.counters = Counters()
        self._slow_peer = slow_peer
        self._max_unsent = max_unsent
        self._topics: dict[str, _Topic] = {}

    def add(self, ws: Connection, topic: str) -> None:
        """Have a connection get the messages of a topic, until it is discarded or ends.

        Args:
            ws: open or closing; one that is closed is not added.
            topic: any string.
        """
        if ws.state is State.CLOSED:
            return
        found = self._topics.get(topic)
        if found is None:
            if not isinstance(topic, str):
                raise TypeError(f"a topic is a str, not {type(topic).__name__}")
            found = self._topics[topic] = _Topic(self, topic)
        found.members.add(ws)
        if ws._topics is None:
            ws._topics = {found}
        else:
            ws._topics.add(found)

    def discard(self, ws: Connection, topic: str) -> None:
        """Have a connection get no more messages of a topic; do nothing if it gets none."""
        found = self._topics.get(topic)
        if found is not None and ws in found.members:
            ws._topics.discard(found)  # type: ignore[union-attr]
            self._remove(found, ws)

    def discard_all(self, ws: Connection) -> None:
        """Have a connection get no more messages of any topic."""
        for topic in self.topics_of(ws):
            self.discard(ws, topic)

    def publish(self, topic: str, message: str | Buffer, *, text: bool | None = None) -> None:
        """Send a message to all members of a topic.

        Args:
            topic: one without members is no error.
            message: str for text, bytes-like for binary.
            text: True to send bytes-like as text, which must be UTF-8, False to send str as binary.

        Raises:
            TypeError: the message is neither.
        """
        found = self._topics.get(topic)
        if found is None and text is None and isinstance(message, (str, bytes)):
            self.counters.published += 1
            return
        sending = Broadcast(as_kind(message, text))
        self.counters.published += 1
        if found is not None:
            self._deliver(found, sending)

    def members(self, topic: str) -> set[Connection]:
        """Return the connections of this process that get the messages of a topic."""
        found = self._topics.get(topic)
        return set() if found is None else set(found.members)

    def topics_of(self, ws: Connection) -> set[str]:
        """Return the topics whose messages a connection gets."""
        return {topic.name for topic in ws._topics or () if topic.owner is self}

    @property
    def topics(self) -> set[str]:
        """The topics that have members."""
        return set(self._topics)

    def _remove(self, topic: _Topic, ws: Connection) -> None:
        topic.members.discard(ws)
        topic.latest.pop(ws, None)
        if not topic.members:
            del self._topics[topic.name]

    def _deliver(self, topic: _Topic, sending: Broadcast) -> None:
        rest = write_to_all(topic.members, sending.uncompressed)
        self.counters.delivered += len(topic.members) - len(rest)
        for ws in rest:
            if ws.state is not State.OPEN:
                continue
            if ws.congested and not self._takes_more(topic, ws, sending):
                continue
            self._write(topic, ws, sending)

    def _takes_more(self, topic: _Topic, ws: Connection, sending: Broadcast) -> bool:
        """Tell whether to write a message although the peer is behind; if not, see what becomes of it."""
        if self._slow_peer == "latest":
            if ws in topic.latest:
                self.counters.replaced += 1
            topic.latest[ws] = sending
            return False
        if ws.transport.get_write_buffer_size() <= self._max_unsent:
            return True
        self.counters.dropped += 1
        if self._slow_peer == "close":
            self.counters.closed += 1
            self.discard_all(ws)
            ws.close_nowait(CloseCode.TRY_AGAIN_LATER, "peer is too slow")
        return False

    def _write(self, topic: _Topic, ws: Connection, sending: Broadcast) -> None:
        """Write a message to a connection that compresses or masks, or on which a `send` waits."""
        alone = not ws._pending_sends or ws._write_pending_sends()
        frame = sending.frame_for(ws.protocol) if alone else None
        if frame is not None:
            ws._write_at_end(frame)
            self.counters.delivered += 1
        elif ws.state is State.OPEN:  # amid a message in fragments
            self.counters.dropped += 1
