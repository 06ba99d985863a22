"""An engine on the sharded publish and subscribe of a Redis or Valkey cluster."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ._redis_link import RedisLink
from .redis_engine import RedisEngine, _connection_options

# For characters of a topic that a channel must not have.
ESCAPES = (("%", "%25"), ("{", "%7B"), ("}", "%7D"))


class RedisClusterEngine(RedisEngine):
    """Has Topics of several processes share their messages through a cluster of Redis 7 or Valkey.

    A topic is a shard channel (SSUBSCRIBE, SPUBLISH) on the server that has its slot, so that the load of
    many topics spreads over the servers.  A process connects to all primaries.  When it loses one of them, or
    a slot moves, it connects again to all: all its members are told of the gap.

    Args:
        url: of one server of the cluster, from which redis-py finds the others: "redis://localhost:6379".
        prefix, text, history, history_ttl, max_queued, timeout, health_interval, first_delay, max_delay: see
            `RedisEngine`.
        options: those of redis-py's `RedisCluster.from_url`: password, ssl_ca_certs, address_remap, ...
    """

    _publish = "SPUBLISH"

    def _use(self, url: str, options: dict[str, Any]) -> None:
        from redis.asyncio.cluster import RedisCluster

        if b"{" in self._prefix or b"}" in self._prefix:
            raise ValueError("prefix must have no braces: they select the slot")
        self._url = url
        # As for all our connections: for version 3 and without hiredis redis-py would make ones that fail.
        self._options = {**options, "protocol": 2}
        self._cluster: Any = RedisCluster.from_url(url, **self._options)  # checks the options
        self._links_by_server: dict[str, RedisLink] = {}

    @property
    def _connection_errors(self) -> tuple[type[BaseException], ...]:
        from redis.exceptions import RedisClusterException

        return (*super()._connection_errors, RedisClusterException)

    async def _make_links(self) -> list[RedisLink]:
        from redis.asyncio.cluster import RedisCluster

        await self._close_cluster()
        self._cluster = RedisCluster.from_url(self._url, **self._options)
        await self._cluster.initialize()
        self._links_by_server = {
            node.name: RedisLink(self._connections_of(node), self._take, self._timeout, sharded=True)
            for node in self._cluster.get_primaries()
        }
        return list(self._links_by_server.values())

    def _connections_of(self, node: Any) -> Any:
        """Return a function that makes a connection to a server of the cluster."""
        options = {**node.connection_kwargs, **_connection_options()}
        return lambda: node.connection_class(**options)

    def _link_of(self, channel: bytes) -> RedisLink:
        if not self._links:
            raise ConnectionError("the engine is not connected")
        node = self._cluster.get_node_from_key(channel)
        if node is None or node.name not in self._links_by_server:
            raise ConnectionError("no server of the cluster has the slot of a channel")
        return self._links_by_server[node.name]

    def _channel(self, topic: str) -> bytes:
        """Return the channel of a topic, without braces: they would select the slot."""
        for character, escape in ESCAPES:
            topic = topic.replace(character, escape)
        return super()._channel(topic)

    def _topic_of(self, channel: bytes) -> str:
        topic = super()._topic_of(channel)
        for character, escape in reversed(ESCAPES):
            topic = topic.replace(escape, character)
        return topic

    async def _disconnect(self) -> None:
        self._links_by_server = {}
        await super()._disconnect()
        await self._close_cluster()

    async def _close_cluster(self) -> None:
        with suppress(*self._connection_errors):
            await self._cluster.aclose()
