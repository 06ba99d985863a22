"""hypercorn, accelerated: the same messages, the same limits, the same waiting."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

import pytest
from support import hypercorn_servers
from support.frames import KEY, PING, TEXT, frame
from support.hypercorn_servers import LIMIT, replying, running
from support.opening import request
from support.unhurried import unhurried
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from wsframe.accelerate.hosts.hypercorn import HOST

twice = hypercorn_servers.twice


@pytest.mark.parametrize("text", ["", "a\r\nb\rc\n", "x" * LIMIT, "é" * LIMIT])
def test_text_within_the_limit_is_echoed(text: str) -> None:
    async def converse() -> None:
        async with running(replying()) as uri, connect(uri, compression=None) as ws:
            await ws.send(text)
            assert await ws.recv() == text
            await ws.send([text[:3], text[3:]])
            assert await ws.recv() == text

    asyncio.run(converse())


@pytest.mark.parametrize("data", [b"", b"\r\n\0", b"x" * LIMIT])
def test_bytes_within_the_limit_are_echoed(data: bytes) -> None:
    async def converse() -> None:
        app = replying(bytes, bytearray, memoryview)
        async with running(app) as uri, connect(uri, compression=None) as ws:
            await ws.send(data)
            assert [await ws.recv() for _ in range(3)] == [data] * 3

    asyncio.run(converse())


@pytest.mark.parametrize("message", ["x" * (LIMIT + 1), b"x" * (LIMIT + 1)])
def test_message_over_the_limit_closes_with_1009(message: str | bytes) -> None:
    async def converse() -> None:
        async with running(replying(bytes)) as uri, connect(uri, compression=None) as ws:
            await ws.send("first")
            assert await ws.recv() == "first"
            await ws.send(message)
            with pytest.raises(ConnectionClosedError) as closed:
                await ws.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009

    asyncio.run(converse())


def test_mixed_frames_in_one_read_are_all_handled() -> None:
    async def converse() -> None:
        stream = (
            frame(TEXT, b"one", key=KEY)
            + frame(PING, b"ping", key=KEY)
            + frame(TEXT, b"t", fin=False, key=KEY)
            + frame(0, b"wo", key=KEY)
            + frame(TEXT, b"three", key=KEY)
        )
        async with running(replying()) as uri:
            host, port = uri.removeprefix("ws://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            writer.write(stream)
            replies = [frame(TEXT, b"one"), frame(10, b"ping"), frame(TEXT, b"two"), frame(TEXT, b"three")]
            received = await reader.readexactly(sum(map(len, replies)))
            assert sorted(received) == sorted(b"".join(replies))
            assert received.replace(frame(10, b"ping"), b"") == replies[0] + replies[2] + replies[3]
            writer.close()
            await writer.wait_closed()

    asyncio.run(converse())


@pytest.mark.parametrize("wrong", [{"text": None}, {"text": b"bytes"}, {"bytes": None}, {}, {"text": 5}])
def test_invalid_send_event_raises_in_the_application(wrong: dict[str, Any]) -> None:
    errors: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        await receive()
        await send({"type": "websocket.accept"})
        try:
            await send({"type": "websocket.send", **wrong})
        except Exception as exc:
            errors.append(type(exc).__name__)

    async def converse() -> None:
        async with running(app) as uri, connect(uri) as ws:
            with pytest.raises(ConnectionClosedError):
                await ws.recv()

    asyncio.run(converse())
    assert errors == ["TypeError" if "text" in wrong else "KeyError"]


def test_send_after_disconnect_is_ignored() -> None:
    async def converse() -> None:
        sent = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                return
            await receive()
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                pass
            await send({"type": "websocket.send", "text": "too late"})
            sent.set()

        async with running(app) as uri:
            async with connect(uri):
                pass
            await asyncio.wait_for(sent.wait(), 10)

    asyncio.run(converse())


def test_read_timeout_closes_the_connection() -> None:
    async def converse() -> None:
        async with running(replying(), read_timeout=1) as uri, connect(uri) as ws:
            await ws.send("quick")
            assert await ws.recv() == "quick"
            with pytest.raises(ConnectionClosedError):
                await asyncio.wait_for(ws.recv(), 10)

    asyncio.run(converse())


def test_slow_application_applies_backpressure() -> None:
    """No more messages are read than its queue can hold."""

    async def converse() -> None:
        gate = asyncio.Event()
        taken = 0

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal taken
            if scope["type"] == "lifespan":
                return
            await receive()
            await send({"type": "websocket.accept"})
            while (await receive())["type"] == "websocket.receive":
                taken += 1
                await gate.wait()

        async with running(app) as uri, connect(uri, compression=None) as ws:
            sending = asyncio.create_task(flood(ws, "x" * LIMIT, 30_000))
            while not taken:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            assert not sending.done()
            assert taken == 1
            gate.set()
            await sending
            while taken < 30_000:
                await asyncio.sleep(0.01)

    asyncio.run(converse())


async def flood(ws: Any, message: str, count: int) -> None:
    for _ in range(count):
        await ws.send(message)


def test_the_proof_fails_without_the_patch(twice: str) -> None:
    for part in (HOST, *HOST.parts):
        if twice == "accelerated":
            HOST.load(part.prove)()
        else:
            with pytest.raises(RuntimeError, match=r"^the original code of hypercorn was called$"):
                HOST.load(part.prove)()


def test_replies_to_one_read_are_ordered_and_coalesced(twice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The replies are in order, and coalesced into few writes where accelerated."""
    Transport: Any = import_module("asyncio.selector_events")._SelectorSocketTransport
    original, writes = Transport.write, []
    unhurried(monkeypatch)

    def write(self: Any, data: bytes) -> None:
        writes.append(bytes(data))
        original(self, data)

    async def converse() -> None:
        async with running(replying()) as uri, connect(uri, compression=None) as ws:
            monkeypatch.setattr(Transport, "write", write)
            many = b"".join(frame(TEXT, b"a%d" % number, key=KEY) for number in range(64))
            ws.transport.write(many)
            assert [await ws.recv() for _ in range(64)] == [f"a{number}" for number in range(64)]
            await ws.send("one more")
            assert await ws.recv() == "one more"
            replies = [data for data in writes if data[0] == 0x81 and not data[1] & 0x80]
            assert b"".join(replies[:-1]) == b"".join(frame(TEXT, b"a%d" % number) for number in range(64))
            assert len(replies) == 65 if twice != "accelerated" else len(replies) < 15

    asyncio.run(converse())
