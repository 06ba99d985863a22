"""Topics of several processes: two nodes and a real Redis or NATS, which is killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("redis")
pytest.importorskip("nats")

import nats
import redis.asyncio as redis
from engine_servers import EngineServer, free_port
from nodes import Node, engine_for, kept, received, until

from wsframe.asyncio import EngineUnavailable, Position, Topics, connect


@pytest.fixture(params=["redis", "nats"])
def kind(request):
    return request.param


async def publish_until_received(topics, message, client):
    """Publish until a client gets it; return what it got before.

    At most once: a server that has just begun may end a session again.
    """

    async def receive():
        before = []
        while (got := await client.recv()) != message:
            before.append(got)
        return before

    receiving = asyncio.create_task(receive())
    while not receiving.done():
        with contextlib.suppress(EngineUnavailable):
            topics.publish("news", message)
        await asyncio.sleep(0.01)
    return receiving.result()


async def publish_outside(server, topic, payload):
    """Publish as another program does."""
    if server.kind == "redis":
        async with redis.Redis.from_url(server.url) as client:
            await client.publish(f"wsframe:{topic}", payload)
    else:
        client = await nats.connect(server.url)
        await client.publish(f"wsframe.{topic}", payload)
        await client.close()


async def test_members_of_all_nodes_get_all_messages_in_one_order(kind):
    async with EngineServer(kind) as server, Node(server) as one, Node(server) as other:
        clients = [await one.join(), await one.join(), await other.join()]
        for number in range(100):
            one.topics.publish("news", f"one {number}")
            other.topics.publish("news", f"other {number}")
            if number % 10 == 0:
                await asyncio.sleep(0)
        orders = [await received(client, 200) for client in clients]
        assert orders[0] == orders[1] == orders[2]
        for node in ("one", "other"):
            assert [m for m in orders[0] if m.startswith(f"{node} ")] == [f"{node} {n}" for n in range(100)]
        await one.topics.drain()
        assert one.topics.counters.published == 100
        assert one.topics.counters.unpublished == 0
        assert one.topics.counters.received == 200


async def test_messages_published_after_add_are_received(kind):
    async with EngineServer(kind) as server, Node(server) as node:
        ours, theirs = await node.connect()
        for name in ("a", "b b", "*", "", "x..y.", "é" * 100):
            node.topics.add(ours, name)
            node.topics.publish(name, name)
            assert await theirs.recv() == name


async def test_a_topic_is_subscribed_while_it_has_local_members(kind):
    async with EngineServer(kind) as server, Node(server) as one, Node(server) as other:
        client = await one.join()
        second = await other.join("sports")
        for node in (one, other):
            node.topics.publish("news", "to one")
            node.topics.publish("sports", "to other")
        assert await received(client, 2) == ["to one"] * 2
        assert await received(second, 2) == ["to other"] * 2
        await client.close()
        await until(lambda: not one.topics.topics)
        client = await one.join("weather")  # behind the end of the other subscription
        other.topics.publish("news", "to nobody")
        other.topics.publish("weather", "fine")
        assert await client.recv() == "fine"
        assert one.topics.counters.received == 3
        assert other.topics.counters.received == 2


async def test_binary_engine_carries_bytes_and_text_as_binary(kind):
    async with EngineServer(kind) as server:
        topics = Topics(engine=engine_for(server, text=False))
        async with Node(server, topics=topics) as node:
            client = await node.join()
            topics.publish("news", b"\xff\x00")
            topics.publish("news", bytearray(b"more"))
            topics.publish("news", "text", text=False)
            assert await received(client, 3) == [b"\xff\x00", b"more", b"text"]
            with pytest.raises(TypeError, match="binary"):
                topics.publish("news", "text")


async def test_messages_of_other_programs_are_received(kind):
    async with EngineServer(kind) as server, Node(server) as node:
        client = await node.join()
        await publish_outside(server, "news", b"\xff")
        await publish_outside(server, "news", b"outside")
        assert await client.recv() == "outside"
        assert node.topics.counters.invalid == 1
        with pytest.raises(TypeError, match="text"):
            node.topics.publish("news", b"bytes")


async def test_many_messages_and_topics_all_arrive(kind):
    async with EngineServer(kind) as server, Node(server) as node:
        ours, theirs = await node.connect()
        for number in range(2500):
            node.topics.add(ours, str(number))
        for number in range(2500):
            node.topics.publish(str(number), f"first of {number}")
        assert sorted(await received(theirs, 2500)) == sorted(f"first of {n}" for n in range(2500))
        for number in range(3000):
            node.topics.publish("7", str(number))
        assert await received(theirs, 3000) == [str(number) for number in range(3000)]
        node.topics.discard_all(ours)
        assert not node.topics.topics


@pytest.mark.parametrize("when_lost", ["raise", "count"])
async def test_restarted_engine_reports_gaps_to_all_members(kind, when_lost):
    gaps = []
    async with EngineServer(kind) as server:
        options = {"when_lost": when_lost, "on_gap": lambda ws, topic: gaps.append((ws, topic))}
        async with Node(server, **options) as one, Node(server, **options) as other:
            clients = [await one.join(), await one.join(), await other.join(), await other.join("sports")]
            one.topics.publish("news", "before")
            for client in clients[:3]:
                assert await client.recv() == "before"

            async def traffic():
                number = 0
                while True:
                    number += 1
                    with contextlib.suppress(EngineUnavailable):
                        other.topics.publish("news", str(number))
                    await asyncio.sleep(0)

            running = asyncio.create_task(traffic())
            await received(clients[0], 10)
            server.kill()
            await until(lambda: other.topics.counters.unpublished > 10)
            if when_lost == "raise":
                with pytest.raises(EngineUnavailable):
                    other.topics.publish("news", "lost")
            assert not gaps
            await server.start()
            members = [(ws, "news") for ws in (*one.ours, other.ours[0])] + [(other.ours[1], "sports")]
            await until(lambda: {*gaps} >= {*members})
            running.cancel()
            assert {*gaps} == {*members}
            for client in clients[:3]:
                received_before = await publish_until_received(one.topics, "after", client)
                numbers = [int(message) for message in received_before if message != "after"]
                assert numbers == sorted(set(numbers))  # at most once, in order


async def test_gap_without_on_gap_is_logged(kind, caplog):
    async with EngineServer(kind) as server, Node(server) as node:
        await node.join()
        server.kill()
        await server.start()
        await until(lambda: node.topics.counters.gaps)
        assert "messages may have been missed by 1 members of topics" in caplog.text


async def test_on_gap_that_raises_is_logged(kind, caplog):
    def on_gap(ws, topic):
        raise ZeroDivisionError

    async with EngineServer(kind) as server, Node(server, on_gap=on_gap) as node:
        client = await node.join()
        server.kill()
        await server.start()
        await until(lambda: node.topics.counters.gaps)
        assert await publish_until_received(node.topics, "after", client) == []
        assert "on_gap failed" in caplog.text


async def test_failed_first_connection_raises_engine_unavailable(kind):
    server = EngineServer(kind)
    topics = Topics(engine=engine_for(server, timeout=0.5))
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        await topics.start()
    with pytest.raises(EngineUnavailable, match="not started"):
        topics.publish("news", "lost")
    await topics.close()  # does nothing


async def test_pending_subscribe_ends_with_its_connection_or_engine(kind):
    """A connection that ends, and an engine that is closed, end the wait."""
    async with EngineServer(kind) as server, Node(server) as node:
        server.kill()
        await until(lambda: not node.topics._engine.connected)
        ours, theirs = await node.connect()
        joining = asyncio.create_task(node.topics.subscribe(ours, "news"))
        await asyncio.sleep(0)
        await theirs.close()
        await joining
        ours, theirs = await node.connect()
        joining = asyncio.create_task(node.topics.subscribe(ours, "news"))
        await asyncio.sleep(0)
        await server.start()
        await joining
        assert await publish_until_received(node.topics, "hello", theirs) == []


async def test_slow_reader_has_messages_dropped(kind):
    async with EngineServer(kind) as server, Node(server) as node:
        slow, fast = await node.join(), await node.join()
        slow.transport.pause_reading()
        for number in range(200):
            node.topics.publish("news", f"{number:<50000}")
            assert int(await fast.recv()) == number
        assert node.ours[0].transport.get_write_buffer_size() < 2**20
        assert node.topics.counters.dropped > 0


async def test_publishing_over_max_queued_raises_engine_unavailable(kind):
    async with EngineServer(kind) as server:
        topics = Topics(engine=engine_for(server, max_queued=100_000))
        async with Node(server, topics=topics) as node:
            client = await node.join()
            for _ in range(3):
                topics.publish("news", "x" * 50_000)
            with pytest.raises(EngineUnavailable, match="too slow"):
                topics.publish("news", "x" * 50_000)
            assert topics.counters.published == 3
            assert [len(message) for message in await received(client, 3)] == [50_000] * 3
            await topics.drain()
            topics.publish("news", "and on")
            assert await client.recv() == "and on"


async def test_queued_messages_are_sent_before_close(kind):
    async with EngineServer(kind) as server, Node(server) as node:
        client = await node.join()
        async with Topics(engine=engine_for(server)) as topics:
            for number in range(10):
                topics.publish("news", str(number))
        assert await received(client, 10) == [str(number) for number in range(10)]


@pytest.mark.parametrize("added_by", ["subscribe", "add"])
async def test_cancelled_subscribe_leaves_a_member_that_another_call_has_added(kind, added_by):
    async with EngineServer(kind) as server, Node(server) as node:
        ours, _ = await node.connect()
        cancelled = asyncio.create_task(node.topics.subscribe(ours, "news"))
        other = asyncio.create_task(node.topics.subscribe(ours, "news")) if added_by == "subscribe" else None
        await asyncio.sleep(0)
        if other is None:
            node.topics.add(ours, "news")
        assert cancelled.cancel()
        await asyncio.wait([cancelled])
        assert cancelled.cancelled()
        if other is not None:
            await other
        assert node.topics.topics_of(ours) == {"news"}
        assert not node.topics._joining


async def test_cancelled_calls_of_subscribe_add_no_member(kind):
    async with EngineServer(kind) as server, Node(server) as node:
        ours, _ = await node.connect()
        calls = [asyncio.create_task(node.topics.subscribe(ours, "news")) for _ in range(3)]
        await asyncio.sleep(0)
        for call in calls:
            assert call.cancel()
        await asyncio.wait(calls)
        assert not node.topics.topics_of(ours)
        assert not node.topics.topics
        assert not node.topics._joining


# Redis alone.


async def test_subscription_ended_by_the_server_is_a_gap():
    gaps = []
    async with EngineServer("redis") as server:
        topics = Topics(engine=engine_for(server), on_gap=lambda ws, topic: gaps.append(topic))
        async with Node(server, topics=topics) as node:
            client = await node.join()
            async with redis.Redis.from_url(server.url) as admin:
                assert await admin.pubsub_channels() == [b"wsframe:news"]
                assert await admin.client_kill_filter(_type="pubsub") == 1
            await until(lambda: gaps)
            assert gaps == ["news"]
            assert await publish_until_received(node.topics, "after", client) == []


async def test_hanging_server_is_a_gap():
    gaps = []
    async with EngineServer("redis") as server:
        topics = Topics(
            engine=engine_for(server, health_interval=0.05, timeout=0.2),
            on_gap=lambda ws, topic: gaps.append(topic),
        )
        async with Node(server, topics=topics) as node:
            client = await node.join()
            server.process.send_signal(19)  # SIGSTOP
            await until(lambda: not topics._engine.connected)
            server.process.send_signal(18)  # SIGCONT
            await until(lambda: gaps)
            assert await publish_until_received(topics, "after", client) == []


async def test_message_refused_by_the_server_is_counted_and_logged(caplog):
    async with EngineServer("redis") as server, Node(server) as node:
        async with redis.Redis.from_url(server.url) as admin:
            await admin.execute_command("ACL", "SETUSER", "default", "-publish")
        node.topics.publish("news", "refused")
        await node.topics.drain()
        assert node.topics.counters.unpublished == 1
        assert "refuses" in caplog.text


async def test_missed_messages_are_replayed_since_a_position():
    async with EngineServer("redis") as server, Node(server, topics=kept(server)) as node:
        topics = node.topics
        first, client = await node.connect()
        recovered, position = await topics.subscribe(first, "news")
        assert not recovered
        assert position.offset == 0
        for number in range(1, 11):
            topics.publish("news", str(number))
        assert await received(client, 10) == [str(number) for number in range(1, 11)]
        second, client = await node.connect()
        recovered, now = await topics.subscribe(second, "news", since=(position.epoch, 4))
        assert recovered
        assert now == (position.epoch, 10)
        topics.publish("news", "11")
        assert await received(client, 7) == [str(number) for number in range(5, 12)]
        third, client = await node.connect()
        assert await topics.subscribe(third, "news", since=(position.epoch, 11)) == (True, (now.epoch, 11))
        topics.publish("news", "12")
        assert await client.recv() == "12"


async def test_messages_beyond_the_history_cannot_be_replayed():
    async with EngineServer("redis") as server, Node(server, topics=kept(server, 3)) as node:
        ours, client = await node.connect()
        epoch = (await node.topics.subscribe(ours, "news")).position.epoch
        for number in range(1, 11):
            node.topics.publish("news", str(number))
        await node.topics.drain()
        for since in ((epoch, 6), (epoch, 11), ("another", 9)):
            ours, client = await node.connect()
            assert await node.topics.subscribe(ours, "news", since=since) == (False, (epoch, 10))
            node.topics.discard(ours, "news")
        async with redis.Redis.from_url(server.url) as admin:
            await admin.flushall()
        recovered, position = await node.topics.subscribe(ours, "news", since=(epoch, 10))
        assert not recovered
        assert position.epoch != epoch
        node.topics.publish("news", "from now on")
        assert await client.recv() == "from now on"


async def test_replayed_and_new_messages_arrive_once_in_order():
    async with (
        EngineServer("redis") as server,
        Node(server, topics=kept(server, 10_000)) as node,
        Node(server, topics=kept(server, 10_000)) as other,
    ):
        ours, _ = await node.connect()
        epoch = (await node.topics.subscribe(ours, "news")).position.epoch

        async def join(ours):
            assert (await node.topics.subscribe(ours, "news", since=(epoch, 0))).recovered

        joining, clients = [], []
        for number in range(1, 501):
            other.topics.publish("news", str(number))
            await other.topics.drain()
            if number % 25 == 0:
                ours, client = await node.connect()
                clients.append(client)
                joining.append(asyncio.create_task(join(ours)))
                await asyncio.sleep(0)  # it begins, and ends amid what is published next
        await asyncio.gather(*joining)
        for client in clients:
            assert [int(message) for message in await received(client, 500)] == list(range(1, 501))


async def test_wrap_can_add_the_position_to_messages():
    def wrap(topic, message, position):
        return f"{topic} {position.offset} {message}"

    async with EngineServer("redis") as server, Node(server, topics=kept(server, wrap=wrap)) as node:
        client = await node.join()
        node.topics.publish("news", "hello")
        assert await client.recv() == "news 1 hello"
        ours, client = await node.connect()
        position = (await node.topics.subscribe(ours, "news")).position
        assert isinstance(position, Position)
        node.topics.discard(ours, "news")
        await node.topics.subscribe(ours, "news", since=(position.epoch, 0))
        assert await client.recv() == "news 1 hello"


async def test_unreadable_history_raises_engine_unavailable():
    async with EngineServer("redis") as server, Node(server, topics=kept(server)) as node:
        await node.join()
        ours, _ = await node.connect()
        async with redis.Redis.from_url(server.url) as admin:
            await admin.execute_command("ACL", "SETUSER", "default", "-evalsha")
        with pytest.raises(EngineUnavailable, match="history"):
            await node.topics.subscribe(ours, "news")
        assert not node.topics.topics_of(ours)


async def test_without_a_history_nothing_is_recovered(kind):
    async with EngineServer(kind) as server, Node(server) as node:
        ours, client = await node.connect()
        assert await node.topics.subscribe(ours, "news", since=("epoch", 3)) == (False, None)
        node.topics.publish("news", "from now on")
        assert await client.recv() == "from now on"


async def test_invalid_engine_or_when_lost_raises():
    with pytest.raises(TypeError, match="engine"):
        Topics(engine="redis://localhost")
    with pytest.raises(ValueError, match="when_lost"):
        Topics(when_lost="wait")


# The examples, in processes of their own.

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextlib.asynccontextmanager
async def running(name, server, *arguments):
    """Start an example; yield what it prints, its URI."""
    command = [sys.executable, str(EXAMPLES / name), *(arguments or ("0", server.url))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield (await asyncio.to_thread(process.stdout.readline)).strip()
        finally:
            process.kill()


async def test_the_example_of_two_processes(kind):
    async with (
        EngineServer(kind) as server,
        running("topics.py", server) as one,
        running("topics.py", server) as two,
        connect(one) as first,
        connect(two) as second,
    ):
        got = asyncio.create_task(second.recv())
        while not got.done():  # it may not have joined yet
            await first.send("hello")
            assert await first.recv() == "hello"
        assert await got == "hello"


async def test_the_example_of_a_history():
    async with EngineServer("redis") as server, running("history.py", server) as uri:
        async with connect(uri) as ws:
            epoch, offset = json.loads(await ws.recv())["begin"]
            assert offset == 0
            await ws.send("one")
            await ws.send("two")
            await received(ws, 2)
        async with connect(f"{uri}/?since={epoch}:1") as ws:
            assert json.loads(await ws.recv()) == {"message": "two", "position": [epoch, 2]}
        for offset in ("-1", "one", "", 2**64, "9" * 5000):  # not of any message
            async with connect(f"{uri}/?since={epoch}:{offset}") as ws:
                assert json.loads(await ws.recv()) == {"begin": [epoch, 2]}
                await ws.send(b"\xff")  # is no text
                await (await ws.ping())


async def test_the_example_of_a_history_while_the_engine_is_lost():
    """A client is told, comes back, and gets what is published."""
    async with EngineServer("redis") as server, running("history.py", server) as uri:
        async with connect(uri) as ws:
            await ws.recv()
            server.kill()
            answer = {}
            while "refused" not in answer:  # the loss may not be noticed yet
                await ws.send("hello")
                with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                    answer = json.loads(await asyncio.wait_for(ws.recv(), 0.05))
            assert answer == {"refused": "hello"}
            await server.start()
            await ws.wait_closed()
            assert ws.close_code == 1012
        async with connect(uri) as ws:
            assert json.loads(await ws.recv())["begin"]
            async with redis.Redis.from_url(server.url) as admin:
                await admin.execute_command("ACL", "SETUSER", "default", "-evalsha")
            async with connect(uri) as other:
                await other.wait_closed()
                assert other.close_code == 1013


async def test_node_of_the_example_closes_for_an_invalid_request():
    port = free_port()
    async with (
        EngineServer("redis") as server,
        running("scale/node.py", server, "one", str(port), server.url) as ready,
    ):
        assert ready == "ready"
        for request in (
            "5",
            "[]",
            "no JSON",
            '{"join": 5}',
            '{"say": 5}',
            '{"say": "\\ud800"}',
            "[" * 100_000,
        ):
            async with connect(f"ws://127.0.0.1:{port}") as ws:
                await ws.send(request)
                await ws.wait_closed()
                assert ws.close_code == 1008
