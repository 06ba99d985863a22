"""An engine on the publish and subscribe of Redis or Valkey."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable
from typing import Any

from .._options import check_engine, check_number, check_type
from ._engine import (
    FIRST_DELAY,
    MAX_DELAY,
    MAX_QUEUED,
    TIMEOUT,
    Engine,
    EngineUnavailable,
    History,
    Position,
)
from ._redis_history import RedisHistory, split_position
from ._redis_link import Command, RedisLink

# Seconds without a byte after which the server is asked whether it is still there.
HEALTH_INTERVAL = 15.0


class RedisEngine(Engine):
    """Has Topics of several processes share their messages through Redis or Valkey.

    It needs redis-py: `pip install 'wsframe[redis]'`.  A topic is a channel, `prefix` and the name, that is
    subscribed to while a connection of this process has joined it; the payload is the message and nothing
    else, so that any program may publish.  What is published in one loop iteration leaves in one write.  A
    message is delivered at most once: see `Topics`.

    Args:
        url: as redis-py takes it: "redis://localhost:6379/0", "rediss://...", "unix://...".
        prefix: of the names of channels and keys.
        text: whether messages are text, or binary.
        history: messages that are kept for each topic, in a stream, for `Topics.subscribe`.  With it the
            payload begins with the position of the message, so that only these engines may publish.
        history_ttl: whole seconds that the history of a topic is kept after its last message.
        max_queued: bytes that may wait to be published; `publish` refuses more.
        timeout: seconds within which the server must reply.
        health_interval: seconds between two questions whether it is still there.
        first_delay, max_delay: seconds between attempts to connect, which grow and are random.
        options: those of redis-py's `ConnectionPool.from_url`: ssl_ca_certs, username, ...  A socket_timeout,
            also in the URL, is that of commands: the connection that subscribes may be idle.

    Raises:
        TypeError: an option has no such name, or is of the wrong type.
        ValueError: the value of an option is out of range.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "wsframe:",
        text: bool = True,
        history: int = 0,
        history_ttl: int = 300,
        max_queued: int = MAX_QUEUED,
        timeout: float = TIMEOUT,
        health_interval: float = HEALTH_INTERVAL,
        first_delay: float = FIRST_DELAY,
        max_delay: float = MAX_DELAY,
        **options: Any,
    ) -> None:
        check_engine(
            prefix=prefix,
            text=text,
            max_queued=max_queued,
            timeout=timeout,
            health_interval=health_interval,
            first_delay=first_delay,
            max_delay=max_delay,
        )
        check_type("url", url, str)
        check_number("history", history, 0)
        check_number("history_ttl", history_ttl, 1)
        super().__init__(
            text=text, max_queued=max_queued, timeout=timeout, first_delay=first_delay, max_delay=max_delay
        )
        self._prefix = prefix.encode()
        self._health_interval = health_interval
        self._history: RedisHistory | None = None
        if history:
            self._history = RedisHistory(history, history_ttl, self._publish)
        self._links: list[RedisLink] = []  # to all servers
        self._use(url, options)

    # What an engine for a cluster does otherwise.

    _publish = "PUBLISH"

    def _use(self, url: str, options: dict[str, Any]) -> None:
        """Check and keep where to connect."""
        from redis.asyncio.connection import ConnectionPool

        make_pool: Any = ConnectionPool.from_url
        self._make_connection = make_pool(url, **{**_connection_options(), **options}).make_connection
        self._make_connection()  # raises for an unknown option

    async def _make_links(self) -> list[RedisLink]:
        return [RedisLink(self._make_connection, self._take, self._timeout)]

    def _link_of(self, channel: bytes) -> RedisLink:
        """Return the link to the server that has a channel."""
        if not self._links:
            raise ConnectionError("the engine is not connected")
        return self._links[0]

    # What Engine asks for.

    @property
    def _connection_errors(self) -> tuple[type[BaseException], ...]:
        from redis.exceptions import RedisError

        return (*super()._connection_errors, RedisError)

    async def _connect(self) -> None:
        self._links = await self._make_links()
        for link in self._links:
            await link.connect()
            if self._history is not None:
                await self._history.load(link)

    async def _disconnect(self) -> None:
        links, self._links = self._links, []
        for link in links:
            await link.disconnect()

    def _tasks(self) -> list[Coroutine[Any, Any, None]]:
        tasks = [link.receive() for link in self._links]
        return [*tasks, *(link.watch(self._health_interval) for link in self._links)]

    def _take(self, channel: bytes, payload: bytes) -> None:
        position = None
        if self._history is not None:
            try:
                position, payload = split_position(payload)
            except ValueError:
                self._topics._count_invalid()
                return
        self._topics._received(self._topic_of(channel), payload, position)

    def _channel(self, topic: str) -> bytes:
        return self._prefix + topic.encode()

    def _topic_of(self, channel: bytes) -> str:
        return channel[len(self._prefix) :].decode()

    def _by_link(self, topics: Iterable[str]) -> dict[RedisLink, list[bytes]]:
        """Return the channels of topics, for each link."""
        found: dict[RedisLink, list[bytes]] = {}
        for topic in topics:
            channel = self._channel(topic)
            found.setdefault(self._link_of(channel), []).append(channel)
        return found

    async def _subscribe_to(self, topics: list[str]) -> None:
        for link, channels in self._by_link(topics).items():
            for channel, reason in (await link.subscribe(channels)).items():
                self._refused[self._topic_of(channel)] = reason

    async def _unsubscribe_from(self, topics: list[str]) -> None:
        topics = [topic for topic in topics if topic not in self._refused]
        for link, channels in self._by_link(topics).items():
            await link.unsubscribe(channels)

    async def _send(self, messages: list[tuple[str, bytes]]) -> int:
        commands: dict[RedisLink, list[Command]] = {}
        for topic, payload in messages:
            channel = self._channel(topic)
            commands.setdefault(self._link_of(channel), []).append(self._publish_command(channel, payload))
        return sum(await asyncio.gather(*(self._send_to(link, batch) for link, batch in commands.items())))

    def _publish_command(self, channel: bytes, payload: bytes) -> Command:
        if self._history is None:
            return self._publish, channel, payload
        return self._history.publish_command(channel, payload)

    async def _send_to(self, link: RedisLink, commands: list[Command]) -> int:
        """Publish on one server; return how many messages it has refused."""
        from redis.exceptions import MovedError, NoScriptError

        replies = await link.execute(commands)
        unknown = [
            command
            for command, reply in zip(commands, replies, strict=True)
            if isinstance(reply, NoScriptError)
        ]
        if unknown and self._history is not None:  # somebody has flushed the scripts
            await self._history.load(link)
            replies = [reply for reply in replies if not isinstance(reply, NoScriptError)]
            replies += await link.execute(unknown)
        errors = [reply for reply in replies if isinstance(reply, Exception)]
        if any(isinstance(error, MovedError) for error in errors):
            raise ConnectionError("a channel has moved to another server")
        for reason, count in Counter(map(str, errors)).items():
            self._topics.logger.error("the engine refuses %d message(s): %s", count, reason)
        return len(errors)

    @property
    def has_history(self) -> bool:
        return self._history is not None

    async def history(self, topic: str, since: Position | None) -> History:
        assert self._history is not None
        channel = self._channel(topic)
        try:
            return await self._history.read(self._link_of(channel), channel, since)
        except EngineUnavailable:
            raise
        except self._connection_errors as exc:
            raise EngineUnavailable(f"the history cannot be read: {exc}") from exc


def _connection_options() -> dict[str, Any]:
    """Return the options of redis-py's connections, where they differ from its own.

    One that connects again by itself would hide that messages were missed.
    """
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return {"retry": Retry(NoBackoff(), 0), "socket_timeout": None, "protocol": 2}
