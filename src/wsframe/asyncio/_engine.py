"""What the engines of Topics share: sessions with a server, subscribing and publishing."""

# Rules of an Engine.
#
# 1. A session lasts from one successful `_connect` until one of its tasks ends; nothing of it is left then.
#    `session` counts them.
# 2. `_wanted` are the topics that have local members, `_subscribed` those that the server was asked for in
#    this session, `_confirmed` those that it has confirmed.  `_update_subscriptions` makes all three equal,
#    except for those in `_refused`, which the server does not allow: they are asked for once a session.
# 3. What is published after a topic was added is sent after the server has confirmed the subscription.
# 4. Messages that are queued when a session ends, or that the server has not acknowledged, are counted and
#    never sent again: at most once.
# 5. From the end of a session on messages may be missed.  When the next one is subscribed to all topics,
#    `Topics._gap` is called.

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

# Maximum number of bytes that wait to be published.
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
        self.connected: bool = False
        self.session: int = 0  # how many have ended
        self._subscribed_to_all = False  # to what was wanted when this session began
        self._max_queued = max_queued
        self._timeout = timeout
        self._delays = (first_delay, max_delay)
        self._topics: Topics
        self._runner: asyncio.Task[None] | None = None
        self._closing = False
        self._work: asyncio.Event  # there is something to subscribe to, unsubscribe from, or publish
        # Subscriptions.
        self._wanted: set[str] = set()
        self._changed = False  # `_wanted` may differ from `_subscribed`
        self._subscribed: set[str] = set()
        self._confirmed: set[str] = set()
        self._refused: dict[str, str] = {}  # why the server refuses them, by topic
        self._waiters: dict[str, asyncio.Future[None]] = {}  # of `subscribed`, by topic
        # Publishing.
        self._queue: list[tuple[str, bytes]] = []
        self._queued_size = 0  # bytes, of the batch that is being sent, too
        self._in_flight = 0  # messages of that batch
        self._drain_waiter: asyncio.Future[None] | None = None

    # What a subclass has to do.

    async def _connect(self) -> None:
        """Connect, once."""
        raise NotImplementedError

    async def _disconnect(self) -> None:
        """Close the connections, if there are any."""
        raise NotImplementedError

    def _tasks(self) -> list[Coroutine[Any, Any, None]]:
        """Return what runs in a session, and ends or raises when the server is lost."""
        raise NotImplementedError

    async def _subscribe_to(self, topics: list[str]) -> None:
        """Subscribe; return when the server has confirmed all others than those in `_refused`."""
        raise NotImplementedError

    async def _unsubscribe_from(self, topics: list[str]) -> None:
        """Unsubscribe."""
        raise NotImplementedError

    async def _send(self, messages: list[tuple[str, bytes]]) -> int:
        """Publish messages; return how many the server has refused."""
        raise NotImplementedError

    @property
    def _connection_errors(self) -> tuple[type[BaseException], ...]:
        """The exceptions of a connection that is lost, or cannot be made."""
        return (OSError, asyncio.TimeoutError)

    @property
    def has_history(self) -> bool:
        """Whether `history` can be called."""
        return False

    async def history(self, topic: str, since: Position | None) -> History:
        """Return what was published after a position.

        Raises:
            EngineUnavailable: it cannot be read now.
        """
        raise NotImplementedError

    # What Topics calls.

    async def start(self, topics: Topics) -> None:
        """Connect, and stay connected until `close`.

        Raises:
            EngineUnavailable: the first attempt has failed; it may be called again.
        """
        if self._runner is not None:
            raise RuntimeError("an engine serves one Topics object, once")
        self._topics = topics
        self._work = asyncio.Event()
        loop = asyncio.get_running_loop()
        started: asyncio.Future[None] = loop.create_future()
        self._runner = loop.create_task(self._run(started))
        try:
            await started
        except BaseException:
            await _cancel([self._runner], 2 * self._timeout)
            self._runner = None  # it may be started again
            raise

    async def close(self) -> None:
        """Disconnect; messages that are queued are published before, if that is possible."""
        if self._runner is None:
            return
        self._closing = True
        if self.connected:
            await self.drain()
        await _cancel([self._runner], 2 * self._timeout)

    def check_topic(self, topic: str) -> None:
        """Check a topic, which UTF-8 can encode.

        Raises:
            ValueError: the server cannot have it.
        """

    def subscribe(self, topic: str) -> None:
        """Receive the messages of a topic."""
        self._wanted.add(topic)
        self._subscriptions_changed()

    def unsubscribe(self, topic: str) -> None:
        """Receive the messages of a topic no longer."""
        self._wanted.discard(topic)
        self._wakeup_waiter(topic)  # its members have left
        self._subscriptions_changed()

    def _subscriptions_changed(self) -> None:
        self._changed = True
        if self._runner is not None:
            self._work.set()

    async def subscribed(self, topic: str) -> None:
        """Wait until the messages of a topic are received, or not wanted any more.

        Raises:
            EngineUnavailable: the engine is not started, or closed, or the server refuses the topic.
        """
        while topic in self._wanted and topic not in self._confirmed:
            if topic in self._refused:
                raise EngineUnavailable(f"the engine refuses the topic {topic!r}: {self._refused[topic]}")
            if self._runner is None:
                raise EngineUnavailable("the engine is not started")
            if self._runner.done():
                raise EngineUnavailable("the engine is closed")
            waiter = self._waiters.get(topic)
            if waiter is None:
                waiter = self._waiters[topic] = asyncio.get_running_loop().create_future()
            await asyncio.shield(waiter)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish a message soon.

        Raises:
            EngineUnavailable: it cannot be published now.
        """
        if not self.connected or self._closing:
            state = "not started" if self._runner is None else "not connected"
            raise EngineUnavailable(f"the engine is {state}")
        if self._queued_size > self._max_queued:
            raise EngineUnavailable(f"the engine is too slow: {self._queued_size} bytes wait to be published")
        self._queue.append((topic, payload))
        self._queued_size += len(payload)
        self._work.set()

    async def drain(self) -> None:
        """Wait until nothing is left to publish."""
        while self._queue or self._in_flight:
            if self._drain_waiter is None:
                self._drain_waiter = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._drain_waiter)

    # Sessions.

    async def _run(self, started: asyncio.Future[None]) -> None:
        """Run one session after another, until cancelled."""
        first_delay, max_delay = self._delays
        delay, last_reason = first_delay, ""
        try:
            while True:
                error: BaseException
                try:
                    await self._run_session(started)
                except self._connection_errors as exc:
                    error = exc
                except Exception as exc:  # a bug, of ours or of the library
                    self._topics.logger.exception("the engine has failed")
                    error = exc
                finally:
                    was_subscribed = self._subscribed_to_all
                    await self._end_session()
                reason = str(error) or type(error).__name__
                if not started.done():
                    started.set_exception(EngineUnavailable(f"the engine cannot be reached: {reason}"))
                    return
                if was_subscribed:
                    delay = first_delay
                    self._topics.logger.warning("the engine is lost: %s", reason)
                elif reason != last_reason:
                    self._topics.logger.warning("the engine cannot be reached: %s", reason)
                last_reason = reason
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))
                delay = min(2 * delay, max_delay)
        finally:
            for waiter in self._waiters.values():
                if not waiter.done():
                    waiter.set_exception(EngineUnavailable("the engine is closed"))
                    waiter.exception()  # no warning if nobody waits any more
            self._waiters.clear()

    async def _run_session(self, started: asyncio.Future[None]) -> None:
        """Connect, and raise when that fails or the connection is lost."""
        try:
            await asyncio.wait_for(self._connect(), self._timeout)
        except asyncio.TimeoutError as exc:
            raise TimeoutError(str(exc) or f"not connected within {self._timeout} seconds") from exc
        self.connected = True
        tasks = [asyncio.ensure_future(task) for task in (*self._tasks(), self._run_commands(started))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(tasks, 0.1)
        for task in done:
            task.result()
        raise ConnectionError("the connection has ended")

    async def _end_session(self) -> None:
        self.connected = self._subscribed_to_all = False
        self.session += 1
        self._subscribed.clear()
        self._confirmed.clear()
        self._refused.clear()
        self._changed = True
        self._topics.counters.unpublished += len(self._queue) + self._in_flight
        self._queue.clear()
        self._queued_size = self._in_flight = 0
        self._wakeup_drain_waiter()
        try:
            with suppress(*self._connection_errors):  # it is lost already
                await asyncio.wait_for(self._disconnect(), self._timeout)
        except Exception:  # a bug, of ours or of the library
            self._topics.logger.exception("the engine could not disconnect")

    async def _run_commands(self, started: asyncio.Future[None]) -> None:
        """Subscribe, unsubscribe and publish whatever is asked for."""
        await self._update_subscriptions()
        self._subscribed_to_all = True
        if started.done():
            self._topics.logger.warning("the engine is connected again")
            self._topics._gap(self._subscribed)
        else:
            started.set_result(None)
            if self._refused:
                self._topics._gap(self._refused)
        while True:
            await self._work.wait()
            self._work.clear()
            await self._update_subscriptions()
            while self._queue:
                batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                self._in_flight = len(batch)
                await self._update_subscriptions()  # to what was wanted when they were published
                refused = await asyncio.wait_for(self._send(batch), self._timeout)
                self._topics.counters.unpublished += refused
                self._in_flight = 0
                self._queued_size -= sum(len(payload) for _, payload in batch)
            self._wakeup_drain_waiter()

    async def _update_subscriptions(self) -> None:
        """Subscribe and unsubscribe, until the server has confirmed what is wanted."""
        while self._changed:
            self._changed = False
            new, old = self._wanted - self._subscribed, self._subscribed - self._wanted
            if old:
                self._subscribed -= old
                self._confirmed -= old
                await asyncio.wait_for(self._unsubscribe_from(sorted(old)), self._timeout)
                for topic in old:
                    self._refused.pop(topic, None)
            if new:
                self._subscribed |= new
                await asyncio.wait_for(self._subscribe_to(sorted(new)), self._timeout)
                refused = new.intersection(self._refused)
                self._confirmed |= new - refused
                for topic in new:
                    self._wakeup_waiter(topic)
                for topic in sorted(refused):
                    self._topics.logger.error(
                        "the engine refuses the topic %r: %s", topic, self._refused[topic]
                    )
                if refused and self._subscribed_to_all:  # otherwise `_run_commands` does this for all
                    self._topics._gap(refused)

    def _wakeup_waiter(self, topic: str) -> None:
        waiter = self._waiters.pop(topic, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _wakeup_drain_waiter(self) -> None:
        if self._drain_waiter is not None:
            self._drain_waiter.set_result(None)
            self._drain_waiter = None


async def _cancel(tasks: list[asyncio.Task[None]], again: float) -> None:
    """Cancel tasks and wait for them; cancel them again after some seconds: nats-py may swallow it."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=again)
    await asyncio.gather(*tasks, return_exceptions=True)
