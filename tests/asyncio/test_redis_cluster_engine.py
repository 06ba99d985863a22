"""Topics of several processes on a cluster: sharded channels, a server that is lost, a slot that moves."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

pytest.importorskip("redis")

from nodes import QUICK, Node, received, until
from redis_cluster import Cluster

from wsframe.asyncio import RedisClusterEngine, Topics

NAMES = [f"topic {number}" for number in range(30)]  # on all servers


def topics_on(cluster, history=0, **options):
    return Topics(engine=RedisClusterEngine(cluster.url, history=history, **QUICK), **options)


@pytest.mark.slow
async def test_topics_of_all_servers_of_a_cluster():
    async with (
        Cluster() as cluster,
        Node(cluster, topics=topics_on(cluster)) as one,
        Node(cluster, topics=topics_on(cluster)) as other,
    ):
        ours, client = await one.connect()
        names = [*NAMES, "{a}b", "a}b{", "100%", "100%25", ""]
        for name in names:
            await one.topics.subscribe(ours, name)
        for name in names:
            other.topics.publish(name, name)
        assert sorted(await received(client, len(names))) == sorted(names)
        channels = [await server.ask("PUBSUB", "SHARDCHANNELS") for server in cluster.servers]
        assert sum(map(len, channels)) == len(names)
        assert all(channels)
        one.topics.discard_all(ours)
        for server in cluster.servers:
            await asyncio.wait_for(_no_channels(server), 20)
        await one.topics.subscribe(ours, "again")
        other.topics.publish("again", "hello")
        assert await client.recv() == "hello"
        assert one.topics._engine.session == 0


async def _no_channels(server):
    while await server.ask("PUBSUB", "SHARDCHANNELS"):
        await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_history_on_a_cluster():
    async with Cluster() as cluster, Node(cluster, topics=topics_on(cluster, history=100)) as node:
        for name in (*NAMES[:5], "{a}b", "a}b{"):
            ours, client = await node.connect()
            epoch = (await node.topics.subscribe(ours, name)).position.epoch
            for number in range(3):
                node.topics.publish(name, f"{name} {number}")
            assert await received(client, 3) == [f"{name} {number}" for number in range(3)]
            ours, client = await node.connect()
            assert (await node.topics.subscribe(ours, name, since=(epoch, 1))).recovered
            assert await received(client, 2) == [f"{name} {number}" for number in (1, 2)]


@pytest.mark.slow
async def test_lost_server_of_a_cluster_is_a_gap():
    gaps = []
    async with Cluster() as cluster:
        topics = topics_on(cluster, on_gap=lambda ws, topic: gaps.append(topic))
        async with Node(cluster, topics=topics) as node:
            ours, client = await node.connect()
            for name in NAMES:
                await topics.subscribe(ours, name)
            lost = cluster.servers[1]
            lost.kill()
            await until(lambda: not topics._engine.connected)
            await lost.start()
            await cluster.complete()
            await until(lambda: set(gaps) == set(NAMES) and topics._engine._subscribed_to_all)
            for name in NAMES:
                topics.publish(name, f"after {name}")
            assert sorted(await received(client, len(NAMES))) == sorted(f"after {name}" for name in NAMES)


@pytest.mark.slow
async def test_slot_that_moves_is_a_gap():
    gaps = []
    async with Cluster() as cluster:
        topics = topics_on(cluster, on_gap=lambda ws, topic: gaps.append(topic))
        async with Node(cluster, topics=topics) as node:
            client = await node.join("news")
            slot = int(await cluster.servers[0].ask("CLUSTER", "KEYSLOT", "wsframe:news"))
            owner = next(n for n, server in enumerate(cluster.servers) if slot <= (5460, 10922, 16383)[n])
            target = cluster.servers[(owner + 1) % 3]
            name = await target.ask("CLUSTER", "MYID")
            for server in (target, cluster.servers[owner], cluster.servers[(owner + 2) % 3]):
                await server.ask("CLUSTER", "SETSLOT", slot, "NODE", name)
            await until(lambda: gaps)
            topics.publish("news", "after")
            assert await client.recv() == "after"
            assert await target.ask("PUBSUB", "SHARDCHANNELS") == ["wsframe:news"]


async def test_prefix_of_a_cluster_has_no_braces():
    with pytest.raises(ValueError, match="braces"):
        RedisClusterEngine("redis://127.0.0.1:1", prefix="{app}:")


PROGRAM = """
import asyncio, sys
sys.modules["hiredis"] = None
from wsframe.asyncio import RedisClusterEngine, Topics

async def main():
    async with Topics(engine=RedisClusterEngine(sys.argv[1])) as topics:
        topics.publish("news", "published without hiredis")
        await topics.drain()
        print(topics.counters.unpublished)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_hiredis_is_not_needed():
    async with Cluster() as cluster, Node(cluster, topics=topics_on(cluster)) as node:
        client = await node.join()
        command = [sys.executable, "-c", PROGRAM, cluster.url]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=20)
        assert done.stdout == b"0\n", done.stderr
        assert await client.recv() == "published without hiredis"
