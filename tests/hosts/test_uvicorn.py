"""uvicorn, accelerated: the same messages, the same limits, the same back-pressure."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from functools import partial
from importlib import import_module
from socket import AF_INET, SOCK_STREAM, socket
from typing import Any

import pytest
import uvicorn
from support.frames import CONTINUATION, KEY, PING, TEXT, close, frame
from support.unhurried import unhurried
from uvicorn.protocols.websockets import websockets_sansio_impl, wsproto_impl
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol

from wsframe import accelerate, encode_binary, encode_text
from wsframe.accelerate.hosts.uvicorn import HOST

LIMIT = 1000
READ = 256 * 1024  # bytes asyncio reads at a time


@pytest.fixture(params=["as it is", "accelerated"])
def uvicorn_twice(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "as it is":
        yield
        return
    hosts = "uvicorn", "websockets", "wsproto"
    accelerate.install(*hosts)
    try:
        assert {host.host for host in accelerate.status() if host.active and not host.why_not} >= {*hosts}
        yield
    finally:
        accelerate.uninstall(*hosts)


@pytest.fixture(params=["wsproto", "websockets-sansio"])
def ws(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def running(ws: str) -> Any:
    return partial(serving, ws)


@asynccontextmanager
async def serving(ws: Any, app: Any, **options: Any) -> AsyncIterator[tuple[str, uvicorn.Server]]:
    config = uvicorn.Config(app, ws=ws, loop="none", lifespan="off", log_config=None, **options)
    server = uvicorn.Server(config)
    with closing(socket(AF_INET, SOCK_STREAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield "ws://{}:{}".format(*listener.getsockname()), server
        server.should_exit = True
        await task


async def echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


@pytest.mark.usefixtures("uvicorn_twice")
@pytest.mark.parametrize(
    "message",
    ["", "a\r\nb\rc\n", "x" * LIMIT, "é" * (LIMIT // 2), "😀" * (LIMIT // 4), b"", b"\r\n\0", b"x" * LIMIT],
)
def test_messages_within_the_limit_are_echoed(message: str | bytes, running: Any, ws: str) -> None:
    async def converse() -> None:
        room = 0 if ws == "wsproto" else 10
        async with running(echo, ws_max_size=LIMIT + room) as (uri, _), connect(uri) as client:
            await client.send(message)
            assert await client.recv() == message
            await client.send([message[:3], message[3:]])
            assert await client.recv() == message

    asyncio.run(converse())


@pytest.mark.usefixtures("uvicorn_twice")
@pytest.mark.parametrize("message", ["x" * (LIMIT + 1), "é" * (LIMIT // 2 + 1), b"x" * (LIMIT + 1)])
def test_message_over_the_limit_closes_with_1009(message: str | bytes, running: Any, ws: str) -> None:
    async def converse() -> None:
        async with running(echo, ws_max_size=LIMIT) as (uri, _), connect(uri, compression=None) as client:
            await client.send("first")
            assert await client.recv() == "first"
            await client.send(message)
            with pytest.raises(ConnectionClosedError) as closed:
                await client.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
            length = len(message.encode() if isinstance(message, str) else message)
            assert (
                closed.value.rcvd.reason
                == {
                    "wsproto": f"Message exceeds the maximum size ({LIMIT} bytes)",
                    "websockets-sansio": f"frame with {length} bytes exceeds limit of {LIMIT} bytes",
                }[ws]
            )

    asyncio.run(converse())


@pytest.mark.usefixtures("uvicorn_twice")
@pytest.mark.parametrize("kind", [str, bytes])
def test_reading_pauses_while_the_application_is_busy(kind: Callable[..., Any], running: Any) -> None:
    """One read at most waits in the queue, whatever the client sends."""

    async def converse() -> None:
        gate = asyncio.Event()
        taken = 0

        async def busy(scope: Any, receive: Any, send: Any) -> None:
            nonlocal taken
            await receive()
            await send({"type": "websocket.accept"})
            while (await receive())["type"] == "websocket.receive":
                taken += 1
                await gate.wait()

        message = "x" * 1000 if kind is str else b"x" * 1000
        async with running(busy) as (uri, server), connect(uri, compression=None) as ws:
            sending = asyncio.create_task(flood(ws, message, 30_000))
            while not taken:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            (protocol,) = server.server_state.connections
            assert not protocol.transport.is_reading()
            assert protocol.read_paused
            assert protocol.queue.qsize() <= 2 * READ // 1000
            assert taken == 1
            gate.set()
            await sending
            while taken < 30_000:
                await asyncio.sleep(0.01)

    asyncio.run(converse())


async def flood(ws: Any, message: str | bytes, count: int) -> None:
    for _ in range(count):
        await ws.send(message)


@pytest.mark.usefixtures("uvicorn_twice")
@pytest.mark.parametrize("last", ["close", "more"])
def test_replies_to_one_read_are_coalesced(last: str, running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The replies are in order, coalesced where accelerated, and before what follows them."""
    (uvicorn_host,) = (host for host in accelerate.status() if host.host == "uvicorn")
    Transport: Any = import_module("asyncio.selector_events")._SelectorSocketTransport
    original, writes = Transport.write, []
    unhurried(monkeypatch)

    def write(self: Any, data: bytes) -> None:
        writes.append(bytes(data))
        original(self, data)

    async def reply(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(10):
            await send({"type": "websocket.send", "text": (await receive())["text"].upper()})
        if last == "close":
            await send({"type": "websocket.close", "code": 4000})
        else:
            await asyncio.sleep(0)  # one loop iteration later
            await send({"type": "websocket.send", "bytes": b"more"})

    async def converse() -> None:
        async with running(reply) as (uri, _):
            reader, writer = await opened(uri)
            monkeypatch.setattr(Transport, "write", write)
            frames = [encode_text(f"a{number}") for number in range(10)]
            writer.write(b"".join(encode_text(f"a{number}", masked=True) for number in range(10)))
            expected = b"".join(frame.upper() for frame in frames)
            expected += b"\x88\x02\x0f\xa0" if last == "close" else encode_binary(b"more")
            assert await reader.readexactly(len(expected)) == expected
            writer.close()
        replies = [data for data in writes if data[:3] == b"\x81\x02A"]
        assert len(replies) == (2 if uvicorn_host.active else 10)  # the first at once: its write is watched

    asyncio.run(converse())


FRAGMENTS = frame(TEXT, b"c", fin=False, key=KEY) + frame(CONTINUATION, b"d", key=KEY)


@pytest.mark.parametrize(
    "middle",
    [
        frame(PING, b"?", key=KEY),
        FRAGMENTS,
        frame(TEXT, b"\xff", key=KEY),
        frame(TEXT, b"x", rsv=1, key=KEY),
        close(1000, b"bye", key=KEY),
    ],
    ids=["ping", "fragments", "no text", "reserved bit", "close"],
)
def test_other_frames_among_messages_give_the_same_result(middle: bytes, running: Any) -> None:
    """It falls back to the code of uvicorn, with the same result."""
    stream = encode_text("a", masked=True) + middle + encode_binary(b"b", masked=True)

    async def converse() -> Any:
        events: list[Any] = []
        ended = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            while (event := await receive())["type"] == "websocket.receive":
                events.append(event)
                with contextlib.suppress(OSError, RuntimeError):  # closed already
                    await send({**event, "type": "websocket.send"})
            events.append(event)
            ended.set()

        async with running(app) as (uri, _):
            reader, writer = await opened(uri)
            writer.write(stream)
            await asyncio.sleep(0.1)
            writer.write_eof()
            got = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            await asyncio.wait_for(ended.wait(), 10)
        return got, events

    unaccelerated = asyncio.run(converse())
    hosts = "uvicorn", "websockets", "wsproto"
    accelerate.install(*hosts)
    try:
        assert asyncio.run(converse()) == unaccelerated
    finally:
        accelerate.uninstall(*hosts)


async def opened(uri: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Shake hands, and leave the frames to the caller."""
    host, port = uri.removeprefix("ws://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def test_unknown_transport_is_paused_at_once() -> None:
    """Other event loops may read again before they run what is due."""
    accelerate.install("uvicorn")
    try:
        stops: list[None] = []

        class Transport(asyncio.Transport):
            def pause_reading(self) -> None:
                stops.append(None)

        protocol: Any = wsproto_impl.WSProtocol.__new__(wsproto_impl.WSProtocol)
        protocol.buffer = wsproto_impl.WebsocketBuffer(LIMIT)
        protocol.queue = asyncio.Queue()
        protocol.read_paused = False
        protocol.transport = Transport()
        protocol.handle_message(wsproto_impl.events.TextMessage("text"))
        assert stops == [None]
        protocol = websockets_sansio_impl.WebSocketsSansIOProtocol.__new__(
            websockets_sansio_impl.WebSocketsSansIOProtocol
        )
        protocol.conn = Protocol(SERVER)
        protocol.conn.events.append(Frame(Opcode.TEXT, b"text"))
        protocol.queue = asyncio.Queue()
        protocol.close_sent = protocol.read_paused = False
        protocol.transport = Transport()
        protocol.handle_events()
        assert stops == [None, None]
    finally:
        accelerate.uninstall("uvicorn")


def test_the_proof_fails_without_the_patch() -> None:
    with pytest.raises(RuntimeError, match=r"^the original code of uvicorn was called$"):
        HOST.load(HOST.prove)()
    with pytest.raises(RuntimeError, match=r"^the original code of uvicorn was called$"):
        HOST.load(HOST.parts[0].prove)()


def test_uvicorn_is_accelerated_without_wsproto() -> None:
    """Only one of the two protocols is imported."""
    code = (
        "from wsframe import accelerate; accelerate.install('uvicorn')\n"
        "import uvicorn.protocols.websockets.websockets_sansio_impl, sys\n"
        "(host,) = (host for host in accelerate.status() if host.host == 'uvicorn')\n"
        "assert host.active and not host.why_not and 'wsproto' not in sys.modules, host\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
