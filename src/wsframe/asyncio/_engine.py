"""What the engines of Topics share: being connected, subscribed, and able to publish, as long as it takes."""

# Rules of an engine.
#
# 1. `_wanted` are the topics that have local members, `_subscribed` those that the server was asked for in
#    this session, `_confirmed` those for which it said yes.  `_settle` makes all three equal.
# 2. What is published after a topic was added leaves after the server has confirmed the subscription.
# 3. A session ends when one of its jobs ends; nothing of it is left then.  Messages that were queued, or
#    whose fate is not known, are counted and never sent again: at most once.
# 4. From the end of a session on messages may be missed.  When the next one is subscribed to all topics,
#    `Topics._gap` is called, before any message of it can be missed again.

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .topics import Topics

# Seconds between two attempts to connect: the first time, and at most.  Each is shortened at random, by half
# at most.
FIRST_DELAY = 0.1
MAX_DELAY = 30.0

# Seconds within which a server must reply.
TIMEOUT = 5.0

# Bytes that may wait to be published.
MAX_QUEUED = 2**24

# Messages that are published at once at most.
BATCH = 1000


class EngineUnavailable(ConnectionError):
    """The engine is not connected, or has too much to publish."""


class Position(NamedTuple):
    """Where a message is in the history of its topic.

    Attributes:
        epoch: which history: it changes when one is lost.
        offset: 1 for the first message, and one more for each.
    """

    epoch: str
    offset: int


class History(NamedTuple):
    """What an engine knows of a topic.

    Attributes:
        position: of the newest message.
        messages: those after the position that was asked for; None if some are not known any more.
    """

    position: Position
    messages: list[tuple[Position, bytes]] | None


class Engine:
    """Connects the Topics of several processes.

    A message is delivered at most once: one that is published while a process is not connected does not reach
    it, and its members are told of the gap.

    Attributes:
        text: whether messages are text, or binary.
        connected: whether messages can be published now.
    """

    def __init__(
        self, *, text: bool, max_queued: int, timeout: float, first_delay: float, max_delay: float
    ) -> None:
        self.text = text
        self.connected = False
        self._settled = False  # subscribed to all that was wanted when it connected
        self._max_queued = max_queued
        self._timeout = timeout
        self._delays = (first_delay, max_delay)
        self._topics: Topics
        self._running: asyncio.Task[None] | None = None
        self._wanted: set[str] = set()
        self._changed = False  # it may differ from `_subscribed`
        self._subscribed: set[str] = set()
        self._confirmed: set[str] = set()
        self._waiting: dict[str, asyncio.Future[None]] = {}  # for topics to be confirmed
        self._outgoing: list[tuple[str, bytes]] = []
        self._queued = 0  # bytes
        self._publishing = 0  # messages
        self._idle: asyncio.Future[None] | None = None  # for all to be published
        self._wake: asyncio.Event

    # What a subclass has to do.

    async def _open(self) -> None:
        """Connect, once."""
        raise NotImplementedError

    def _jobs(self) -> list[Coroutine[Any, Any, None]]:
        """Return what runs while connected, and ends or raises when the connection is lost."""
        raise NotImplementedError

    async def _ask(self, topics: list[str]) -> None:
        """Ask to be subscribed; `_confirm` is to be called for each."""
        raise NotImplementedError

    async def _forget(self, topics: list[str]) -> None:
        """Ask to be unsubscribed."""
        raise NotImplementedError

    async def _send(self, messages: list[tuple[str, bytes]]) -> int:
        """Publish messages; return how many the server has refused."""
        raise NotImplementedError

    async def _shut(self) -> None:
        """Close the connection, if there is one."""
        raise NotImplementedError

    @property
    def _lost(self) -> tuple[type[BaseException], ...]:
        """The exceptions of a connection that is lost, or cannot be made."""
        return (OSError, asyncio.TimeoutError)

    @property
    def has_history(self) -> bool:
        """Whether `history` can be called."""
        return False

    async def history(self, topic: str, since: Position | None) -> History:
        """Return what was published after a position."""
        raise NotImplementedError

    # What Topics calls.

    async def start(self, topics: Topics) -> None:
        """Connect, and stay connected until `close`.

        Raises:
            EngineUnavailable: the first attempt has failed.
        """
        if self._running is not None:
            raise RuntimeError("an engine serves one Topics object, once")
        self._topics = topics
        self._wake = asyncio.Event()
        loop = asyncio.get_running_loop()
        started: asyncio.Future[None] = loop.create_future()
        self._running = loop.create_task(self._run(started))
        await started

    async def close(self) -> None:
        """Disconnect; messages that are queued are published before, if that is possible."""
        if self._running is None:
            return
        if self.connected:
            await self.drain()
        await _cancel([self._running], 2 * self._timeout)

    def subscribe(self, topic: str) -> None:
        """Have the messages of a topic received."""
        self._wanted.add(topic)
        self._changed = True
        if self._running is not None:
            self._wake.set()

    def unsubscribe(self, topic: str) -> None:
        """Have the messages of a topic received no more."""
        self._wanted.discard(topic)
        self._changed = True
        self._stop_waiting(topic)  # there is nobody left to wait
        if self._running is not None:
            self._wake.set()

    async def subscribed(self, topic: str) -> None:
        """Wait until the messages of a topic are received."""
        if topic not in self._confirmed:
            waiting = self._waiting.get(topic)
            if waiting is None:
                waiting = self._waiting[topic] = asyncio.get_running_loop().create_future()
            await asyncio.shield(waiting)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish a message soon.

        Raises:
            EngineUnavailable: it cannot be published now.
        """
        if not self.connected:
            raise EngineUnavailable("the engine is not connected")
        if self._queued > self._max_queued:
            raise EngineUnavailable(f"the engine is too slow: {self._queued} bytes wait to be published")
        self._outgoing.append((topic, payload))
        self._queued += len(payload)
        self._wake.set()

    async def drain(self) -> None:
        """Wait until nothing is left to publish."""
        while self._outgoing or self._publishing:
            if self._idle is None:
                self._idle = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._idle)

    # Sessions.

    async def _run(self, started: asyncio.Future[None]) -> None:
        first, most = self._delays
        delay = first
        try:
            while True:
                error: BaseException
                try:
                    await self._session(started)
                except self._lost as exc:
                    error = exc
                except Exception as exc:  # a bug of ours or of the library's is no reason to stay away
                    self._topics.logger.exception("the engine has failed")
                    error = exc
                finally:
                    settled = self._settled
                    await self._end_session()
                if not started.done():
                    started.set_exception(EngineUnavailable(f"the engine cannot be reached: {error}"))
                    return
                if settled:
                    delay = first
                    self._topics.logger.warning("the engine is lost: %s", str(error) or type(error).__name__)
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))
                delay = min(2 * delay, most)
        finally:
            for waiting in self._waiting.values():
                waiting.cancel()

    async def _session(self, started: asyncio.Future[None]) -> None:
        """Connect, and raise when that fails or the connection is lost."""
        await asyncio.wait_for(self._open(), self._timeout)
        self.connected = True
        jobs = [asyncio.ensure_future(job) for job in (*self._jobs(), self._work(started))]
        try:
            done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(jobs, 0.1)
        for job in done:
            job.result()
        raise ConnectionError("the connection has ended")

    async def _end_session(self) -> None:
        self.connected = self._settled = False
        self._subscribed.clear()
        self._confirmed.clear()
        self._changed = True
        self._topics.counters.unpublished += len(self._outgoing) + self._publishing
        self._outgoing.clear()
        self._queued = self._publishing = 0
        self._published()
        with suppress(*self._lost):  # it is gone already
            await asyncio.wait_for(self._shut(), self._timeout)

    async def _work(self, started: asyncio.Future[None]) -> None:
        """Subscribe, unsubscribe and publish whatever is asked for."""
        await self._settle()
        self._settled = True
        if started.done():
            self._topics.logger.warning("the engine is back")
            self._topics._gap(self._subscribed)
        else:
            started.set_result(None)
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._settle()
            while self._outgoing:
                batch, self._outgoing = self._outgoing[:BATCH], self._outgoing[BATCH:]
                self._publishing = len(batch)
                await self._settle()  # to what was wanted when they were published
                refused = await asyncio.wait_for(self._send(batch), self._timeout)
                self._topics.counters.unpublished += refused
                self._publishing = 0
                self._queued -= sum(len(payload) for _, payload in batch)
            self._published()

    async def _settle(self) -> None:
        """Subscribe and unsubscribe, until the server has confirmed what is wanted."""
        while self._changed:
            self._changed = False
            new, old = self._wanted - self._subscribed, self._subscribed - self._wanted
            if old:
                self._subscribed -= old
                self._confirmed -= old
                await asyncio.wait_for(self._forget(sorted(old)), self._timeout)
            if new:
                self._subscribed |= new
                await asyncio.wait_for(self._ask(sorted(new)), self._timeout)
                confirmed = [self.subscribed(topic) for topic in new if topic not in self._confirmed]
                await asyncio.wait_for(asyncio.gather(*confirmed), self._timeout)

    def _confirm(self, topic: str) -> None:
        """The server has confirmed a subscription."""
        self._confirmed.add(topic)
        self._stop_waiting(topic)

    def _stop_waiting(self, topic: str) -> None:
        waiting = self._waiting.pop(topic, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _published(self) -> None:
        """Nothing is left to publish."""
        if self._idle is not None:
            self._idle.set_result(None)
            self._idle = None


async def _cancel(tasks: list[asyncio.Task[None]], again: float) -> None:
    """Cancel tasks and wait for them; cancel them again after some seconds: nats-py may swallow it."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=again)
    await asyncio.gather(*tasks, return_exceptions=True)
