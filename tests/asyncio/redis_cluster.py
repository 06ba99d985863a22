"""A cluster of three real Redis servers, without replicas, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile

import redis.asyncio as redis
from engine_servers import EngineServer, free_port
from typing_extensions import Self

SLOTS = ((0, 5460), (5461, 10922), (10923, 16383))


class ClusterServer(EngineServer):
    """One of them; what it knows of the cluster outlives `kill`."""

    def __init__(self, folder: str) -> None:
        super().__init__("redis")
        self.bus_port = free_port()
        self._folder = folder

    @property
    def command(self) -> list[str]:
        options = {
            "cluster-enabled": "yes",
            "cluster-port": str(self.bus_port),
            "cluster-config-file": f"{self.port}.conf",
            "cluster-node-timeout": "2000",
            "cluster-require-full-coverage": "no",
            "dir": self._folder,
        }
        return [*super().command, *(word for name, value in options.items() for word in (f"--{name}", value))]

    async def ask(self, *command: object):
        async with redis.Redis.from_url(self.url, decode_responses=True) as client:
            return await client.execute_command(*command)


class Cluster:
    """The servers, and the address of the first."""

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            self.servers = [ClusterServer(folder) for _ in SLOTS]
            for server in self.servers:
                await stack.enter_async_context(server)
            first = self.servers[0]
            for number, server in enumerate(self.servers):
                await server.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                await server.ask("CLUSTER", "ADDSLOTSRANGE", *SLOTS[number])
                if server is not first:
                    await server.ask("CLUSTER", "MEET", "127.0.0.1", first.port, first.bus_port)
            self._stack = stack.pop_all()
        await self.complete()
        self.url = first.url
        return self

    async def complete(self) -> None:
        """Wait until all know all slots."""
        for server in self.servers:
            while not {"cluster_state:ok", "cluster_slots_ok:16384"} <= set(await info(server)):
                await asyncio.sleep(0.05)

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()


async def info(server: ClusterServer) -> list[str]:
    reply = await server.ask("CLUSTER", "INFO")
    if isinstance(reply, dict):  # as redis-py reads it
        return [f"{name}:{value}" for name, value in reply.items()]
    return str(reply).split()
