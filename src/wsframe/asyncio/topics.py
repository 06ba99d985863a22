"""Topics: a message for many connections, of this process or, with an engine, of several."""

# Rules of a Topics object.
#
# 1. Only the thread of the event loop calls it.
# 2. A connection is a member of a Topic if and only if the Topic is in `connection._topics`.  It leaves when
#    the transport has lost its connection, or `discard` is called.
# 3. A message is written at once, after all that was written to the connection before.  What a connection
#    gets in one loop iteration leaves in one write, at the end of the iteration.
# 4. What is queued for a peer that does not read is bounded: `max_unsent` bytes and a message, and for
#    "latest" one message for each topic.
# 5. With an engine a topic is subscribed to while it has members, and all messages come from the engine, also
#    those of this process: members of all processes get them in the same order.

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

from .._options import check_callable, check_logger, check_not_async
from ..connection import Broadcast, State, as_kind, bytes_of
from ._counters import Counters
from ._delivery import MAX_UNSENT, Delivery, SlowPeer
from ._engine import Engine, EngineUnavailable, Position
from ._recovery import Subscribed, recover
from ._topic import Topic

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

    from .._options import AnyLogger
    from ._endpoint import Endpoint
    from .connection import Connection

__all__ = ["MAX_UNSENT", "Counters", "SlowPeer", "Subscribed", "Topics", "WhenLost", "Wrap"]

WhenLost = Literal["raise", "count"]
OnGap = Callable[["Connection", str], object]
Wrap = Callable[[str, "str | bytes", "Position | None"], "str | bytes"]

# Offsets are below it: those of Redis have 63 bits.
MAX_OFFSET = 2**63

_logger = logging.getLogger("wsframe.topics")


class Topics(Delivery):
    """Sends messages to all connections that have joined a topic.

    A message is encoded once, and compressed once for all connections that compress alike.  All messages of
    one loop iteration leave a connection in one write, at its end, in the order of the calls, also relative
    to `send` and `send_nowait` of the connection.  Nothing is waited for.

    Only the thread of the event loop may call it; others use
    `loop.call_soon_threadsafe(topics.publish, topic, message)`.

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
            and subscribed: messages may have been missed.  Also for members of a topic that the server of the
            engine refuses.  By default a line is logged.
        wrap: called once with each message that the engine delivers: the topic, the message, and its Position
            or None; what it returns is sent.  For messages that tell their clients the position.
        logger: the logger, instead of "wsframe.topics".

    Attributes:
        counters: what was published, delivered and dropped.
    """

    def __init__(
        self,
        *,
        engine: Engine | None = None,
        slow_peer: SlowPeer = "drop",
        max_unsent: int = MAX_UNSENT,
        when_lost: WhenLost = "raise",
        on_gap: OnGap | None = None,
        wrap: Wrap | None = None,
        logger: AnyLogger | None = None,
    ) -> None:
        if when_lost not in ("raise", "count"):
            raise ValueError(f"when_lost must be 'raise' or 'count', not {when_lost!r}")
        if engine is not None and not isinstance(engine, Engine):
            raise TypeError(f"engine must be an engine or None, not {type(engine).__name__}")
        super().__init__(slow_peer, max_unsent)
        check_callable("on_gap", on_gap)
        check_not_async("on_gap", on_gap)
        check_callable("wrap", wrap)
        check_not_async("wrap", wrap)
        check_logger(logger)
        self.logger: AnyLogger = _logger if logger is None else logger
        self._engine = engine
        self._when_lost = when_lost
        self._on_gap = on_gap
        self._wrap = wrap
        self._topics: dict[str, Topic] = {}
        # How many calls of `subscribe` wait, for each member that no other call has added.
        self._joining: dict[tuple[Any, str], int] = {}

    async def start(self) -> None:
        """Connect the engine.

        Raises:
            EngineUnavailable: the first attempt has failed; it may be called again.
            RuntimeError: the engine is started, or closed.
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
        """Add a connection to a topic: it gets the messages until it is discarded or ends.

        With an engine, what other processes publish before it is subscribed is missed: see `subscribe`.

        Args:
            ws: open or closing; one that is closed is not added.
            topic: any string that UTF-8 can encode; with NATS the subject has at most 4000 bytes.

        Raises:
            TypeError, ValueError: the topic is none.
        """
        if ws.state is not State.CLOSED:
            self._join(ws, topic).add(ws)
            self._joining.pop((ws, topic), None)

    async def subscribe(self, ws: Connection, topic: str, since: tuple[str, int] | None = None) -> Subscribed:
        """Add a connection to a topic, and wait until the engine delivers the messages.

        Args:
            ws: open or closing.
            topic: see `add`.
            since: the position (epoch, offset) of the last message that the client has; those after it are
                sent first.  That needs an engine with a history.  One that no message can have is no error:
                nothing is recovered.

        Returns:
            Whether all that was missed is sent, and the position now.  If not all is sent, a
            part of it may be, and the client has to get its state in another way.

        Raises:
            TypeError: `since` is no pair of a str and an int, or the topic is no str.
            ValueError: see `add`.
            EngineUnavailable: the history cannot be read now, the engine is not started, or closed, or its
                server refuses the topic; the connection has not joined, unless by another call.
        """
        if ws.state is State.CLOSED:
            return Subscribed(False, None)
        engine = self._engine
        if engine is None or not engine.has_history:
            return await self._add_and_wait(ws, topic)
        last = None if since is None else _position_of(since)
        waiting = self._joining.get((ws, topic), 0)
        joined = topic in self.topics_of(ws) and not waiting
        found = self._join(ws, topic)
        if not joined:
            self._joining[ws, topic] = waiting + 1
        try:
            subscribed = await recover(self, engine, found, ws, last)
        except BaseException:
            self._subscribe_failed(ws, topic)
            raise
        self._joining.pop((ws, topic), None)
        return subscribed

    async def _add_and_wait(self, ws: Any, topic: str) -> Subscribed:
        """Add a member without what it has missed."""
        waiting = self._joining.get((ws, topic), 0)
        joined = topic in self.topics_of(ws) and not waiting
        self.add(ws, topic)
        if not joined:
            self._joining[ws, topic] = waiting + 1
        try:
            if self._engine is not None:
                await self._engine.subscribed(topic)
        except BaseException:
            self._subscribe_failed(ws, topic)
            raise
        self._joining.pop((ws, topic), None)
        return Subscribed(False, None)

    def _subscribe_failed(self, ws: Any, topic: str) -> None:
        """Remove a member that was added to wait, unless another call waits or has added it, too."""
        waiting = self._joining.pop((ws, topic), 0)
        if waiting == 1:
            self.discard(ws, topic)
        elif waiting:
            self._joining[ws, topic] = waiting - 1

    def _stays(self, ws: Any, topic: str) -> bool:
        """Tell whether a member that waits stays one if this call of `subscribe` fails."""
        return topic in self.topics_of(ws) and self._joining.get((ws, topic), 0) != 1

    def discard(self, ws: Connection, topic: str) -> None:
        """Remove a connection from a topic; do nothing if it is not a member."""
        found = self._topics.get(topic)
        if found is not None and ws._topics is not None and found in ws._topics:
            self._leave_topic(ws, found)

    def discard_all(self, ws: Connection) -> None:
        """Remove a connection from all topics."""
        for topic in self.topics_of(ws):
            self.discard(ws, topic)

    def publish(self, topic: str, message: str | Buffer, *, text: bool | None = None) -> None:
        """Send a message to all members of a topic.

        Args:
            topic: see `add`; one without members is no error.
            message: str for text, bytes-like for binary.  An engine has one kind: see its `text`.
            text: True to send bytes-like as text, which must be UTF-8, False to send str as binary.

        Raises:
            TypeError: the message is neither, or not of the kind of the engine; or the topic is no str.
            ValueError: see `add`.
            EngineUnavailable: the engine cannot take it now, and `when_lost` is "raise".
        """
        message = as_kind(message, text)
        if self._engine is not None:
            self._publish(self._engine, topic, message)
            return
        found = self._topics.get(topic)
        if found is None:
            self._check_topic(topic)
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
        if topic not in self._topics:
            self._check_topic(topic)
        try:
            engine.publish(topic, payload)
        except EngineUnavailable:
            self.counters.unpublished += 1
            if self._when_lost == "raise":
                raise
        else:
            self.counters.published += 1

    async def drain(self) -> None:
        """Wait until what was published has reached the engine, or is counted in `counters.unpublished`."""
        if self._engine is not None:
            await self._engine.drain()

    def members(self, topic: str) -> set[Any]:
        """Return the connections of this process that get the messages of a topic."""
        found = self._topics.get(topic)
        return set() if found is None else found.members | found.recovered_to.keys()

    def topics_of(self, ws: Connection) -> set[str]:
        """Return the topics whose messages a connection gets."""
        return {topic.name for topic in ws._topics or () if topic.owner is self}

    @property
    def topics(self) -> set[str]:
        """The topics that have members."""
        return set(self._topics)

    def _topic(self, topic: str) -> Topic:
        """Return a topic, which gets a member."""
        found = self._topics.get(topic)
        if found is None:
            self._check_topic(topic)
            found = self._topics[topic] = Topic(self, topic)
            if self._engine is not None:
                self._engine.subscribe(topic)
        return found

    def _check_topic(self, topic: object) -> None:
        """Raise for a topic that cannot be, before the engine sees it: its session would end with it."""
        if not isinstance(topic, str):
            raise TypeError(f"a topic is a str, not {type(topic).__name__}")
        try:
            topic.encode()
        except UnicodeEncodeError as exc:
            raise ValueError(f"a topic must be encodable as UTF-8, unlike {topic[:100]!r}") from exc
        if self._engine is not None:
            self._engine.check_topic(topic)

    def _join(self, ws: Endpoint, topic: str) -> Topic:
        found = self._topic(topic)
        if ws._topics is None:
            ws._topics = {found}
        else:
            ws._topics.add(found)
        return found

    def _leave_topic(self, ws: Endpoint, topic: Topic) -> None:
        if ws._topics is not None:
            ws._topics.discard(topic)
        self._remove(topic, ws)

    def _remove(self, topic: Topic, ws: Endpoint) -> None:
        topic.remove(ws)
        self._check_empty(topic)

    def _check_empty(self, topic: Topic) -> None:
        """Unsubscribe from a topic whose last member has left."""
        if topic.empty and self._topics.get(topic.name) is topic:
            del self._topics[topic.name]
            if self._engine is not None:
                self._engine.unsubscribe(topic.name)

    # What the engine calls.

    def _received(self, topic: str, payload: bytes, position: Position | None) -> None:
        """Deliver a message from the engine."""
        found = self._topics.get(topic)
        if found is None:
            return  # the last member has left
        self.counters.received += 1
        message = self._encode(topic, payload, position)
        if message is None:
            return
        if position is not None:
            for ws in list(found.recovered_to):
                found.is_newer(ws, position)
            for newer in found.recovering.values():
                newer.append((position, message))
        self._deliver(found, message)

    def _encode(self, topic: str, payload: bytes, position: Position | None) -> Broadcast | None:
        """Encode a message from the engine; count one that is invalid, and return None."""
        assert self._engine is not None
        try:
            message: str | bytes = payload.decode() if self._engine.text else payload
            if self._wrap is not None:
                message = self._wrap(topic, message, position)
            return Broadcast(message)
        except Exception:
            self._count_invalid()
            return None

    def _count_invalid(self) -> None:
        """Count and log a message from the engine that cannot be sent; an exception is being handled."""
        self.counters.invalid += 1
        self.logger.exception("a message from the engine cannot be sent")

    def _gap(self, topics: Iterable[str]) -> None:
        """Tell all members of topics that they may have missed messages."""
        self.counters.gaps += 1
        self._tell_gap([(ws, topic) for topic in topics for ws in self.members(topic)])

    def _tell_gap(self, affected: list[tuple[Any, str]]) -> None:
        """Tell members of topics that they may have missed messages."""
        if self._on_gap is None:
            self.logger.warning("messages may have been missed by %d members of topics", len(affected))
            return
        for ws, topic in affected:
            try:
                self._on_gap(ws, topic)
            except Exception:
                self.logger.exception("on_gap failed")


def _position_of(since: object) -> Position | None:
    """Check a position that a client may have sent; return None for one that no message can have."""
    match since:
        case (str(epoch), int(offset)) if not isinstance(offset, bool):
            known = 0 <= offset < MAX_OFFSET and epoch.isascii()
            return Position(epoch, offset) if known else None
    raise TypeError(f"since must be a pair of epoch and offset, str and int, not {since!r}")
