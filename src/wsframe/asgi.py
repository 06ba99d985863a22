"""Topics for ASGI applications, on any server: for the handlers of Starlette, FastAPI and the like."""

# Two kinds of members.
#
# 1. On `wsframe.uvicorn`, the connection itself: `Extensions` leads to it.
# 2. On other servers, a `_Sender`: a queue and a task that awaits the `send` of the application.  It exists
#    while its WebSocket is in a topic or its queue is being sent, so that no message overtakes another.

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from ._spec import CloseCode
from .asyncio import metrics as _metrics, topics as _topics
from .asyncio._counters import Counters
from .asyncio._delivery import MAX_UNSENT, SlowPeer
from .asyncio._endpoint import WRITE_LIMIT, Endpoint
from .asyncio._engine import Engine, EngineUnavailable, Position
from .asyncio._recovery import Subscribed
from .asyncio._topic import Topic
from .asyncio._traffic import UVICORN, Group
from .asyncio.connection import Connection
from .asyncio.nats_engine import NatsEngine
from .asyncio.redis_cluster_engine import RedisClusterEngine
from .asyncio.redis_engine import RedisEngine
from .asyncio.topics import WhenLost, Wrap

if TYPE_CHECKING:
    from .asyncio._endpoint import AnyLogger
    from .connection import Broadcast

# What a message that waits costs besides its bytes: the objects of the queue.
MESSAGE_COST = 160

__all__ = [
    "Counters",
    "Engine",
    "EngineUnavailable",
    "Metrics",
    "NatsEngine",
    "Position",
    "RedisClusterEngine",
    "RedisEngine",
    "Subscribed",
    "Topics",
    "WebSocket",
]


class WebSocket(Protocol):
    """A member of a topic: a WebSocket of Starlette, or an object with these two attributes."""

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """The scope of the connection."""

    @property
    def send(self) -> Callable[[MutableMapping[str, Any]], Awaitable[None]]:
        """Sends an event."""


_Waiting = tuple["str | bytes", int]  # a message, and what it counts


class _Sender:
    """Sends messages of topics to a WebSocket of another server.

    Attributes:
        topics: those that it has joined.
        websocket: that of the application.
    """

    def __init__(self, owner: Topics, websocket: WebSocket) -> None:
        self.topics: set[Topic] = set()
        self.websocket = websocket
        self._owner = owner
        self._queue: deque[_Waiting] = deque()
        self._size = 0  # of the queue, and of the message that is being sent
        self._latest: dict[Topic, _Waiting] = {}
        self._sending: asyncio.Task[None] | None = None
        self._ended = False  # nothing can be sent any more
        self._handler = asyncio.current_task()
        if self._handler is not None:
            self._handler.add_done_callback(self.leave_all)

    def queue_message(self, topic: Topic, broadcast: Broadcast) -> None:
        """Send a message soon, or apply `slow_peer`."""
        owner, message = self._owner, broadcast.message
        message = message if isinstance(message, str) else bytes(message)
        waiting = (message, len(broadcast.uncompressed) + MESSAGE_COST)
        latest = owner._slow_peer == "latest"
        if self._ended:
            return
        # None overtakes those of `_latest`.
        if not self._latest and self._size <= (WRITE_LIMIT if latest else owner._max_unsent):
            self._queue.append(waiting)
            self._size += waiting[1]
            if self._sending is None:
                self._sending = asyncio.get_running_loop().create_task(self._send_queue())
        elif latest:
            if topic in self._latest:
                owner.counters.replaced += 1
            self._latest[topic] = waiting
        else:
            owner.counters.dropped += 1
            if owner._slow_peer == "close":
                owner.counters.closed += 1
                self._queue.clear()
                self._ended = True
                self.leave_all()

    async def _send_queue(self) -> None:
        try:
            while self._queue or self._latest:
                if not self._queue:
                    self._queue.extend(self._latest.values())
                    self._size += sum(size for _, size in self._latest.values())
                    self._latest.clear()
                message, size = self._queue.popleft()
                kind = "text" if isinstance(message, str) else "bytes"
                await self.websocket.send({"type": "websocket.send", kind: message})
                self._size -= size
                self._owner.counters.delivered += 1
            if self._ended:
                code = int(CloseCode.TRY_AGAIN_LATER)
                await self.websocket.send(
                    {"type": "websocket.close", "code": code, "reason": "peer is too slow"}
                )
        except Exception:  # each server raises another exception for a connection that has ended
            self._ended = True
            self.leave_all()
        finally:
            self._sending = None
            self.check_unused()

    def leave(self, topic: Topic) -> None:
        """Leave a topic; messages that are queued are sent, except those of `latest`."""
        self.topics.discard(topic)
        self._latest.pop(topic, None)
        topic.remove_asgi_member(self)
        self._owner._check_empty(topic)
        self.check_unused()

    def leave_all(self, _: object = None) -> None:
        """Leave all topics: the connection has ended, or its handler has."""
        for topic in list(self.topics):
            self.leave(topic)

    def check_unused(self) -> None:
        """Remove all references to it if it has no topic and nothing to send."""
        if self.topics or self._sending is not None:
            return
        if self._handler is not None:
            self._handler.remove_done_callback(self.leave_all)
        self._owner._senders.pop(self.websocket, None)


class Metrics(_metrics.Metrics):
    """Figures of the connections of `wsframe.uvicorn` in this process, and of topics.

    As `wsframe.asyncio.Metrics`: an application mounts `metrics.asgi`, for Prometheus, on the same port.  Of
    other classes and servers there are only the figures of topics.

    Args:
        topics: Topics objects; their counters are added up.
    """

    def __init__(self, *, topics: tuple[Topics, ...] = ()) -> None:
        super().__init__(topics=topics)

    def _groups(self) -> list[Group]:
        return [*super()._groups(), UVICORN]


class Topics(_topics.Topics):
    """Sends messages to all WebSockets that have joined a topic, in an ASGI application.

    It is `wsframe.asyncio.Topics`, for handlers of Starlette, FastAPI and other ASGI applications.  Under
    uvicorn with `wsframe.uvicorn`, and so under `wsframe run`, messages are encoded once and leave a
    connection in one write for each loop iteration, past the `send` of middleware.  On other servers a task
    for each WebSocket awaits its `send`: what `slow_peer` does there counts the messages that wait for that.

    A WebSocket leaves its topics when its connection ends, or, on other servers, when a `send` fails or the
    task that has called `add` is done.

    Args:
        engine, slow_peer, max_unsent, when_lost, wrap, logger: see `wsframe.asyncio.Topics`.
        on_gap: called with a WebSocket and a topic for each member of each topic, when the engine is back.
    """

    def __init__(
        self,
        *,
        engine: Engine | None = None,
        slow_peer: SlowPeer = "drop",
        max_unsent: int = MAX_UNSENT,
        when_lost: WhenLost = "raise",
        on_gap: Callable[[Any, str], object] | None = None,
        wrap: Wrap | None = None,
        logger: AnyLogger | None = None,
    ) -> None:
        super().__init__(
            engine=engine,
            slow_peer=slow_peer,
            max_unsent=max_unsent,
            when_lost=when_lost,
            on_gap=on_gap,
            wrap=wrap,
            logger=logger,
        )
        self._senders: dict[WebSocket, _Sender] = {}
        self._websockets: dict[Endpoint, WebSocket] = {}

    def add(self, ws: Any, topic: str) -> None:
        """Add a WebSocket to a topic: it gets the messages until it is discarded or ends.

        Args:
            ws: accepted.
            topic: see `wsframe.asyncio.Topics.add`.
        """
        connection = _connection_of(ws)
        if connection is not None:
            if ws is not connection:
                self._websockets[connection] = ws
            try:
                super().add(cast(Connection, connection), topic)
            finally:
                self._check_unused(connection)  # it may be closed, or the topic be none
            return
        found = self._topic(topic)
        sender = self._senders.get(ws)
        if sender is None:
            sender = self._senders[ws] = _Sender(self, ws)
        found.add_asgi_member(sender)
        sender.topics.add(found)
        self._joining.pop((ws, topic), None)

    async def subscribe(self, ws: Any, topic: str, since: tuple[str, int] | None = None) -> Subscribed:
        """Add a WebSocket to a topic, and wait until the engine delivers the messages.

        On other servers than `wsframe.uvicorn` nothing is replayed.

        Args:
            ws: accepted.
            topic: see `wsframe.asyncio.Topics.add`.
            since: see `wsframe.asyncio.Topics.subscribe`.
        """
        connection = _connection_of(ws)
        if connection is not None:
            self._websockets[connection] = ws
            try:
                return await super().subscribe(cast(Connection, connection), topic, since)
            finally:
                self._check_unused(connection)
        return await self._add_and_wait(ws, topic)

    def discard(self, ws: Any, topic: str) -> None:
        """Remove a WebSocket from a topic; do nothing if it is not a member."""
        connection = _connection_of(ws)
        if connection is not None:
            super().discard(cast(Connection, connection), topic)
        elif ws in self._senders and topic in self._topics:
            self._senders[ws].leave(self._topics[topic])

    def members(self, topic: str) -> set[Any]:
        """Return the WebSockets of this process that get the messages of a topic."""
        found = self._topics.get(topic)
        if found is None:
            return set()
        ours = {self._websockets[connection] for connection in super().members(topic)}
        return ours | {sender.websocket for sender in found.asgi_members}

    def topics_of(self, ws: Any) -> set[str]:
        """Return the topics whose messages a WebSocket gets."""
        connection = _connection_of(ws)
        if connection is not None:
            return super().topics_of(cast(Connection, connection))
        return {topic.name for topic in self._senders[ws].topics} if ws in self._senders else set()

    def _remove(self, topic: Topic, ws: Endpoint) -> None:
        super()._remove(topic, ws)
        self._check_unused(ws)

    def _tell_gap(self, affected: list[tuple[Any, str]]) -> None:
        super()._tell_gap([(self._websockets.get(ws, ws), topic) for ws, topic in affected])

    def _check_unused(self, connection: Endpoint) -> None:
        """Remove the reference to the WebSocket of a connection that has left all topics."""
        if not self.topics_of(connection):
            self._websockets.pop(connection, None)


def _connection_of(ws: Any) -> Endpoint | None:
    """Return the connection of a WebSocket on `wsframe.uvicorn`; None on other servers."""
    if isinstance(ws, Endpoint):
        return ws
    found = getattr(ws.scope.get("extensions"), "connection", None)
    return None if found is None else cast("Endpoint | None", found())
