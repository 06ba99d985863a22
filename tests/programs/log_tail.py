"""A log that many clients follow: a backlog first, then each new line, until the server stops."""

import asyncio
import contextlib
import logging
from collections import deque

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, broadcast, serve

CLIENTS: set[ServerConnection] = set()
BACKLOG = deque(maxlen=3)


class Tail(logging.Handler):
    def emit(self, record):
        line = self.format(record)
        BACKLOG.append(line)
        broadcast(CLIENTS, line)


async def handler(websocket: ServerConnection) -> None:
    for line in BACKLOG:
        await websocket.send(line)
    CLIENTS.add(websocket)
    await websocket.send("-- live --")
    try:
        await websocket.wait_closed()
    finally:
        CLIENTS.remove(websocket)


async def follow(name, uri, lines, ready):
    seen = []
    with contextlib.suppress(websockets.ConnectionClosedError):
        async with connect(uri, compression=None) as websocket:
            async for line in websocket:
                seen.append(line)
                if line == "-- live --":
                    ready.release()
                if len(seen) == lines:
                    break
            else:
                seen.append(f"-- {websocket.close_code} {websocket.close_reason} --")
    return name, seen


async def main():
    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.propagate = False
    tail = Tail()
    tail.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    log.addHandler(tail)
    for number in range(5):
        log.info("start %d", number)

    async with serve(handler, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        uri = f"ws://{host}:{port}/tail"
        ready = asyncio.Semaphore(0)
        first = asyncio.create_task(follow("short", uri, 6, ready))
        second = asyncio.create_task(follow("long", uri, 100, ready))
        for _ in range(2):
            await ready.acquire()
        for number in range(4):
            log.warning("line %d", number)
        print(*(await first), sep="\n  ")
        log.error("the last one")
        server.close(code=1012, reason="restart")
        print(*(await second), sep="\n  ")
        await server.wait_closed()
    print("clients left:", len(CLIENTS))


asyncio.run(main())
