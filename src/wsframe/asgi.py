"""Topics for ASGI applications, on any server: for the handlers of Starlette, FastAPI and the like."""

# Two kinds of members.
#
# 1. On `wsframe.uvicorn`, the connection itself: `Extensions` leads to it.
# 2. On other servers, a `_Sender`: a queue and a task that awaits the `send` of the application.

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from ._spec import CloseCode
from .asyncio import topics as _topics
from .asyncio._endpoint import WRITE_LIMIT, Endpoint
from .asyncio._engine import Engine, EngineUnavailable, Position
from .asyncio.connection import Connection
from .asyncio.nats_engine import NatsEngine
from .asyncio.redis_engine import RedisEngine
from .asyncio.topics import MAX_UNSENT, Counters, SlowMember, Subscribed, WhenLost, Wrap, _Topic

if TYPE_CHECKING:
    from .asyncio._endpoint import AnyLogger
    from .connection import Broadcast

__all__ = [
    "Counters",
    "Engine",
    "EngineUnavailable",
    "NatsEngine",
    "Position",
    "RedisEngine",
    "Subscribed",
    "Topics",
    "WebSocket",
]


class WebSocket(Protocol):
    """What has joined a topic: a WebSocket of Starlette, or anything with these two."""

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """The scope of the connection."""

    @property
    def send(self) -> Callable[[MutableMapping[str, Any]], Awaitable[None]]:
        """Sends an event."""


class _Sender:
    """Sends to a connection of another server.

    Attributes:
        topics: those that it has joined.
    """

    def __init__(self, owner: Topics, websocket: WebSocket) -> None:
        self.topics: set[_Topic] = set()
        self._owner = owner
        self._websocket = websocket
        self._queue: deque[str | bytes] = deque()
        self._size = 0  # of the queue, and of the message that is being sent
        self._latest: dict[_Topic, str | bytes] = {}
        self._sending: asyncio.Task[None] | None = None
        self._ended = False
        self._handler = asyncio.current_task()
        if self._handler is not None:
            self._handler.add_done_callback(self._leave)

    def take(self, topic: _Topic, sending: Broadcast) -> None:
        """Send a message soon."""
        owner, message = self._owner, sending.message
        message = message if isinstance(message, str) else bytes(message)
        latest = owner._slow_peer == "latest"
        if self._ended:
            return
        if self._size <= (WRITE_LIMIT if latest else owner._max_unsent):
            self._queue.append(message)
            self._size += len(message)
            if self._sending is None:
                self._sending = asyncio.get_running_loop().create_task(self._send())
        elif latest:
            if topic in self._latest:
                owner.counters.replaced += 1
            self._latest[topic] = message
        else:
            owner.counters.dropped += 1
            if owner._slow_peer == "close":
                owner.counters.closed += 1
                self._leave()
                self._queue.clear()
                self._ended = True

    async def _send(self) -> None:
        try:
            while self._queue or self._latest:
                if not self._queue:
                    self._queue.extend(self._latest.values())
                    self._size += sum(map(len, self._latest.values()))
                    self._latest.clear()
                message = self._queue.popleft()
                kind = "text" if isinstance(message, str) else "bytes"
                await self._websocket.send({"type": "websocket.send", kind: message})
                self._size -= len(message)
                self._owner.counters.delivered += 1
            if self._ended:
                code = int(CloseCode.TRY_AGAIN_LATER)
                await self._websocket.send(
                    {"type": "websocket.close", "code": code, "reason": "peer is too slow"}
                )
        except Exception:  # whatever the server raises for a connection that has ended
            self._ended = True
            self._leave()
        finally:
            self._sending = None

    def _leave(self, _: object = None) -> None:
        """Leave all topics: the connection has ended, or its handler has."""
        for topic in list(self.topics):
            self._owner._leave(self, topic)

    def forget(self) -> None:
        """Let go of the handler: no topic is left."""
        if self._handler is not None:
            self._handler.remove_done_callback(self._leave)


Member = Endpoint | _Sender


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
        slow_peer: SlowMember = "drop",
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
        self._found: dict[WebSocket, Member] = {}
        self._websockets: dict[Member, WebSocket] = {}

    def add(self, ws: Any, topic: str) -> None:
        """Have a WebSocket get the messages of a topic, until it is discarded or ends.

        Args:
            ws: accepted.
            topic: any string.
        """
        member = self._member(ws)
        if isinstance(member, Endpoint):
            super().add(cast(Connection, member), topic)
            if not member._topics:  # it is closed
                self._forget(member)
        else:
            found = self._topic(topic)
            found.others.add(member)
            member.topics.add(found)

    async def subscribe(self, ws: Any, topic: str, since: tuple[str, int] | None = None) -> Subscribed:
        """Have a WebSocket get the messages of a topic, and wait until the engine delivers them.

        On other servers than `wsframe.uvicorn` nothing is replayed.

        Args:
            ws: accepted.
            topic: any string.
            since: see `wsframe.asyncio.Topics.subscribe`.
        """
        member = self._member(ws)
        if isinstance(member, Endpoint):
            try:
                return await super().subscribe(cast(Connection, member), topic, since)
            finally:
                if not member._topics:
                    self._forget(member)
        self.add(ws, topic)
        if self._engine is not None:
            await self._engine.subscribed(topic)
        return Subscribed(False, None)

    def discard(self, ws: Any, topic: str) -> None:
        """Have a WebSocket get no more messages of a topic; do nothing if it gets none."""
        member = ws if isinstance(ws, Endpoint) else self._found.get(ws)
        if isinstance(member, Endpoint):
            super().discard(cast(Connection, member), topic)
        elif member is not None and topic in self._topics:
            self._leave(member, self._topics[topic])

    def members(self, topic: str) -> set[Any]:
        """Return the WebSockets of this process that get the messages of a topic."""
        found = self._topics.get(topic)
        if found is None:
            return set()
        return {self._websockets[member] for member in (*super().members(topic), *found.others)}

    def topics_of(self, ws: Any) -> set[str]:
        """Return the topics whose messages a WebSocket gets."""
        member = ws if isinstance(ws, Endpoint) else self._found.get(ws)
        if isinstance(member, _Sender):
            return {topic.name for topic in member.topics}
        return set() if member is None else super().topics_of(cast(Connection, member))

    def _member(self, ws: WebSocket) -> Member:
        member = self._found.get(ws)
        if member is None:
            found = getattr(ws.scope.get("extensions"), "connection", None)
            connection = None if found is None else found()
            member = _Sender(self, ws) if connection is None else connection
            self._found[ws] = member
            self._websockets[member] = ws
        return member

    def _leave(self, member: _Sender, topic: _Topic) -> None:
        member.topics.discard(topic)
        member._latest.pop(topic, None)
        topic.others.discard(member)
        if not member.topics:
            member.forget()
            self._forget(member)
        self._check_empty(topic)

    def _remove(self, topic: _Topic, ws: Endpoint) -> None:
        super()._remove(topic, ws)
        if not self.topics_of(ws):
            self._forget(ws)

    def _forget(self, member: Member) -> None:
        """Nothing of a member is needed any more."""
        ws = self._websockets.pop(member, None)
        if ws is not None:
            del self._found[ws]
