"""Topics in a Starlette application, under wsframe's class of uvicorn and under uvicorn's own."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from serving import OURS, serving
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, WebSocketRoute
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from wsframe.asgi import Topics

CLASSES = [OURS, "websockets-sansio", "wsproto"]


class CopiesTheScope:
    """A middleware as there are many."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(dict(scope), receive, send)


def application(topics, found):
    async def room(ws):
        await ws.accept()
        name = ws.path_params["name"]
        with pytest.raises(ValueError, match="UTF-8"):
            topics.add(ws, "\ud800")
        assert ws not in topics._websockets.values() and ws not in topics._senders
        topics.add(ws, name)
        found.append(ws)
        assert topics.topics_of(ws) == {name}
        assert ws in topics.members(name)
        await ws.send_text("joined")
        async for message in ws.iter_text():
            if message == "leave":
                topics.discard(ws, name)
                await ws.send_text("left")
            elif message == "flood":
                for number in range(400):
                    topics.publish(name, f"{number:<50000}")
                await ws.send_text("flooded")
            else:
                await ws.send_text("first")
                topics.publish(name, f"{message} 1")
                topics.publish(name, f"{message} 2".encode())

    routes = [Mount("/rooms", routes=[WebSocketRoute("/{name}", room)])]
    return Starlette(routes=routes, middleware=[Middleware(CopiesTheScope)])


@pytest.fixture(params=CLASSES)
def ws_class(request):
    return request.param


@contextmanager
def join(port, name="a"):
    with connect(f"ws://127.0.0.1:{port}/rooms/{name}", proxy=None, max_size=None) as client:
        assert client.recv() == "joined"
        yield client


def until(condition):
    while not condition():
        time.sleep(0.01)


def test_members_get_what_is_published(ws_class):
    topics, found = Topics(), []
    with serving(application(topics, found), ws=ws_class) as port:
        with join(port) as one, join(port) as two, join(port, "b") as other:
            one.send("hello")
            assert sorted(map(str, (one.recv() for _ in range(3)))) == ["b'hello 2'", "first", "hello 1"]
            assert [two.recv() for _ in range(2)] == ["hello 1", b"hello 2"]
            other.send("bye")
            assert {other.recv() for _ in range(3)} == {"first", "bye 1", b"bye 2"}
            two.send("leave")
            assert two.recv() == "left"
            one.send("again")
            assert len([one.recv() for _ in range(3)]) == 3
            two.send("alone")
            assert two.recv() == "first"
            ours = ws_class == OURS
            assert (len(topics._websockets), len(topics._senders)) == ((2, 0) if ours else (0, 2))
        until(lambda: not topics.topics)
        assert not topics._senders
        assert not topics._websockets
    assert len(found) == 3
    assert topics.counters.delivered == 10


def test_messages_of_one_handler_keep_their_order_under_our_class():
    topics = Topics()
    with serving(application(topics, []), ws=OURS) as port, join(port) as one:
        for _ in range(3):
            one.send("hello")
            assert [one.recv() for _ in range(3)] == ["first", "hello 1", b"hello 2"]


def flooded(ws_class, policy):
    """Return what a client gets that reads after all was published, and the counters."""
    topics, got = Topics(slow_peer=policy), []
    options = {"ws": ws_class, "ws_per_message_deflate": False}
    with serving(application(topics, []), **options) as port, join(port, "slow") as client:
        client.send("flood")
        try:
            last = {"drop": "flooded", "latest": f"{399:<50000}", "close": "none"}[policy]
            while last not in got:
                got.append(client.recv())
        except ConnectionClosed as exc:
            got.append(exc.rcvd)
    return got, topics.counters


def test_the_newest_message_follows_for_a_slow_peer(ws_class):
    got, counters = flooded(ws_class, "latest")
    numbers = [int(message) for message in got if message != "flooded"]
    assert numbers == [*range(len(numbers) - 1), 399]
    assert counters.replaced == 400 - len(numbers)


def test_messages_for_a_slow_peer_are_dropped(ws_class):
    got, counters = flooded(ws_class, "drop")
    numbers = [int(message) for message in got if message != "flooded"]
    assert numbers == list(range(len(numbers)))
    assert 0 < counters.dropped < 400


def test_slow_peers_are_closed(ws_class):
    got, counters = flooded(ws_class, "close")
    assert got[-1].code == 1013
    assert counters.closed == 1


def test_leaving_and_joining_again_keeps_the_order(ws_class):
    """What is queued for a topic that a WebSocket has left is sent before what follows."""
    topics = Topics()

    async def room(ws):
        await ws.accept()
        for number in range(100):
            topics.add(ws, "a")
            topics.publish("a", str(number))
            topics.discard(ws, "a")
        await ws.receive()

    with serving(Starlette(routes=[WebSocketRoute("/", room)]), ws=ws_class) as port:
        with connect(f"ws://127.0.0.1:{port}/", proxy=None) as client:
            assert [client.recv() for _ in range(100)] == [str(number) for number in range(100)]
        until(lambda: not topics._senders)
        assert not topics._websockets
