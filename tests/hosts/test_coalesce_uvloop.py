"""Replies are coalesced on uvloop, whose transports are replaced where the servers keep them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from socket import AF_INET, SOCK_STREAM, socket
from typing import Any

import pytest
from support.frames import CLOSE, KEY, PING, TEXT, frame
from support.opening import request
from support.unhurried import unhurried

from wsframe import accelerate
from wsframe.accelerate.hosts._shared.coalesce import Output

uvloop = pytest.importorskip("uvloop")
HOSTS = "aiohttp", "hypercorn", "uvicorn", "websockets", "wsproto"


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """An echo."""
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


@contextlib.asynccontextmanager
async def uvicorn(listener: socket, ws: str) -> AsyncIterator[None]:
    from uvicorn import Config, Server

    server = Server(Config(asgi, ws=ws, loop="none", lifespan="off", log_config=None))
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await task


@contextlib.asynccontextmanager
async def hypercorn(listener: socket) -> AsyncIterator[None]:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.errorlog = None
    config.bind = [f"fd://{listener.fileno()}"]
    end = asyncio.Event()
    task = asyncio.create_task(serve(asgi, config, shutdown_trigger=end.wait))  # type: ignore[arg-type]
    yield
    end.set()
    await task
    listener.detach()  # hypercorn closed it


@contextlib.asynccontextmanager
async def aiohttp(listener: socket) -> AsyncIterator[None]:
    from aiohttp import web

    async def echo(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for message in ws:
            await ws.send_str(message.data)
        return ws

    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    yield
    await runner.cleanup()


SERVERS = {
    "uvicorn, wsproto": lambda listener: uvicorn(listener, "wsproto"),
    "uvicorn, sansio": lambda listener: uvicorn(listener, "websockets-sansio"),
    "hypercorn": hypercorn,
    "aiohttp": aiohttp,
}


async def converse(name: str) -> None:
    with contextlib.closing(socket(AF_INET, SOCK_STREAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        async with SERVERS[name](listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(request())
            await reader.readuntil(b"\r\n\r\n")
            for count in (64, 1, 3):
                texts = [b"%d" % number for number in range(count)]
                writer.write(b"".join(frame(TEXT, text, key=KEY) for text in texts))
                expected = b"".join(frame(TEXT, text) for text in texts)
                assert await reader.readexactly(len(expected)) == expected
            end = frame(TEXT, b"last", key=KEY) * 2 + frame(PING, b"?", key=KEY)
            writer.write(end + frame(CLOSE, b"\x03\xe8", key=KEY))
            replies = await asyncio.wait_for(reader.read(-1), 10)
            assert replies.count(frame(TEXT, b"last")) <= 2
            assert replies.endswith(frame(CLOSE, b"\x03\xe8"))
            writer.close()


@pytest.mark.parametrize("name", SERVERS)
def test_server_coalesces_replies_on_uvloop(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(name.partition(",")[0])
    unhurried(monkeypatch)
    joins: list[int] = []
    join = Output.join

    def counted(self: Any, iterations: int = 0) -> None:
        joins.append(iterations)
        join(self, iterations)

    monkeypatch.setattr(Output, "join", counted)
    accelerate.install(*HOSTS)
    try:
        loop = uvloop.new_event_loop()
        try:
            loop.run_until_complete(asyncio.wait_for(converse(name), 30))
        finally:
            loop.close()
    finally:
        accelerate.uninstall(*HOSTS)
    assert joins
