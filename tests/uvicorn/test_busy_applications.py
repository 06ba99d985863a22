"""While an application is busy, Pings get their Pongs, and queued messages stay bounded."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import zlib
from typing import Any

import pytest
from serving import Raw, running
from test_protocol import close, frame, text
from websockets.sync.client import connect

from wsframe import Close, Opcode, Ping, Pong


class Busy:
    """An application that receives when it is told to, and then replies to each message."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause  # seconds between a message and its reply
        self.accepted = threading.Event()
        self.go = threading.Event()
        self.events: list[Any] = []
        self.raised: list[str] = []
        self.done = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.accepted.set()
        await asyncio.get_running_loop().run_in_executor(None, self.go.wait, 20)
        try:
            while True:
                event = await receive()
                self.events.append(event)
                if event["type"] == "websocket.disconnect":
                    return
                if self.pause:
                    await asyncio.sleep(self.pause)
                await send({"type": "websocket.send", "text": event["text"]})
        except OSError as exc:
            self.raised.append(type(exc).__name__)
        finally:
            self.done.set()


def numbers(count: int) -> bytes:
    return b"".join(text(str(number)) for number in range(count))


def test_pings_get_pongs_while_messages_are_queued(loop: str) -> None:
    app = Busy()
    with running(app, loop=loop) as (port, _), Raw(port) as client:
        assert app.accepted.wait(20)
        for number in range(20):  # one read each, and one that brings a message with it
            client.send(frame(Opcode.PING, b"%d" % number) + text(str(number)))
            assert client.receive(1) == [Pong(b"%d" % number)]
        app.go.set()
        assert client.receive(20) == [str(number) for number in range(20)]
        client.send(close(b"\x03\xe8"))
        assert client.close_code() == 1000


def test_pings_get_pongs_while_the_application_awaits_something_else(loop: str) -> None:
    app = Busy(pause=3600)
    app.go.set()
    with running(app, loop=loop, timeout_graceful_shutdown=1) as (port, _), Raw(port) as client:
        client.send(text("a"))
        for number in range(10):
            client.send(frame(Opcode.PING, b"%d" % number))
            assert client.receive(1) == [Pong(b"%d" % number)]


def test_keepalive_continues_while_messages_are_queued(loop: str) -> None:
    app = Busy()
    options = {"loop": loop, "ws_ping_interval": 0.1, "ws_ping_timeout": 20}
    with running(app, **options) as (port, _), Raw(port) as client:
        client.send(numbers(10))
        for _ in range(5):
            (ping,) = client.receive(1)
            assert isinstance(ping, Ping)
            client.send(frame(Opcode.PONG, ping.data))
        app.go.set()
        assert [event for event in client.receive(10) if not isinstance(event, Ping)][:5]


@pytest.mark.parametrize("bound", [1, 8, 32])
def test_reading_pauses_at_ws_max_queue(loop: str, bound: int) -> None:
    app = Busy()
    with running(app, loop=loop, ws_max_queue=bound) as (port, server), Raw(port) as client:
        assert app.accepted.wait(20)
        (connection,) = server.server_state.connections
        for number in range(bound):
            assert connection._reading
            client.send(text(str(number)) + frame(Opcode.PING, b""))
            assert client.receive(1) == [Pong(b"")]
        while connection._reading:  # until the read that filled the queue is done
            time.sleep(0.001)
        client.send(text(str(bound)))
        app.go.set()
        assert client.receive(bound + 1) == [str(number) for number in range(bound + 1)]
        client.send(close(b"\x03\xe8"))
        assert client.close_code() == 1000


def test_ws_max_queue_of_0_does_not_limit_messages(loop: str) -> None:
    app = Busy()
    with running(app, loop=loop, ws_max_queue=0) as (port, server), Raw(port) as client:
        assert app.accepted.wait(20)
        client.send(numbers(1000) + frame(Opcode.PING, b""))
        assert client.receive(1) == [Pong(b"")]
        (connection,) = server.server_state.connections
        assert connection._reading
        app.go.set()
        assert client.receive(1000) == [str(number) for number in range(1000)]


@pytest.mark.parametrize("half_closed", [False, True])
def test_replies_to_messages_before_a_close_precede_it(loop: str, half_closed: bool) -> None:
    app = Busy()
    with running(app, loop=loop) as (port, _), Raw(port) as client:
        client.send(numbers(300) + close(b"\x0f\xa0bye"))
        if half_closed:
            client.end()
        app.go.set()
        assert client.receive_all() == [*(str(number) for number in range(300)), Close(4000, "bye")]
    assert app.done.wait(20)
    assert app.events[-1] == {"type": "websocket.disconnect", "code": 4000, "reason": "bye"}


def test_slow_application_replies_to_all_messages_before_a_close(loop: str) -> None:
    app = Busy(pause=0.01)
    app.go.set()
    with running(app, loop=loop) as (port, _), Raw(port) as client:
        client.send(numbers(100) + close(b"\x03\xe8"))
        assert client.receive_all() == [*(str(number) for number in range(100)), Close(1000)]


def test_a_close_does_not_wait_for_an_application_that_receives_nothing(loop: str) -> None:
    app = Busy()
    with running(app, loop=loop) as (port, _), Raw(port) as client:
        client.send(numbers(300) + close(b"\x03\xe8"))
        assert client.receive_all() == [Close(1000)]  # the application is still waiting
        assert not app.go.is_set()
        app.go.set()
        assert app.done.wait(20)
    assert app.raised == ["ClientDisconnected"]


def test_application_may_close_while_a_received_close_is_pending(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await send({"type": "websocket.close", "code": 4001})
        events.extend([await receive(), await receive(), await receive()])

    events: list[Any] = []
    with running(app, loop=loop) as (port, _), Raw(port) as client:
        client.send(numbers(2) + close(b"\x0f\xa0"))
        assert client.receive_all() == [Close(4001)]
    assert events[0] == {"type": "websocket.receive", "text": "1"}
    assert [event["code"] for event in events[1:]] == [4000, 1005]


def test_application_may_return_while_a_received_close_is_pending(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()

    with running(app, loop=loop) as (port, _), Raw(port) as client:
        client.send(numbers(2) + close(b"\x0f\xa0"))
        assert client.receive_all() == [Close(4000)]


def test_concurrent_receives_are_served_in_order_despite_cancellation(loop: str) -> None:
    got: list[tuple[int, str]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def one(name: int) -> None:
            got.append((name, (await receive())["text"]))

        await receive()
        await send({"type": "websocket.accept"})
        tasks = [asyncio.ensure_future(one(name)) for name in range(4)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[2].cancel()
        await send({"type": "websocket.send", "text": "go"})
        await asyncio.wait(tasks)
        await send({"type": "websocket.close"})

    with running(app, loop=loop) as (port, _), Raw(port) as client:
        assert client.receive(1) == ["go"]
        client.send(text("a"))
        client.send(text("b"))
        assert client.receive(1) == [Close(1000)]
    assert got == [(1, "a"), (3, "b")]


def test_endless_receive_after_the_end_does_not_block_the_loop(loop: str) -> None:
    iterations = [0]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/other":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close"})
            return
        await receive()
        await send({"type": "websocket.accept"})
        while iterations[0] >= 0:
            await receive()
            iterations[0] += 1

    with running(app, loop=loop) as (port, _):
        with Raw(port) as client:
            client.send(close())
            assert client.receive_all() == [Close(1005)]
        with Raw(port, "/other") as client:
            assert client.receive(1) == [Close(1000)]
        assert iterations[0] > 0
        iterations[0] = -(10**9)


def test_close_behind_a_large_backlog_is_found(loop: str) -> None:
    # Compressed messages that inflate to more than a read may cost: the Close of the client lies behind them.
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await send({"type": "websocket.close", "code": 4001})

    extension = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover"
    with running(app, loop=loop, ws_max_size=2**22) as (port, _), Raw(port, extra=extension) as client:
        squeezed = deflated(bytes(2**20))
        bomb = frame(Opcode.BINARY, squeezed, rsv=4)
        client.send(bomb * 20 + close(b"\x0f\xa1"))
        assert client.receive_all() == [Close(4001)]


def deflated(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-12)
    return (squeezer.compress(data) + squeezer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_compressing_a_large_message_yields_to_the_loop(loop: str) -> None:
    data = os.urandom(2**20) + bytes(2**24)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        large = send({"type": "websocket.send", "bytes": data})
        task = asyncio.ensure_future(large)
        iterations = 0
        while not task.done():
            await asyncio.sleep(0)
            iterations += 1
        await send({"type": "websocket.send", "text": str(iterations)})

    with (
        running(app, loop=loop) as (port, _),
        connect(f"ws://127.0.0.1:{port}", max_size=None, proxy=None) as client,
    ):
        assert client.recv(20) == data
        assert int(client.recv(20)) > 10
