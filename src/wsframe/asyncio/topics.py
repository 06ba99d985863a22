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
# 5. With an engine a topic is subscribed to while it has members, and all messages come from the engine, also
#    those of this process: members of all processes get them in the same order.
# 6. A member in `_Topic.recovering` gets its messages once those that it has missed are known, and is then in
#    `_Topic.floors` until the engine delivers a message that is newer than those.

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from .._backend import write_to_all
from .._options import check_callable, check_unsent
from .._spec import CloseCode
from ..connection import Broadcast, State, as_kind, bytes_of
from ._engine import Engine, EngineUnavailable, Position

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

    from ._endpoint import AnyLogger, Endpoint
    from .connection import Connection

# Bytes that wait for a peer that does not read, over which it gets no more.
MAX_UNSENT = 2**18

# Messages that wait for the history of a topic; more, and it is of no use.
MAX_RECOVERING = 1000

SlowMember = Literal["drop", "latest", "close"]
WhenLost = Literal["raise", "count"]
OnGap = Callable[["Connection", str], object]
Wrap = Callable[[str, "str | bytes", "Position | None"], "str | bytes"]

_logger = logging.getLogger("wsframe.topics")


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
        received: messages that the engine has delivered to this process.
        unpublished: messages that the engine may not have taken: it was lost, not connected, too slow, or
            refused them.
        invalid: messages that the engine has delivered and that are no UTF-8, or that `wrap` has failed for.
        gaps: how often the engine was back, and messages may have been missed.
    """

    published: int = 0
    delivered: int = 0
    dropped: int = 0
    replaced: int = 0
    closed: int = 0
    received: int = 0
    unpublished: int = 0
    invalid: int = 0
    gaps: int = 0


class Subscribed(NamedTuple):
    """How `Topics.subscribe` has ended.

    Attributes:
        recovered: whether all that was published after `since` is sent.
        position: of the newest message when the connection joined; None without a history.
    """

    recovered: bool
    position: Position | None


class _Topic:
    """A topic that has members.

    Attributes:
        latest: the newest message for each member that is behind.
        recovering: the messages that wait for each member's history.
        floors: the position of the newest message that each member has from the history.
        others: members that are no connections of ours: `take(topic, message)` sends to them.
    """

    __slots__ = ("floors", "latest", "members", "name", "others", "owner", "recovering")

    def __init__(self, owner: Topics, name: str) -> None:
        self.owner = owner
        self.name = name
        self.members: set[Endpoint] = set()
        self.latest: dict[Endpoint, Broadcast] = {}
        self.recovering: dict[Endpoint, deque[tuple[Position, Broadcast]]] = {}
        self.floors: dict[Endpoint, Position] = {}
        self.others: set[Any] = set()

    def passes(self, ws: Endpoint, position: Position) -> bool:
        """Tell whether a message is newer than those from the history; then all are that follow."""
        floor = self.floors.get(ws)
        if floor is not None:
            if position.epoch == floor.epoch and position.offset <= floor.offset:
                return False
            del self.floors[ws]
            self.members.add(ws)
        return True

    def member_lost(self, ws: Endpoint) -> None:
        """The connection has ended; it has forgotten the topic already."""
        self.owner._remove(self, ws)

    def member_drained(self, ws: Endpoint) -> None:
        """The peer of a member that was behind has caught up."""
        message = self.latest.pop(ws, None)
        if message is not None:
            self.owner._write(ws, message)


class Topics:
    """Sends messages to all connections that have joined a topic.

    A message is encoded once, and compressed once for all connections that compress alike.  All messages of
    one loop iteration leave a connection in one write, at its end, in the order of the calls, also relative
    to `send` and `send_nowait` of the connection.  Nothing is waited for.

    With an engine the connections of several processes share the topics; `async with topics` connects it, or
    `start` and `close`.  A message is then delivered at most once: what is published while a process has lost
    the engine does not reach its members, and `on_gap` tells them when the engine is back.

    Args:
        engine: a RedisEngine or NatsEngine; None for the connections of this process.
        slow_peer: the policy for a peer that does not read: "drop" drops it, "close" closes
            the connection with 1013, and "latest" keeps the newest message of each topic, to send it when the
            peer has caught up.
        max_unsent: bytes that wait for such a peer, over which that happens.  With "latest" it happens as
            soon as `congested` is true.
        when_lost: what `publish` does while the engine is not connected, or cannot keep up: "raise"
            EngineUnavailable, or "count" the message in `counters.unpublished` and drop it.
        on_gap: called with a connection and a topic for each member of each topic, when the engine is back,
            and subscribed: messages may have been missed.  By default a line is logged.
        wrap: called once with each message that the engine delivers: the topic, the message, and its Position
            or None; what it returns is sent.  For messages that tell their clients the position.
        logger: what is logged to, instead of "wsframe.topics".

    Attributes:
        counters: what was published, delivered and dropped.
    """

    def __init__(
        self,
        *,
        engine: Engine | None = None,
        slow_peer: SlowMember = "drop",
        max_unsent: int = MAX_UNSENT,
        when_lost: WhenLost = "raise",
        on_gap: OnGap | None = None,
        wrap: Wrap | None = None,
        logger: AnyLogger | None = None,
    ) -> None:
        if slow_peer not in ("drop", "latest", "close"):
            raise ValueError(f"slow_peer must be 'drop', 'latest' or 'close', not {slow_peer!r}")
        if when_lost not in ("raise", "count"):
            raise ValueError(f"when_lost must be 'raise' or 'count', not {when_lost!r}")
        if engine is not None and not isinstance(engine, Engine):
            raise TypeError(f"engine must be an engine or None, not {type(engine).__name__}")
        check_unsent(max_unsent)
        check_callable("on_gap", on_gap)
        check_callable("wrap", wrap)
        self.counters: Counters = Counters()
        self.logger: AnyLogger = _logger if logger is None else logger
        self._engine = engine
        self._slow_peer = slow_peer
        self._max_unsent = max_unsent
        self._when_lost = when_lost
        self._on_gap = on_gap
        self._wrap = wrap
        self._topics: dict[str, _Topic] = {}

    async def start(self) -> None:
        """Connect the engine.

        Raises:
            EngineUnavailable: the first attempt has failed.
        """
        if self._engine is not None:
            await self._engine.start(self)

    async def close(self) -> None:
        """Disconnect the engine, after what was published; connections stay as they are."""
        if self._engine is not None:
            await self._engine.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def add(self, ws: Connection, topic: str) -> None:
        """Have a connection get the messages of a topic, until it is discarded or ends.

        With an engine, what other processes publish before it is subscribed is missed: see `subscribe`.

        Args:
            ws: open or closing; one that is closed is not added.
            topic: any string.
        """
        if ws.state is not State.CLOSED:
            found = self._join(ws, topic)
            if ws not in found.recovering and ws not in found.floors:
                found.members.add(ws)

    async def subscribe(self, ws: Connection, topic: str, since: tuple[str, int] | None = None) -> Subscribed:
        """Have a connection get the messages of a topic, and wait until the engine delivers them.

        Args:
            ws: open or closing.
            topic: any string.
            since: the position (epoch, offset) of the last message that the client has; those after it are
                sent first.  That needs an engine with a history.

        Returns:
            Whether all that was missed is sent, and the position now.  If it is not, nothing of it is: the
            client has to get its state in another way.

        Raises:
            EngineUnavailable: the history cannot be read now; the connection has not joined.
        """
        engine = self._engine
        if ws.state is State.CLOSED:
            return Subscribed(False, None)
        if engine is None or not engine.has_history:
            self.add(ws, topic)
            if engine is not None:
                await engine.subscribed(topic)
            return Subscribed(False, None)
        found = self._join(ws, topic)
        found.members.discard(ws)
        found.floors.pop(ws, None)
        waiting = found.recovering[ws] = deque(maxlen=MAX_RECOVERING)
        try:
            await engine.subscribed(topic)
            history = await engine.history(topic, None if since is None else Position(*since))
        except BaseException:
            if found.recovering.get(ws) is waiting:
                self.discard(ws, topic)
            raise
        position, missed = history
        if found.recovering.get(ws) is not waiting:  # it has ended, left, or subscribed again meanwhile
            return Subscribed(False, position)
        del found.recovering[ws]
        if len(waiting) == MAX_RECOVERING:  # there may have been more
            missed = None
            position = Position(waiting[0][0].epoch, waiting[0][0].offset - 1)
        for at, payload in missed or ():
            replayed = self._sending(topic, payload, at)
            if replayed is not None:
                self._send_to(found, ws, replayed)
        found.floors[ws] = position
        for newer, sending in waiting:
            if found.passes(ws, newer):
                self._send_to(found, ws, sending)
        return Subscribed(missed is not None, position)

    def discard(self, ws: Connection, topic: str) -> None:
        """Have a connection get no more messages of a topic; do nothing if it gets none."""
        found = self._topics.get(topic)
        if found is not None and ws._topics is not None and found in ws._topics:
            ws._topics.discard(found)
            self._remove(found, ws)

    def discard_all(self, ws: Connection) -> None:
        """Have a connection get no more messages of any topic."""
        for topic in self.topics_of(ws):
            self.discard(ws, topic)

    def publish(self, topic: str, message: str | Buffer, *, text: bool | None = None) -> None:
        """Send a message to all members of a topic.

        Args:
            topic: one without members is no error.
            message: str for text, bytes-like for binary.  An engine has one kind: see its `text`.
            text: True to send bytes-like as text, which must be UTF-8, False to send str as binary.

        Raises:
            TypeError: the message is neither, or not of the kind of the engine.
            EngineUnavailable: the engine cannot take it now, and `when_lost` is "raise".
        """
        message = as_kind(message, text)
        if self._engine is not None:
            self._publish(self._engine, topic, message)
            return
        found = self._topics.get(topic)
        if found is None:
            bytes_of(message)  # raises for an invalid message
        else:
            self._deliver(found, Broadcast(message))
        self.counters.published += 1

    def _publish(self, engine: Engine, topic: str, message: str | Buffer) -> None:
        if isinstance(message, str) is not engine.text:
            kind = "text" if engine.text else "binary"
            raise TypeError(
                f"the engine carries {kind} messages, not {type(message).__name__}: see its text="
            )
        payload = bytes_of(message)
        try:
            engine.publish(topic, payload)
        except EngineUnavailable:
            self.counters.unpublished += 1
            if self._when_lost == "raise":
                raise
        else:
            self.counters.published += 1

    async def drain(self) -> None:
        """Wait until the engine has taken what was published; `counters.unpublished` has what it has not."""
        if self._engine is not None:
            await self._engine.drain()

    def members(self, topic: str) -> set[Any]:
        """Return the connections of this process that get the messages of a topic."""
        found = self._topics.get(topic)
        return set() if found is None else found.members | found.floors.keys()

    def topics_of(self, ws: Connection) -> set[str]:
        """Return the topics whose messages a connection gets."""
        return {topic.name for topic in ws._topics or () if topic.owner is self}

    @property
    def topics(self) -> set[str]:
        """The topics that have members."""
        return set(self._topics)

    def _topic(self, topic: str) -> _Topic:
        found = self._topics.get(topic)
        if found is None:
            if not isinstance(topic, str):
                raise TypeError(f"a topic is a str, not {type(topic).__name__}")
            found = self._topics[topic] = _Topic(self, topic)
            if self._engine is not None:
                self._engine.subscribe(topic)
        return found

    def _join(self, ws: Endpoint, topic: str) -> _Topic:
        found = self._topic(topic)
        if ws._topics is None:
            ws._topics = {found}
        else:
            ws._topics.add(found)
        return found

    def _remove(self, topic: _Topic, ws: Endpoint) -> None:
        topic.members.discard(ws)
        topic.latest.pop(ws, None)
        topic.recovering.pop(ws, None)
        topic.floors.pop(ws, None)
        self._check_empty(topic)

    def _check_empty(self, topic: _Topic) -> None:
        """Forget a topic whose last member has left."""
        if topic.members or topic.recovering or topic.floors or topic.others:
            return
        if self._topics.get(topic.name) is topic:
            del self._topics[topic.name]
            if self._engine is not None:
                self._engine.unsubscribe(topic.name)

    # What the engine calls.

    def _received(self, topic: str, payload: bytes, position: Position | None) -> None:
        """A message from the engine."""
        found = self._topics.get(topic)
        if found is None:
            return  # the last member has left
        self.counters.received += 1
        sending = self._sending(topic, payload, position)
        if sending is None:
            return
        if position is not None:
            for ws in list(found.floors):
                found.passes(ws, position)
            for waiting in found.recovering.values():
                waiting.append((position, sending))
        self._deliver(found, sending)

    def _sending(self, topic: str, payload: bytes, position: Position | None) -> Broadcast | None:
        """Encode a message from the engine."""
        assert self._engine is not None
        message: str | bytes = payload
        try:
            if self._engine.text:
                message = payload.decode()
            if self._wrap is not None:
                message = self._wrap(topic, message, position)
            return Broadcast(message)
        except Exception:
            self.counters.invalid += 1
            self.logger.exception("a message from the engine cannot be sent")
            return None

    def _gap(self, topics: Iterable[str]) -> None:
        """Messages of topics may have been missed."""
        self.counters.gaps += 1
        told = [(ws, topic) for topic in topics for ws in self.members(topic)]
        if self._on_gap is None:
            self.logger.warning("messages may have been missed by %d members of topics", len(told))
            return
        for ws, topic in told:
            try:
                self._on_gap(ws, topic)
            except Exception:
                self.logger.exception("on_gap failed")

    # Writing.

    def _deliver(self, topic: _Topic, sending: Broadcast) -> None:
        rest = write_to_all(topic.members, sending.uncompressed)
        self.counters.delivered += len(topic.members) - len(rest)
        for ws in rest:
            self._send_to(topic, ws, sending)
        if topic.others:
            for other in list(topic.others):
                other.take(topic, sending)

    def _send_to(self, topic: _Topic, ws: Endpoint, sending: Broadcast) -> None:
        if ws.state is State.OPEN and (not ws.congested or self._takes_more(topic, ws, sending)):
            self._write(ws, sending)

    def _takes_more(self, topic: _Topic, ws: Endpoint, sending: Broadcast) -> bool:
        """Tell whether to write a message although the peer is behind; if not, apply `slow_peer`."""
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
            self.discard_all(cast("Connection", ws))
            ws._start_closing(CloseCode.TRY_AGAIN_LATER, "peer is too slow")
        return False

    def _write(self, ws: Endpoint, sending: Broadcast) -> None:
        """Write a message to a connection that compresses or masks, or on which a `send` waits."""
        alone = not ws._pending_sends or ws._write_pending_sends()
        frame = sending.frame_for(ws.protocol) if alone else None
        if frame is not None:
            ws._write_at_end(frame)
            self.counters.delivered += 1
        elif ws.state is State.OPEN:  # amid a message in fragments
            self.counters.dropped += 1
