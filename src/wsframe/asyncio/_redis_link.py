"""The two connections of an engine to one Redis server: one subscribes, the other sends commands."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

Command = tuple[Any, ...]

# Channels in one command.
MANY = 1000


class RedisLink:
    """Connections of redis-py to one server, which do not connect again by themselves.

    A connection that did would hide that messages were missed.

    Args:
        make_connection: returns a connection of redis-py, not connected.
        received: called with the channel and the payload of a message.
        timeout: seconds within which the server must reply.
        sharded: subscribe to shard channels (SSUBSCRIBE).
    """

    def __init__(
        self,
        make_connection: Callable[[], Any],
        received: Callable[[bytes, bytes], object],
        timeout: float,
        sharded: bool = False,
    ) -> None:
        self._reading, self._writing = make_connection(), make_connection()
        self._reading.socket_timeout = None  # it may be idle; `watch` asks whether the server is there
        self._received = received
        self._timeout = timeout
        self._prefix = "S" if sharded else ""
        self._lock = asyncio.Lock()  # of commands and their replies
        self._executing: set[asyncio.Future[Any]] = set()
        self._alive = asyncio.Event()  # bytes have been received since the last check
        self._unconfirmed: set[bytes] = set()
        self._confirmed: asyncio.Future[None] | None = None  # nothing is left in `_unconfirmed`
        self._unsubscribing: set[bytes] = set()  # until the server has confirmed
        # The commands of both kinds, and the channels that are not confirmed: the replies are in this order.
        self._asked: deque[tuple[str, set[bytes]]] = deque()
        self._refused: dict[bytes, str] = {}  # why, by channel, since `subscribe` was called

    async def connect(self) -> None:
        await self._reading.connect()
        await self._writing.connect()
        await self.execute([("PING",)])  # raises if the server wants a password

    async def disconnect(self) -> None:
        for connection in (self._reading, self._writing):
            await connection.disconnect(nowait=True)

    # Subscribing.

    async def receive(self) -> None:
        """Receive messages until the connection is lost."""
        from redis.exceptions import NoPermissionError

        read_response, received = self._reading.read_response, self._received
        message, subscribe, unsubscribe = (
            f"{self._prefix.lower()}{kind}".encode() for kind in ("message", "subscribe", "unsubscribe")
        )
        while True:
            try:
                reply = await read_response(disable_decoding=True, push_request=True)
            except NoPermissionError as exc:
                await self._command_refused(exc)
                continue
            self._alive.set()
            if len(reply) != 3 or not isinstance(reply, list):
                continue  # to a PING, of which there are two kinds
            kind, channel, payload = reply
            if kind == message:
                received(channel, payload)
            elif kind == subscribe:
                self._replied(channel)
                self._settle(channel)
            elif kind == unsubscribe:
                if channel not in self._unsubscribing:  # its slot of the cluster has moved
                    raise ConnectionError("a channel has moved to another server")
                self._replied(channel)
                self._unsubscribing.discard(channel)

    def _replied(self, channel: bytes) -> None:
        """Note the reply to the first command that waits for replies."""
        channels = self._asked[0][1]
        channels.discard(channel)
        if not channels:
            self._asked.popleft()

    def _settle(self, channel: bytes) -> None:
        """Note that the server has confirmed or refused a channel."""
        self._unconfirmed.discard(channel)
        if not self._unconfirmed and self._confirmed is not None and not self._confirmed.done():
            self._confirmed.set_result(None)

    async def _command_refused(self, exc: Exception) -> None:
        """Subscribe to each channel of a refused command alone: the server refuses all for one of them."""
        if not self._asked or self._asked[0][0] != "SUBSCRIBE":
            raise exc
        _, channels = self._asked.popleft()
        if len(channels) > 1:
            await self._command_for("SUBSCRIBE", sorted(channels), 1)
            return
        for channel in channels:
            self._refused[channel] = str(exc)
            self._settle(channel)

    async def subscribe(self, channels: Sequence[bytes]) -> dict[bytes, str]:
        """Subscribe, and wait for the replies; return why channels were refused."""
        self._refused.clear()
        self._unconfirmed.update(channels)
        confirmed = self._confirmed = asyncio.get_running_loop().create_future()
        await self._command_for("SUBSCRIBE", channels)
        await confirmed
        return self._refused

    async def unsubscribe(self, channels: Sequence[bytes]) -> None:
        self._unsubscribing.update(channels)
        await self._command_for("UNSUBSCRIBE", channels)

    async def _command_for(self, command: str, channels: Sequence[bytes], many: int = MANY) -> None:
        if self._prefix:
            many = 1  # the channels of an SSUBSCRIBE must have one slot
        parts = [channels[start : start + many] for start in range(0, len(channels), many)]
        connection = self._connected(self._reading)
        self._asked.extend((command, set(part)) for part in parts)
        packed = connection.pack_commands([(self._prefix + command, *part) for part in parts])
        await connection.send_packed_command(packed, check_health=False)

    # Commands.

    async def execute(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one write; return their replies, of which some may be a ResponseError.

        Cancelling it does not cancel the commands: their replies would be taken for those of others.
        """
        work = asyncio.ensure_future(asyncio.wait_for(self._execute(commands), self._timeout))
        self._executing.add(work)
        work.add_done_callback(self._executed)
        return await asyncio.shield(work)

    def _executed(self, work: asyncio.Future[Any]) -> None:
        self._executing.discard(work)
        if not work.cancelled():
            work.exception()  # no warning if nobody waits any more

    async def _execute(self, commands: Sequence[Command]) -> list[Any]:
        from redis.exceptions import ResponseError

        replies: list[Any] = []
        async with self._lock:
            connection = self._connected(self._writing)
            await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            for _ in commands:
                try:
                    replies.append(await connection.read_response(disable_decoding=True))
                except ResponseError as exc:
                    replies.append(exc)
        return replies

    async def _command(self, connection: Any, *command: Any) -> None:
        await self._connected(connection).send_command(*command, check_health=False)

    def _connected(self, connection: Any) -> Any:
        if not connection.is_connected:  # redis-py would connect again
            raise ConnectionError("the connection has ended")
        return connection

    # Health.

    async def watch(self, interval: float) -> None:
        """Raise when the server does not reply any more, on either connection."""
        while True:
            self._alive.clear()
            await asyncio.sleep(interval)
            await self.execute([("PING",)])
            if not self._alive.is_set():
                await self._command(self._reading, "PING", "")
                try:
                    await asyncio.wait_for(self._alive.wait(), self._timeout)
                except asyncio.TimeoutError:
                    raise ConnectionError("no reply to a PING") from None
