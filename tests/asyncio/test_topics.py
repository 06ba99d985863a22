"""Topics of one process: who gets what, in which order, in how many writes, and what a slow peer costs."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from both_ends import Pair, address, local

from wsframe.asyncio import Listener, State, Topics, connect
from wsframe.deflate import ServerPolicy

BOUND = 2**20  # bytes that may wait for a peer that does not read


class Members:
    """A server whose connections join a topic, and so many clients."""

    def __init__(self, topics, count, name="news", **options):
        self.topics, self.name, self.count = topics, name, count
        self.options = {"ping_interval": None, **options}
        self.ours = []

    async def _handler(self, ws):
        self.topics.add(ws, self.name)
        self.ours.append(ws)
        await ws.wait_closed()

    async def __aenter__(self):
        self.server = await local(self._handler, **self.options)
        self.theirs = []
        for number in range(self.count):
            self.theirs.append(await connect(address(self.server), **self.options))
            while len(self.ours) <= number:
                await asyncio.sleep(0)
        return self

    async def __aexit__(self, *exc):
        for ws in (*self.ours, *self.theirs):
            ws.transport.abort()
        self.server.close()
        await self.server.wait_closed()
        assert not self.topics.topics


async def received(ws, count):
    return [await ws.recv() for _ in range(count)]


def seen_writes(ws):
    """What a connection writes to its transport, or past it, from now on."""
    writes = []
    ws._use_socket(-1)
    ws._transport_write = lambda data: writes.append(bytes(data))
    return writes


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("message", ["hello", b"hello", "x" * 1000, b"y" * 70_000], ids=len)
async def test_members_get_what_is_published(message, compression):
    topics = Topics()
    async with Members(topics, 3, compression=compression) as members:
        topics.publish("news", message)
        topics.publish("sports", "nobody has joined")
        topics.publish("news", "end")
        for ws in members.theirs:
            assert await received(ws, 2) == [message, "end"]
    assert topics.counters.published == 3
    assert topics.counters.delivered == 6


async def test_members_that_compress_in_different_ways():
    """Each gets what it can inflate, also between messages of its own that share a context."""
    topics, ours, frames = Topics(), [], []
    policies = [
        None,
        ServerPolicy(),
        ServerPolicy(server_max_window_bits=9),
        ServerPolicy(min_size=10_000),
        ServerPolicy(server_no_context_takeover=True),
    ]

    async def handler(ws):
        topics.add(ws, "news")
        ours.append(ws)
        await ws.wait_closed()

    message, alone = "news " * 200, "for one " * 100
    async with contextlib.AsyncExitStack() as stack:
        theirs = []
        for policy in policies * 2:
            server = await local(handler, compression=policy, ping_interval=None)
            stack.callback(server.close)
            theirs.append(await stack.enter_async_context(connect(address(server), ping_interval=None)))
            while len(ours) < len(theirs):
                await asyncio.sleep(0)
        for ws in ours:
            await ws.send(alone)
        sending = asyncio.create_task(ours[1].send(parts(frames)))
        while not frames:
            await asyncio.sleep(0)
        topics.publish("news", message)
        for ws in ours:
            if ws is not ours[1]:
                ws.send_nowait(alone)
        topics.publish("news", message)
        for ws in theirs:
            expected = [alone] if ws is theirs[1] else [alone, message, alone, message]
            assert await received(ws, len(expected)) == expected
        frames[0].set()
        await sending
        assert await theirs[1].recv() == "parts"
    assert topics.counters.delivered == 18
    assert topics.counters.dropped == 2
    assert [ws._messages_sent for ws in ours] == [2 if ws is ours[1] else 4 for ws in ours]


async def parts(waits):
    waits.append(asyncio.Event())
    yield "par"
    await waits[0].wait()
    yield "ts"


async def test_a_connection_has_several_topics_and_leaves_them():
    topics = Topics()
    async with Pair() as pair:
        for name in ("a", "b", "a", ""):
            topics.add(pair.ours, name)
        assert topics.topics_of(pair.ours) == topics.topics == {"a", "b", ""}
        assert topics.members("a") == {pair.ours}
        topics.discard(pair.ours, "b")
        topics.discard(pair.ours, "b")
        topics.discard(pair.theirs, "a")
        for name in ("b", "a", ""):
            topics.publish(name, name)
        assert await received(pair.theirs, 2) == ["a", ""]
        topics.discard_all(pair.ours)
        assert topics.topics == topics.topics_of(pair.ours) == topics.members("a") == set()


async def test_a_connection_leaves_when_it_ends():
    one, other = Topics(), Topics()
    async with Pair() as pair:
        one.add(pair.ours, "a")
        other.add(pair.ours, "a")
        other.add(pair.ours, "b")
        await pair.theirs.close()
        await pair.ours.wait_closed()
        assert one.topics == other.topics == set()
        one.add(pair.ours, "a")
        assert one.topics == set()
        one.publish("a", "nobody")
    assert one.counters.delivered == 0


async def test_members_that_are_clients_get_masked_messages():
    topics = Topics()
    async with Pair(compression=None) as pair:
        topics.add(pair.theirs, "up")
        topics.publish("up", "from a client")
        assert await pair.ours.recv() == "from a client"


async def test_text_and_binary_can_be_chosen():
    topics = Topics()
    async with Members(topics, 1) as members:
        topics.publish("news", b"text", text=True)
        topics.publish("news", "binary", text=False)
        assert await received(members.theirs[0], 2) == ["text", b"binary"]
        for wrong in (None, 3, ["fragments"]):
            with pytest.raises(TypeError):
                topics.publish("news", wrong)
            with pytest.raises(TypeError):
                topics.publish("nobody", wrong)
        with pytest.raises(UnicodeDecodeError):
            topics.publish("news", b"\xff", text=True)
    assert topics.counters.published == 2


async def test_messages_of_one_iteration_leave_in_one_write():
    topics = Topics()
    async with Members(topics, 1, compression=None) as members:
        topics.add(members.ours[0], "more")
        writes = seen_writes(members.ours[0])
        for number in range(4):
            topics.publish("news", f"news {number}")
            topics.publish("more", f"more {number}")
        assert writes == []
        await asyncio.sleep(0)
        assert len(writes) == 1
        assert writes[0].count(b"news") == writes[0].count(b"more") == 4


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_messages_are_sent_in_the_order_of_send_and_publish(compression):
    topics = Topics()
    async with Members(topics, 2, compression=compression) as members:
        ws = members.ours[0]
        ws.send_nowait("1")
        topics.publish("news", "2")
        ws.send_nowait("3")
        topics.publish("news", "4" * 500)
        await ws.send("5" * 500)
        topics.publish("news", "6" * 100_000)
        await ws.send("7")
        topics.publish("news", "8")
        await ws.ping(b"between")
        topics.publish("news", "9")
        ws.close_nowait()
        topics.publish("news", "too late")
        got = [message async for message in members.theirs[0]]
        assert [message[0] for message in got] == list("123456789")
        assert [(await members.theirs[1].recv())[0] for _ in range(6)] == list("24689t")


async def test_a_listener_that_publishes_gets_its_own_message():
    topics = Topics()

    class Chat(Listener):
        def on_open(self, ws):
            topics.add(ws, "room")

        def on_message(self, ws, message):
            topics.publish("room", message)
            ws.send_nowait("taken")

    async with local(Chat) as server, connect(address(server)) as ws:
        await ws.send("hello")
        assert await received(ws, 2) == ["hello", "taken"]


async def test_messages_wait_behind_a_send_that_waits():
    """A send that waits for its place is sent first."""
    topics = Topics()
    async with Members(topics, 1, max_size=None) as members:
        large = "abc" * 2**18
        sending = asyncio.create_task(members.ours[0].send(large))
        await asyncio.sleep(0)
        topics.publish("news", "next")
        assert await received(members.theirs[0], 2) == [large, "next"]
        await sending


async def test_no_message_gets_between_fragments():
    topics = Topics()
    async with Members(topics, 1) as members:
        more = asyncio.Event()

        async def fragments():
            yield "a"
            yield "b"
            await more.wait()
            yield "c"

        sending = asyncio.create_task(members.ours[0].send(fragments()))
        await asyncio.sleep(0)
        topics.publish("news", "dropped")
        more.set()
        await sending
        topics.publish("news", "next")
        assert await received(members.theirs[0], 2) == ["abc", "next"]
    assert topics.counters.dropped == 1


async def test_slow_members_get_less():
    topics = Topics()
    async with Members(topics, 3, compression=None) as members:
        for slow in members.theirs[:2]:
            slow.transport.pause_reading()
        fast = members.theirs[2]
        for number in range(300):
            topics.publish("news", f"{number:<50000}")
            assert (await fast.recv()).strip() == str(number)
        for ws in members.ours[:2]:
            assert ws.congested
            assert ws.transport.get_write_buffer_size() < BOUND
        assert 0 < topics.counters.dropped == 900 - topics.counters.delivered
        for slow in members.theirs[:2]:
            slow.transport.resume_reading()
        got = await received(members.theirs[0], topics.counters.delivered // 2 - 150)
        assert [int(message) for message in got] == list(range(len(got)))


async def test_the_newest_message_of_each_topic_follows():
    topics = Topics(slow_peer="latest")
    async with Members(topics, 1, compression=None) as members:
        ours, theirs = members.ours[0], members.theirs[0]
        topics.add(ours, "more")
        theirs.transport.pause_reading()
        number = 0
        while not ours.congested:
            number += 1
            topics.publish("news", f"{number:<50000}")
            await asyncio.sleep(0)
        for _ in range(100):
            number += 1
            topics.publish("news", f"{number:<50000}")
            topics.publish("more", f"{number:<50000}")
        assert ours.transport.get_write_buffer_size() < BOUND
        assert topics.counters.replaced == 198
        written = topics.counters.delivered
        theirs.transport.resume_reading()
        got = [int(message) for message in await received(theirs, written + 2)]
        assert got[:written] == list(range(1, written + 1))
        assert got[written:] == [number, number]
        topics.publish("news", "and on")
        assert await theirs.recv() == "and on"


async def test_a_member_that_leaves_gets_no_latest_message():
    topics = Topics(slow_peer="latest")
    async with Members(topics, 1, compression=None) as members:
        ours, theirs = members.ours[0], members.theirs[0]
        theirs.transport.pause_reading()
        while not ours.congested:
            topics.publish("news", bytes(50000))
            await asyncio.sleep(0)
        topics.publish("news", "late")
        topics.discard(ours, "news")
        theirs.transport.resume_reading()
        await received(theirs, topics.counters.delivered)
        await ours.send("end")
        assert await theirs.recv() == "end"


async def test_slow_members_are_closed():
    topics = Topics(slow_peer="close", max_unsent=100_000)
    async with Members(topics, 1, compression=None) as members:
        ours, theirs = members.ours[0], members.theirs[0]
        topics.add(ours, "more")
        theirs.transport.pause_reading()
        while ours.state is State.OPEN:
            topics.publish("news", bytes(50000))
            await asyncio.sleep(0)
        assert topics.topics == set()
        assert topics.counters.closed == 1
        theirs.transport.resume_reading()
        await received(theirs, topics.counters.delivered)
        await theirs.wait_closed()
        assert (theirs.close_code, theirs.close_reason) == (1013, "peer is too slow")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"slow_peer": "wait"}, ValueError),
        ({"max_unsent": -1}, ValueError),
        ({"max_unsent": None}, TypeError),
    ],
    ids=str,
)
async def test_options_are_checked(options, error):
    with pytest.raises(error):
        Topics(**options)


@pytest.mark.parametrize("topic", [3, None, b"news", True, []], ids=repr)
async def test_a_topic_is_a_string(topic):
    async with Pair() as pair:
        topics = Topics()
        with pytest.raises(TypeError):
            topics.add(pair.ours, topic)
        with pytest.raises(TypeError):
            await topics.subscribe(pair.ours, topic)
        with pytest.raises(TypeError):
            topics.publish(topic, "message")
        assert not topics.topics


async def test_a_topic_must_be_encodable_as_utf_8():
    async with Pair() as pair:
        topics, match = Topics(), "must be encodable as UTF-8"
        with pytest.raises(ValueError, match=match):
            topics.add(pair.ours, "\ud800")
        with pytest.raises(ValueError, match=match):
            await topics.subscribe(pair.ours, "\ud800")
        with pytest.raises(ValueError, match=match):
            topics.publish("\ud800", "message")
        assert not topics.topics


async def test_slow_readers_take_less_than_a_mebibyte_each():
    topics, ours, count = Topics(), [], 50

    async def handler(ws):
        topics.add(ws, "news")
        ours.append(ws)
        await ws.wait_closed()

    async with local(handler, compression=None, ping_interval=None) as server:
        clients = [await connect(address(server), compression=None) for _ in range(count)]
        for client in clients:
            client.transport.pause_reading()
        while len(topics.members("news")) < count:
            await asyncio.sleep(0)
        message = "x" * 100_000
        for _ in range(100):  # 10 MB each
            topics.publish("news", message)
        assert topics.counters.dropped > 0
        assert max(ws.transport.get_write_buffer_size() for ws in ours) < 2**20
        for ws in (*ours, *clients):
            ws.transport.abort()


async def awaited_by_nobody(*_):
    pass


@pytest.mark.parametrize(
    "options", [{"on_gap": awaited_by_nobody}, {"wrap": awaited_by_nobody}, {"logger": 3}]
)
def test_functions_and_loggers_that_cannot_be_used(options):
    (name,) = options
    with pytest.raises(TypeError, match=f"{name} must be"):
        Topics(**options)
