"""hypercorn, accelerated: what is below a WebSocket, where frames go straight to the transport."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from support import hypercorn_servers
from support.frames import CLOSE, KEY, TEXT, frame, text
from support.hypercorn_connections import connection
from support.hypercorn_servers import replying, running
from support.opening import request
from support.unhurried import unhurried

from wsframe import accelerate
from wsframe.accelerate.hosts._shared.coalesce import FlushingTransport, Output

pytest.importorskip("hypercorn")
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.config import Config
from hypercorn.protocol.ws_stream import WSStream

from wsframe.accelerate.hosts.hypercorn.transport import FrameWriter

SERVER: Any = TCPServer
twice = hypercorn_servers.twice
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the connection ends with RST


@contextlib.asynccontextmanager
async def dialled(uri: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection after its handshake."""
    host, port = uri.removeprefix("ws://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**16)
    try:
        writer.write(request())
        await reader.readuntil(b"\r\n\r\n")
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def accepting(app: Callable[[Any, Any], Any]) -> Any:
    """An application that does something once the WebSocket is open."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        await receive()
        await send({"type": "websocket.accept"})
        await app(receive, send)

    return asgi


def run(converse: Any) -> None:
    asyncio.run(asyncio.wait_for(converse, 60))


@pytest.mark.parametrize("waits_after", [1, 15])
def test_replies_are_sent_while_the_application_waits(
    waits_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many messages of the read are left."""
    unhurried(monkeypatch)
    gate = asyncio.Event()

    async def app(receive: Any, send: Any) -> None:
        for number in range(40):
            message = await receive()
            await send({"type": "websocket.send", "text": message["text"]})
            if number + 1 == waits_after:
                await gate.wait()

    async def converse() -> None:
        async with running(accepting(app)) as uri, dialled(uri) as (reader, writer):
            writer.write(b"".join(text(f"{number:02}") for number in range(40)))
            replies = [frame(TEXT, b"%02d" % number) for number in range(40)]
            for reply in replies[:waits_after]:
                assert await reader.readexactly(4) == reply
            gate.set()
            assert await reader.readexactly(4 * (40 - waits_after)) == b"".join(replies[waits_after:])

    run(converse())


def test_replaced_protocol_send_sees_every_event(monkeypatch: pytest.MonkeyPatch) -> None:
    original, seen = SERVER.protocol_send, []

    async def protocol_send(self: Any, event: Any) -> None:
        seen.append(getattr(event, "data", None))
        await original(self, event)

    monkeypatch.setattr(SERVER, "protocol_send", protocol_send)

    async def converse() -> None:
        async with running(replying()) as uri, dialled(uri) as (reader, writer):
            writer.write(text("a") + text("b"))
            assert await reader.readexactly(6) == frame(TEXT, b"a") + frame(TEXT, b"b")

    run(converse())
    assert seen.count(frame(TEXT, b"a")) == seen.count(frame(TEXT, b"b")) == 1


class Writer:
    """Writes to a StreamWriter, and is none."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.seen: list[bytes] = []
        self._writer = writer
        for name in ("close", "drain", "get_extra_info", "wait_closed", "write_eof"):
            setattr(self, name, getattr(writer, name))

    def write(self, data: bytes) -> None:
        self.seen.append(data)
        self._writer.write(data)


def test_writer_of_another_class_gets_every_frame() -> None:
    writers: list[Writer] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(Writer(writer))
        await connection(replying(), Config(), reader, writers[0])

    async def converse() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            async with dialled(f"ws://{host}:{port}") as (reader, writer):
                writer.write(text("a") + text("b"))
                assert await reader.readexactly(6) == frame(TEXT, b"a") + frame(TEXT, b"b")

    run(converse())
    assert writers[0].seen[1:3] == [frame(TEXT, b"a"), frame(TEXT, b"b")]


def test_senders_wait_in_order_until_the_peer_reads() -> None:
    """Two of them, and a third that gives up."""
    sent: Counter[str] = Counter()
    cancelled: list[str] = []

    async def app(receive: Any, send: Any) -> None:
        async def many(name: str) -> None:
            for number in range(2000):
                await send({"type": "websocket.send", "text": f"{name}{number:04}" + "x" * 9995})
                sent[name] += 1

        tasks = [asyncio.create_task(many(name)) for name in "ab"]
        await receive()
        late = asyncio.create_task(many("c"))
        await asyncio.sleep(0.05)
        late.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await late
            cancelled.append("no")
        cancelled.append("yes")
        await asyncio.gather(*tasks)

    async def converse() -> None:
        async with running(accepting(app)) as uri, dialled(uri) as (reader, writer):
            before = -1
            while before != sent.total():
                before = sent.total()
                await asyncio.sleep(0.2)
            assert 0 < before < 4000
            writer.write(text("now"))
            while not cancelled:
                await asyncio.sleep(0.01)
            assert (cancelled, sent["c"]) == (["yes"], 0)
            got = Counter[str]()
            for _ in range(4000):
                head, data = await reader.readexactly(4), await reader.readexactly(10_000)
                assert head == frame(TEXT, data)[:4]
                name, number = chr(data[0]), int(data[1:5])
                assert number == got[name]
                got[name] += 1
            assert got == {"a": 2000, "b": 2000}

    run(converse())


def test_connection_accepted_after_uninstall_works() -> None:
    gate = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await gate.wait()
            await replying()(scope, receive, send)

    async def converse() -> None:
        async with running(app) as uri:
            dialling = asyncio.create_task(asyncio.open_connection("127.0.0.1", int(uri.rpartition(":")[2])))
            reader, writer = await dialling
            writer.write(request())
            await asyncio.sleep(0.1)
            accelerate.uninstall("hypercorn", "wsproto")
            gate.set()
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"".join(text(f"{number:02}") for number in range(40)))
            replies = b"".join(frame(TEXT, b"%02d" % number) for number in range(40))
            assert await reader.readexactly(len(replies)) == replies
            writer.close()
            await writer.wait_closed()

    run(converse())


async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(frame(CLOSE, b"\x03\xe8", key=KEY))
    await reader.read(-1)


async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(text("cut short")[:-3])
    writer.write_eof()
    await reader.read(-1)


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(text("cut short")[:-3])
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


async def reset_amid_replies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"".join(text(f"{number}") for number in range(8)))
    await reset(reader, writer)


def objects_of_connections() -> list[Any]:
    return [
        one
        for one in gc.get_objects()
        if type(one) in (WSStream, TCPServer, FrameWriter, Output, FlushingTransport)
    ]


@pytest.mark.parametrize("how", [close, end, reset, reset_amid_replies])
def test_ended_connection_leaves_no_objects(how: Any) -> None:
    before = objects_of_connections()  # of other tests

    async def converse() -> None:
        async with running(replying()) as uri:
            for _ in range(3):
                async with dialled(uri) as (reader, writer):
                    writer.write(b"".join(text(f"{number:02}") for number in range(40)))
                    await reader.readexactly(160)
                    await how(reader, writer)
            for _ in range(100):
                gc.collect()
                kept = [
                    type(one).__name__
                    for one in objects_of_connections()
                    if not any(one is old for old in before)
                ]
                if not kept:
                    break
                await asyncio.sleep(0.05)
            assert kept == []

    run(converse())
