"""Engines under faults: sessions lost at the worst time, cancelled calls, foreign messages."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

pytest.importorskip("redis")

import redis.asyncio as redis
from engine_servers import EngineServer, free_port
from nodes import Node, engine_for, kept, received, until

from wsframe.asyncio import EngineUnavailable, NatsEngine, RedisEngine, Topics

QUICK = {"first_delay": 0.01, "max_delay": 0.1}


async def test_history_of_a_lost_session_is_read_again():
    """What is published between the history and the next subscription is not missed."""
    async with EngineServer("redis") as server, Node(server, topics=kept(server)) as node:
        engine = node.topics._engine
        read, calls = engine.history, 0

        async def history(topic, since):
            nonlocal calls
            calls += 1
            result = await read(topic, since)
            if calls == 1:
                session = engine.session
                async with redis.Redis.from_url(server.url) as admin:
                    await admin.client_kill_filter(_type="pubsub")
                await until(lambda: engine.session > session)
                async with Topics(engine=RedisEngine(server.url, history=100)) as other:
                    other.publish("news", "meanwhile")
                await until(lambda: engine._subscribed_to_all)
            return result

        engine.history = history
        ours, client = await node.connect()
        position = (await node.topics.subscribe(ours, "news")).position
        assert calls == 2
        assert position.offset == 1  # the message is before it, and not missing in silence
        node.topics.publish("news", "after")
        assert await client.recv() == "after"


async def pending_subscribe(node, ours):
    """Return a task that subscribes and reads the history, and an event that ends the reading."""
    engine = node.topics._engine
    read, reads, goes_on = engine.history, asyncio.Event(), asyncio.Event()

    async def history(topic, since):
        result = await read(topic, since)
        reads.set()
        await goes_on.wait()
        return result

    engine.history = history
    task = asyncio.create_task(node.topics.subscribe(ours, "news"))
    await reads.wait()
    engine.history = read
    return task, goes_on


@pytest.mark.parametrize("added", ["before", "meanwhile"])
async def test_cancelled_subscribe_with_history_leaves_a_member_that_was_added(added):
    """It gets each message, also those that came while the history was read."""
    async with EngineServer("redis") as server, Node(server, topics=kept(server)) as node:
        topics = node.topics
        ours, client = await node.connect()
        if added == "before":
            topics.add(ours, "news")
        task, _ = await pending_subscribe(node, ours)
        topics.add(ours, "news")
        topics.publish("news", "meanwhile")
        await until(lambda: topics.counters.received)
        assert task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert topics.topics_of(ours) == {"news"}
        assert topics.members("news") == {ours}
        topics.publish("news", "after")
        assert await received(client, 2) == ["meanwhile", "after"]
        assert not topics._joining


async def test_subscribe_with_history_that_is_overtaken_by_another():
    """The member stays while one of the two calls is not cancelled, and no longer."""
    async with EngineServer("redis") as server, Node(server, topics=kept(server)) as node:
        topics = node.topics
        ours, client = await node.connect()
        first, goes_on = await pending_subscribe(node, ours)
        second, _ = await pending_subscribe(node, ours)
        second.cancel()
        await asyncio.wait([second])
        assert topics.topics_of(ours) == {"news"}
        goes_on.set()
        assert not (await first).recovered
        topics.publish("news", "after")
        assert await client.recv() == "after"
        topics.discard(ours, "news")
        calls = [(await pending_subscribe(node, ours))[0] for _ in range(2)]
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert not topics.topics
        assert not topics._joining


async def test_cancelled_replay_sends_no_message_twice():
    async with EngineServer("redis") as server, Node(server, topics=kept(server)) as node:
        topics = node.topics
        first, _ = await node.connect()
        epoch = (await topics.subscribe(first, "news")).position.epoch
        ours, client = await node.connect()
        drains = asyncio.Event()

        async def drain():
            drains.set()
            await asyncio.Event().wait()

        read = topics._engine.history

        async def history(topic, since):
            for message in ("a", "b", "c"):
                topics.publish("news", message)
            await until(lambda: topics.counters.received == 3)  # they wait, and are in the history
            return await read(topic, since)

        topics._engine.history = history
        ours.drain, write, written = drain, topics._write, 0

        def congested_after_two(ws, message):
            nonlocal written
            write(ws, message)
            written += 1
            ws.congested = written == 2

        topics._write = congested_after_two
        task = asyncio.create_task(topics.subscribe(ours, "news", (epoch, 0)))
        await drains.wait()
        topics.add(ours, "news")
        ours.congested = False
        del topics._write
        task.cancel()
        await asyncio.wait([task])
        topics.publish("news", "d")
        assert await received(client, 4) == ["a", "b", "c", "d"]


async def test_cancelled_subscribe_tells_a_member_what_it_may_have_missed():
    gaps = []
    topics_of = lambda server: kept(server, 5000, on_gap=lambda ws, topic: gaps.append((ws, topic)))  # noqa: E731
    async with EngineServer("redis") as server, Node(server, topics=topics_of(server)) as node:
        topics = node.topics
        ours, client = await node.connect()
        topics.add(ours, "news")
        task, _ = await pending_subscribe(node, ours)
        for number in range(1001):
            topics.publish("news", str(number))
        await until(lambda: topics.counters.received == 1001)
        task.cancel()
        await asyncio.wait([task])
        assert gaps == [(ours, "news")]
        assert await received(client, 1000) == [str(number) for number in range(1, 1001)]


async def test_session_that_is_lost_during_the_replay_is_no_silent_loss():
    """What is published between the two sessions follows from the history."""
    async with EngineServer("redis") as server, Node(server, topics=kept(server, 5000)) as node:
        topics, engine = node.topics, node.topics._engine
        first, _ = await node.connect()
        epoch = (await topics.subscribe(first, "news")).position.epoch
        topics.discard(first, "news")
        for number in range(300):
            topics.publish("news", f"{number:<50000}")
        await topics.drain()
        ours, client = await node.connect()
        client.transport.pause_reading()
        joining = asyncio.create_task(topics.subscribe(ours, "news", since=(epoch, 0)))
        await until(lambda: ours.congested)
        async with redis.Redis.from_url(server.url) as admin:
            await admin.client_kill_filter(_type="pubsub")
        await until(lambda: engine.session)
        async with Topics(engine=RedisEngine(server.url, history=5000)) as other:
            other.publish("news", "300")
        await until(lambda: engine._subscribed_to_all)
        topics.publish("news", "301")
        await topics.drain()
        client.transport.resume_reading()
        assert [int(message) for message in await received(client, 302)] == list(range(302))
        assert (await joining).recovered


async def test_history_that_is_lost_during_the_replay_is_not_recovered():
    async with EngineServer("redis") as server, Node(server, topics=kept(server, 5000)) as node:
        topics, engine = node.topics, node.topics._engine
        first, _ = await node.connect()
        epoch = (await topics.subscribe(first, "news")).position.epoch
        topics.discard(first, "news")
        for number in range(300):
            topics.publish("news", f"{number:<50000}")
        await topics.drain()
        ours, client = await node.connect()
        client.transport.pause_reading()
        joining = asyncio.create_task(topics.subscribe(ours, "news", since=(epoch, 0)))
        await until(lambda: ours.congested)
        server.kill()
        await until(lambda: engine.session)
        await server.start()
        await until(lambda: engine._subscribed_to_all)
        client.transport.resume_reading()
        await received(client, 300)
        recovered, position = await joining
        assert not recovered
        assert position.epoch != epoch


async def test_cancelled_subscribe_leaves_the_session_as_it_is():
    async with EngineServer("redis") as server, Node(server, topics=kept(server)) as node:
        client = await node.join()
        session = node.topics._engine.session
        for _ in range(20):
            ours, _ = await node.connect()
            joining = asyncio.create_task(node.topics.subscribe(ours, "news"))
            while not node.topics._engine._links[0]._executing:
                await asyncio.sleep(0)
            joining.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await joining
            assert not node.topics.topics_of(ours)
        node.topics.publish("news", "hello")
        assert await client.recv() == "hello"
        assert node.topics._engine.session == session


async def test_large_history_is_replayed_to_a_peer_as_it_reads():
    """None of it is dropped, although it is more than `max_unsent`, and newer messages follow it."""
    async with EngineServer("redis") as server, Node(server, topics=kept(server, 5000)) as node:
        topics = node.topics
        first, _ = await node.connect()
        epoch = (await topics.subscribe(first, "news")).position.epoch
        topics.discard(first, "news")
        for number in range(300):
            topics.publish("news", f"{number:<50000}")
        await topics.drain()
        ours, client = await node.connect()
        client.transport.pause_reading()
        joining = asyncio.create_task(topics.subscribe(ours, "news", since=(epoch, 0)))
        await until(lambda: ours.congested)
        for number in range(300, 3000):  # more than wait for a member
            topics.publish("news", str(number))
        await topics.drain()
        client.transport.resume_reading()
        assert [int(message) for message in await received(client, 3000)] == list(range(3000))
        assert (await joining).recovered
        assert topics.counters.dropped == 0


async def test_idle_command_connection_that_is_lost_is_noticed():
    gaps = []
    async with EngineServer("redis") as server:
        engine = RedisEngine(server.url, health_interval=0.05, **QUICK)
        topics = Topics(engine=engine, on_gap=lambda ws, topic: gaps.append(topic))
        async with Node(server, topics=topics) as node:
            client = await node.join()
            async with redis.Redis.from_url(server.url) as admin:
                await admin.client_kill_filter(_type="normal", skipme=True)
            await until(lambda: gaps)
            topics.publish("news", "after")
            assert await client.recv() == "after"
            assert topics.counters.unpublished == 0


async def test_idle_engine_keeps_its_session():
    """The replies to a PING differ: with subscriptions and without."""
    async with EngineServer("redis") as server:
        topics = Topics(engine=RedisEngine(server.url, health_interval=0.01, **QUICK))
        async with Node(server, topics=topics) as node, redis.Redis.from_url(server.url) as admin:

            async def several_pings():
                calls = 0
                await admin.config_resetstat()
                while calls < 6:
                    calls = (await admin.info("commandstats")).get("cmdstat_ping", {}).get("calls", 0)

            await several_pings()
            client = await node.join()
            await several_pings()
            topics.publish("news", "hello")
            assert await client.recv() == "hello"
            assert topics._engine.session == 0


@pytest.mark.parametrize("in_url", [True, False])
async def test_socket_timeout_ends_no_idle_session(in_url):
    """It is that of a reply to a command, not of the next message."""
    async with EngineServer("redis") as server:
        url, options = (
            (f"{server.url}?socket_timeout=0.05", {}) if in_url else (server.url, {"socket_timeout": 0.05})
        )
        topics = Topics(engine=RedisEngine(url, **options, **QUICK))
        async with Node(server, topics=topics) as node:
            client = await node.join()
            link = topics._engine._links[0]
            assert (link._reading.socket_timeout, link._writing.socket_timeout) == (None, 0.05)
            await asyncio.sleep(0.2)
            topics.publish("news", "hello")
            assert await client.recv() == "hello"
            assert topics._engine.session == 0


async def test_message_without_a_position_is_counted_and_skipped(caplog):
    async with EngineServer("redis") as server, Node(server, topics=kept(server)) as node:
        client = await node.join()
        async with redis.Redis.from_url(server.url) as admin:
            for payload in (b"foreign", b"a:b:c", b"\xff:1:c"):
                await admin.publish("wsframe:news", payload)
        node.topics.publish("news", "ours")
        assert await client.recv() == "ours"
        assert node.topics.counters.invalid == 3
        assert node.topics._engine.session == 0


async def test_flushed_scripts_are_loaded_again():
    async with EngineServer("redis") as server, Node(server, topics=kept(server)) as node:
        client = await node.join()
        async with redis.Redis.from_url(server.url) as admin:
            await admin.script_flush()
            for number in range(5):
                node.topics.publish("news", str(number))
            assert await received(client, 5) == ["0", "1", "2", "3", "4"]
            await admin.script_flush()
            await node.join()
        assert node.topics.counters.unpublished == 0


async def test_cancelled_start_leaves_nothing_running():
    async with EngineServer("redis") as server:
        server.process.send_signal(19)  # SIGSTOP
        before = asyncio.all_tasks()
        topics = Topics(engine=RedisEngine(server.url, **QUICK))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(topics.start(), 0.05)
        assert asyncio.all_tasks() == before


@pytest.mark.parametrize("kind", ["redis", "nats"])
async def test_start_that_has_failed_may_be_called_again(kind):
    pytest.importorskip(kind)
    server = EngineServer(kind)
    topics = Topics(engine=engine_for(server))
    for _ in range(2):
        with pytest.raises(EngineUnavailable, match="cannot be reached"):
            await topics.start()
    async with server, Node(server, topics=topics) as node:
        client = await node.join()
        topics.publish("news", "hello")
        assert await client.recv() == "hello"
    with pytest.raises(RuntimeError, match="once"):
        await topics.start()


@pytest.mark.parametrize("history", [0, 10])
async def test_engine_that_is_not_started_says_so(history):
    async with EngineServer("redis") as server, Node(server) as node:
        ours, client = await node.connect()
        topics = Topics(engine=RedisEngine(server.url, history=history))
        with pytest.raises(EngineUnavailable, match="not started"):
            topics.publish("news", "hello")
        with pytest.raises(EngineUnavailable, match="not started"):
            await topics.subscribe(ours, "news")
        assert not topics.topics
        topics.add(ours, "news")
        async with topics:
            topics.publish("news", "hello")
            assert await client.recv() == "hello"


async def test_subscribe_after_close_raises_engine_unavailable():
    async with EngineServer("redis") as server, Node(server) as node:
        ours, _ = await node.connect()
        server.kill()
        await until(lambda: not node.topics._engine.connected)
        waiting = asyncio.create_task(node.topics.subscribe(ours, "news"))
        await asyncio.sleep(0)
        await node.topics.close()
        with pytest.raises(EngineUnavailable, match="closed"):
            await waiting
        with pytest.raises(EngineUnavailable, match="closed"):
            await node.topics.subscribe(ours, "other")
        assert not node.topics.topics


async def test_topic_that_is_left_and_joined_again_is_subscribed():
    """A confirmation of the first subscription is not taken for one of the second."""
    async with EngineServer("redis") as server, Node(server) as node:
        ours, client = await node.connect()
        for number in range(50):
            node.topics.add(ours, "news")
            await asyncio.sleep(0)
            node.topics.discard(ours, "news")
            await asyncio.sleep(0)
            node.topics.add(ours, "news")
            node.topics.publish("news", str(number))
            assert await client.recv() == str(number)
            node.topics.discard(ours, "news")


async def test_engine_that_cannot_subscribe_says_so(caplog):
    async with EngineServer("redis") as server, Node(server) as node:
        async with redis.Redis.from_url(server.url) as admin:
            await admin.execute_command("ACL", "SETUSER", "default", "-@pubsub")
        ours, _ = await node.connect()
        node.topics.add(ours, "news")
        await until(lambda: "no permissions to run the 'subscribe' command" in caplog.text)
        with pytest.raises(EngineUnavailable, match="refuses the topic 'other'"):
            await node.topics.subscribe(ours, "other")
        node.topics.discard(ours, "news")
        await until(lambda: not node.topics._engine._subscribed)
        assert node.topics._engine.session == 0


NATS_CONFIGURATION = """
authorization { users: [ {user: limited, password: secret, permissions: {
    publish: {deny: "wsframe.Secret.>"}, subscribe: {deny: "wsframe.Secret.>"} }} ] }
"""


class LimitedServer(EngineServer):
    """One whose users may not use topics that begin with "Secret"."""

    def __init__(self, kind, folder):
        super().__init__(kind)
        self.folder = folder

    @property
    def command(self):
        if self.kind == "redis":
            users = self.folder / "users"
            users.write_text("user default on nopass ~* +@all resetchannels &wsframe:news* &wsframe:open*\n")
            return [*super().command, "--aclfile", str(users)]
        self.url = f"nats://limited:secret@127.0.0.1:{self.port}"
        configuration = self.folder / "nats.conf"
        configuration.write_text(NATS_CONFIGURATION)
        return [*super().command, "-c", str(configuration)]


@pytest.mark.parametrize("kind", ["redis", "nats"])
async def test_topic_that_the_server_refuses_harms_no_other(kind, caplog, tmp_path):
    pytest.importorskip(kind)
    gaps = []
    async with (
        LimitedServer(kind, tmp_path) as server,
        Node(server, on_gap=lambda ws, topic: gaps.append(topic)) as node,
    ):
        ours, client = await node.connect()
        engine = node.topics._engine
        names = ["news", "open 1", "Secret.1", "Secret.2", "open 2"]
        for name in names:
            node.topics.add(ours, name)
        for name in names:
            node.topics.publish(name, name)
        assert await received(client, 3) == ["news", "open 1", "open 2"]
        await node.topics.drain()
        assert sorted(gaps) == ["Secret.1", "Secret.2"]
        for name in gaps:
            assert f"the engine refuses the topic '{name}'" in caplog.text
        assert node.topics.counters.unpublished == 2
        assert "the engine refuses" in caplog.text and "message(s)" in caplog.text
        with pytest.raises(EngineUnavailable, match=r"refuses the topic 'Secret\.3'"):
            await node.topics.subscribe(ours, "Secret.3")
        assert "Secret.3" not in node.topics.topics_of(ours)
        node.topics.discard(ours, "Secret.1")
        await node.topics.subscribe(ours, "news 2")
        assert (engine.session, engine.connected) == (0, True)
        gaps.clear()
        server.kill()
        await until(lambda: not engine.connected)
        await server.start()
        await until(lambda: gaps)
        assert sorted(gaps) == ["Secret.2", "news", "news 2", "open 1", "open 2"]
        node.topics.publish("news", "again")
        assert await client.recv() == "again"


class WithPassword(EngineServer):
    @property
    def command(self):
        options = (
            ["--requirepass", "secret"] if self.kind == "redis" else ["--user", "me", "--pass", "secret"]
        )
        return [*super().command, *options]


@pytest.mark.parametrize(("kind", "text"), [("redis", "Authentication required"), ("nats", "Authorization")])
async def test_missing_password_is_noticed_at_the_start(kind, text):
    pytest.importorskip(kind)
    async with WithPassword(kind) as server:
        with pytest.raises(EngineUnavailable, match=text):
            await Topics(engine=engine_for(server)).start()
        user = {"password": "secret"} if kind == "redis" else {"user": "me", "password": "secret"}
        async with Topics(engine=engine_for(server, **user)) as topics:
            topics.publish("news", "hello")


async def test_unknown_option_of_the_library_raises_type_error():
    pytest.importorskip("nats")
    for engine, url in ((RedisEngine, "redis://localhost"), (NatsEngine, "nats://localhost")):
        with pytest.raises(TypeError, match="passwort"):
            engine(url, passwort="secret")


async def test_nats_server_that_is_not_there_says_why():
    pytest.importorskip("nats")
    with pytest.raises(EngineUnavailable, match="Connect"):
        await Topics(engine=NatsEngine(f"nats://127.0.0.1:{free_port()}")).start()


async def test_close_ends_although_messages_are_published():
    async with EngineServer("redis") as server:
        topics, published = Topics(engine=RedisEngine(server.url)), asyncio.Event()
        await topics.start()

        async def publish():
            while True:
                topics.publish("news", "hello")
                published.set()
                await asyncio.sleep(0)

        publishing = asyncio.create_task(publish())
        await published.wait()
        await topics.close()
        with pytest.raises(EngineUnavailable, match="not connected"):
            await publishing
        assert topics.counters.unpublished == 1  # the one that was refused


@pytest.mark.parametrize(
    ("kind", "topic", "error", "match"),
    [
        ("redis", "\ud800", ValueError, "encodable as UTF-8"),
        ("nats", "\ud800", ValueError, "encodable as UTF-8"),
        ("nats", "x" * 5000, ValueError, "at most 4000 bytes"),
        ("nats", " " * 1400, ValueError, "at most 4000 bytes"),
        ("redis", 5, TypeError, "a topic is a str"),
        ("nats", None, TypeError, "a topic is a str"),
    ],
)
async def test_topic_that_cannot_be_does_not_reach_the_engine(kind, topic, error, match):
    pytest.importorskip(kind)
    async with EngineServer(kind) as server, Node(server) as node:
        client = await node.join()
        ours, _ = await node.connect()
        for _ in range(2):
            with pytest.raises(error, match=match):
                node.topics.add(ours, topic)
            with pytest.raises(error, match=match):
                await node.topics.subscribe(ours, topic)
            with pytest.raises(error, match=match):
                node.topics.publish(topic, "message")
            node.topics.publish("news", "hello")
            assert await client.recv() == "hello"
        assert (node.topics._engine.session, node.topics.topics) == (0, {"news"})


async def test_longest_topic_of_nats_is_taken():
    pytest.importorskip("nats")
    async with EngineServer("nats") as server, Node(server) as node:
        topic = "x" * (4000 - len("wsframe."))
        client = await node.join(topic)
        node.topics.publish(topic, "hello")
        assert await client.recv() == "hello"
        assert node.topics._engine.session == 0


@pytest.mark.parametrize(
    "offset", [-1, 2**63, 2**64, 10**400, 99], ids=["negative", "2**63", "2**64", "10**400", "99"]
)
async def test_position_that_no_message_has_recovers_nothing(offset):
    async with EngineServer("redis") as server, Node(server, topics=kept(server)) as node:
        ours, client = await node.connect()
        epoch = (await node.topics.subscribe(ours, "news")).position.epoch
        for since in ((epoch, offset), ("\ud800", 0), ("", 0), ("a:b", 0)):
            assert not (await node.topics.subscribe(ours, "news", since)).recovered
        node.topics.publish("news", "hello")
        assert await client.recv() == "hello"
        assert node.topics._engine.session == 0


async def test_member_stays_one_when_its_position_is_refused():
    async with EngineServer("redis") as server, Node(server, topics=kept(server)) as node:
        ours, client = await node.connect()
        await node.topics.subscribe(ours, "news")
        for since in (5, ("epoch", True), ("epoch", 1.0)):
            with pytest.raises(TypeError, match="pair of epoch and offset"):
                await node.topics.subscribe(ours, "news", since)
        node.topics.publish("news", "hello")
        assert await client.recv() == "hello"


@pytest.mark.parametrize("since", [("epoch", "1"), (1, 2), ("epoch",), "abc", {}])
async def test_position_of_a_wrong_type_raises_type_error(since):
    async with EngineServer("redis") as server, Node(server, topics=kept(server)) as node:
        ours, _ = await node.connect()
        with pytest.raises(TypeError, match="pair of epoch and offset"):
            await node.topics.subscribe(ours, "news", since)
        assert not node.topics.topics


async def test_nats_server_with_a_small_control_line(tmp_path, caplog):
    """A topic that is too long for it is refused, and the others go on."""
    configuration = tmp_path / "nats.conf"
    configuration.write_text("max_control_line: 256\n")
    async with (
        EngineServer("nats", "-c", str(configuration)) as server,
        Node(server, when_lost="count") as node,
    ):
        topics, engine = node.topics, node.topics._engine
        client = await node.join("short")
        ours, _ = await node.connect()
        with pytest.raises(EngineUnavailable, match="at most 307 bytes, not 308"):
            await topics.subscribe(ours, "n" * 300)
        assert not topics.topics_of(ours)
        await engine.subscribed("short")
        topics.publish("x" * 270, "too long")
        await until(lambda: engine._max_subject < 278)
        with pytest.raises(ValueError, match="at most 277 bytes, not 278"):
            topics.publish("x" * 270, "too long")
        await engine.subscribed("short")
        topics.publish("short", "hello")
        assert await client.recv() == "hello"
        assert topics.counters.unpublished == 1
        assert engine.session == 2
    assert "max_control_line" in caplog.text
