"""An engine on the publish and subscribe of Redis or Valkey."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from typing import Any

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

# Seconds without a byte after which the server is asked whether it is still there.
HEALTH_INTERVAL = 15.0

# Topics in one command.
MANY = 1000

# KEYS: the stream, the hash with its position. ARGV: payload, channel, a new epoch, the length, seconds to
# live.
PUBLISH = """
local epoch = redis.call('HGET', KEYS[2], 'epoch')
if not epoch then
    epoch = ARGV[3]
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[2], 'epoch', epoch, 'offset', 0)
end
local offset = redis.call('HINCRBY', KEYS[2], 'offset', 1)
redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[4], '0-' .. offset, 'p', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[5])
return redis.call('PUBLISH', ARGV[2], epoch .. ':' .. offset .. ':' .. ARGV[1])
"""

# KEYS: as above. ARGV: a new epoch, the epoch and the offset to go on from, seconds to live.
HISTORY = """
local epoch = redis.call('HGET', KEYS[2], 'epoch')
if not epoch then
    epoch = ARGV[1]
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[2], 'epoch', epoch, 'offset', 0)
    redis.call('EXPIRE', KEYS[2], ARGV[4])
end
local offset = redis.call('HGET', KEYS[2], 'offset')
local entries = {}
if epoch == ARGV[2] then
    entries = redis.call('XRANGE', KEYS[1], '(0-' .. ARGV[3], '+')
end
return {epoch, offset, entries}
"""


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
        history_ttl: seconds that the history of a topic is kept after its last message.
        max_queued: bytes that may wait to be published; `publish` refuses more.
        timeout: seconds within which the server must reply.
        health_interval: seconds without a message after which it is asked whether it is still there.
        first_delay, max_delay: seconds between attempts to connect, which grow and are random.
        options: those of redis-py's `ConnectionPool.from_url`: ssl_ca_certs, username, ...
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
        from redis.asyncio.connection import ConnectionPool
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        super().__init__(
            text=text, max_queued=max_queued, timeout=timeout, first_delay=first_delay, max_delay=max_delay
        )
        self._prefix = prefix.encode()
        self._history = history
        self._history_ttl = history_ttl
        self._health_interval = health_interval
        # A connection that comes back by itself would hide that messages were missed.
        options = {"retry": Retry(NoBackoff(), 0), "socket_timeout": None, "protocol": 2, **options}
        self._pool = ConnectionPool.from_url(url, **options)
        self._scripts: dict[str, bytes] = {}
        self._reading: Any = None  # a connection of redis-py: subscriptions
        self._writing: Any = None  # another: commands
        self._commands = asyncio.Lock()  # of a command and its reply
        self._alive = False  # something has arrived since the last look

    @property
    def _lost(self) -> tuple[type[BaseException], ...]:
        from redis.exceptions import RedisError

        return (*super()._lost, RedisError)

    async def _open(self) -> None:
        make_connection: Any = self._pool.make_connection
        self._reading, self._writing = make_connection(), make_connection()
        await self._reading.connect()
        await self._writing.connect()
        if self._history:
            for script in (PUBLISH, HISTORY):
                await self._writing.send_command("SCRIPT", "LOAD", script)
                self._scripts[script] = await self._reply()

    async def _shut(self) -> None:
        connections = self._reading, self._writing
        self._reading = self._writing = None
        for connection in connections:
            if connection is not None:
                await connection.disconnect(nowait=True)

    def _jobs(self) -> list[Coroutine[Any, Any, None]]:
        return [self._read(), self._watch()]

    async def _read(self) -> None:
        read_response, prefix, received = (
            self._reading.read_response,
            len(self._prefix),
            self._topics._received,
        )
        while True:
            kind, channel, payload = await read_response(disable_decoding=True, push_request=True)
            self._alive = True
            if kind == b"message":
                position = None
                if self._history:
                    epoch, offset, payload = payload.split(b":", 2)
                    position = Position(epoch.decode(), int(offset))
                received(channel[prefix:].decode(), payload, position)
            elif kind == b"subscribe":
                self._confirm(channel[prefix:].decode())

    async def _watch(self) -> None:
        """Raise when the server is not there any more."""
        while True:
            await asyncio.sleep(self._health_interval)
            if not self._alive:
                await self._command(self._reading, "PING", "")
                await asyncio.sleep(self._timeout)
                if not self._alive:
                    raise ConnectionError("no reply to a PING")
            self._alive = False

    async def _ask(self, topics: list[str]) -> None:
        await self._command_for("SUBSCRIBE", topics)

    async def _forget(self, topics: list[str]) -> None:
        await self._command_for("UNSUBSCRIBE", topics)

    async def _command_for(self, command: str, topics: list[str]) -> None:
        for start in range(0, len(topics), MANY):
            channels = [self._channel(topic) for topic in topics[start : start + MANY]]
            await self._command(self._reading, command, *channels)

    async def _command(self, connection: Any, *command: Any) -> None:
        if connection is None or not connection.is_connected:  # it would connect again
            raise ConnectionError("the connection has ended")
        await connection.send_command(*command, check_health=False)

    def _channel(self, topic: str) -> bytes:
        return self._prefix + topic.encode()

    def _keys(self, topic: str) -> tuple[bytes, bytes]:
        """The stream and the hash of a topic, in one slot of a cluster."""
        tag = b"{%b}" % self._channel(topic)
        return tag + b":history", tag + b":position"

    async def _reply(self) -> Any:
        return await self._writing.read_response(disable_decoding=True)

    async def _send(self, messages: list[tuple[str, bytes]]) -> int:
        from redis.exceptions import ResponseError

        refused = 0
        async with self._commands:
            connection = self._writing
            if connection is None or not connection.is_connected:  # it would connect again
                raise ConnectionError("the connection has ended")
            commands = [self._publish_command(topic, payload) for topic, payload in messages]
            await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            for _ in messages:
                try:
                    await self._reply()
                except ResponseError as exc:
                    refused += 1
                    self._topics.logger.error("the engine refuses a message: %s", exc)
        return refused

    def _publish_command(self, topic: str, payload: bytes) -> tuple[Any, ...]:
        channel = self._channel(topic)
        if not self._history:
            return "PUBLISH", channel, payload
        arguments = payload, channel, secrets.token_hex(8), self._history, self._history_ttl
        return "EVALSHA", self._scripts[PUBLISH], 2, *self._keys(topic), *arguments

    @property
    def has_history(self) -> bool:
        return self._history > 0

    async def history(self, topic: str, since: Position | None) -> History:
        epoch, offset = since or ("", 0)
        arguments = secrets.token_hex(8), epoch, offset, self._history_ttl
        try:
            async with self._commands:
                await self._command(
                    self._writing, "EVALSHA", self._scripts[HISTORY], 2, *self._keys(topic), *arguments
                )
                now, newest, entries = await asyncio.wait_for(self._reply(), self._timeout)
        except self._lost as exc:
            raise EngineUnavailable(f"the history cannot be read: {exc}") from exc
        position = Position(now.decode(), int(newest))
        messages = [
            (Position(position.epoch, int(name.partition(b"-")[2])), fields[1]) for name, fields in entries
        ]
        known = position.epoch == epoch and len(messages) == position.offset - offset
        return History(position, messages if known else None)
