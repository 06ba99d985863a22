"""Nodes: what is one process of ours each, in the process of the test."""

from __future__ import annotations

import asyncio

from both_ends import address, local

from wsframe.asyncio import NatsEngine, RedisEngine, Topics, connect

QUICK = {"first_delay": 0.01, "max_delay": 0.1}


def engine_for(server, **options):
    kind = RedisEngine if server.kind == "redis" else NatsEngine
    return kind(server.url, **{**QUICK, **options})


class Node:
    """A process of ours, in the same process: topics with an engine, a server, and its clients."""

    def __init__(self, server, name="news", topics=None, **options):
        self.topics = topics or Topics(engine=engine_for(server), **options)
        self.name = name
        self.ours, self.theirs = [], []

    async def _handler(self, ws):
        self.ours.append(ws)
        await ws.wait_closed()

    async def __aenter__(self):
        await self.topics.start()
        self.server = await local(self._handler, ping_interval=None, compression=None)
        return self

    async def connect(self):
        """Return both ends of a new connection."""
        theirs = await connect(address(self.server), ping_interval=None, compression=None)
        self.theirs.append(theirs)
        while len(self.ours) < len(self.theirs):
            await asyncio.sleep(0)
        return self.ours[-1], theirs

    async def join(self, name=None):
        """Return a client whose connection has joined a topic."""
        ours, theirs = await self.connect()
        await self.topics.subscribe(ours, name or self.name)
        return theirs

    async def __aexit__(self, *exc):
        for ws in (*self.ours, *self.theirs):
            ws.transport.abort()
        self.server.close()
        await self.server.wait_closed()
        await self.topics.close()


async def received(ws, count):
    return [await ws.recv() for _ in range(count)]


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


def kept(server, count=100, **options):
    return Topics(engine=RedisEngine(server.url, history=count, **QUICK), **options)
