"""What the suite tests: `targets.py serve|uvicorn PORT` and `targets.py connect URL`."""

from __future__ import annotations

import asyncio
import contextlib
import sys

from wsframe.asyncio import ConnectionClosed, connect, serve

# The largest message of the suite has 16 MiB.
MAX_MESSAGE = 2**25
AGENT = "wsframe"


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def serve_on(port: int) -> None:
    async with serve(echo, "127.0.0.1", port, max_size=MAX_MESSAGE, ping_interval=None) as server:
        await server.serve_forever()


async def app(scope, receive, send):
    """The same echo as an ASGI application."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


def run_uvicorn(port: int) -> None:
    import uvicorn

    uvicorn.run(
        app,
        port=port,
        ws="wsframe.uvicorn:WebSocketProtocol",
        ws_max_size=MAX_MESSAGE,
        ws_ping_interval=None,
        lifespan="off",
        log_level="warning",
    )


async def connect_to(url: str) -> None:
    """Run every case the suite has, then have it write its report."""
    options = {"max_size": MAX_MESSAGE, "ping_interval": None, "open_timeout": 60}
    async with connect(f"{url}/getCaseCount", **options) as ws:
        count = int(await ws.recv())
    for case in range(1, count + 1):
        async with connect(f"{url}/runCase?case={case}&agent={AGENT}", **options) as ws:
            with contextlib.suppress(ConnectionClosed):  # how it ended is the suite's to judge
                await echo(ws)
    async with connect(f"{url}/updateReports?agent={AGENT}", **options) as ws:
        await ws.wait_closed()


if __name__ == "__main__":
    target, where = sys.argv[1:]
    if target == "serve":
        asyncio.run(serve_on(int(where)))
    elif target == "uvicorn":
        run_uvicorn(int(where))
    else:
        asyncio.run(connect_to(where))
