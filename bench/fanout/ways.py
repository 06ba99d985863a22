"""Ways to send a message to many connections of one process."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time

import uvicorn
import websockets

from bench.endpoints import HOST, text_of
from wsframe import encode_text
from wsframe.asyncio import Topics, broadcast, serve

DELIVERIES = 100_000

# To each connection: they fit the buffers of the system, so that nobody is behind.
MESSAGES = 200

TEXT = text_of(100)
KIBIBYTE = text_of(1024)


def user_time():
    """Return the CPU time of this process without that of the system."""
    return os.times().user


async def measure(port, connections, ready, messages, publish, protocol="plain", path="/", waits=False):
    """Return the CPU time of a delivery, in microseconds.

    Args:
        ready: returns how many connections are open.
        publish: publishes a message; may return an awaitable.
        protocol, path: of the readers.
        waits: wait until the readers have received all: it is delivered later.
    """
    command = [sys.executable, "-m", "bench.fanout.readers", str(port), str(connections), protocol, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as readers:
        try:
            while ready() < connections:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            rounds = max(1, min(MESSAGES, DELIVERIES // connections) // messages)
            gc.collect()
            clock = user_time if protocol == "deflate" else time.process_time
            start = clock()
            for _ in range(rounds):
                for _ in range(messages):
                    result = publish()
                    if result is not None:
                        await result
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            if waits:
                await received(readers, rounds * messages * connections * len(TEXT))
            return (clock() - start) / (rounds * messages * connections) * 1e6
        finally:
            readers.kill()


async def received(readers, size):
    """Wait until the readers have received so many bytes."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        readers.stdin.write(b"?")
        readers.stdin.flush()
        if int(await asyncio.to_thread(readers.stdout.readline)) >= size:
            await asyncio.sleep(0.1)  # what is around the payloads
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("messages are lost")


async def with_server(module_serve, connections, messages, way, text=TEXT, compression=None):
    """Measure a way of wsframe or websockets."""
    opened = []

    async def handler(ws):
        opened.append(ws)
        await ws.wait_closed()

    async with module_serve(handler, HOST, 0, compression=compression, ping_interval=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        publish = way(opened, text)
        try:
            protocol = "plain" if compression is None else "deflate"
            return await measure(port, connections, lambda: len(opened), messages, publish, protocol)
        finally:
            for ws in opened:
                ws.transport.abort()


def by_topics(opened, text):
    topics, joined = Topics(), set()

    def publish():
        for ws in opened[len(joined) :]:
            topics.add(ws, "all")
            joined.add(ws)
        topics.publish("all", text)

    return publish


def by_transports(opened, text):
    frame = encode_text(text)

    def publish():
        for ws in opened:
            ws.transport.write(frame)

    return publish


async def with_uvicorn(app, measured, ws="websockets-sansio", deflate=False):
    """Run an ASGI application under uvicorn; return what `measured(port)` does."""
    options = {"ws": ws, "ws_per_message_deflate": deflate, "lifespan": "off", "ws_ping_interval": None}
    server = uvicorn.Server(uvicorn.Config(app, HOST, 0, log_config=None, **options))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        return await measured(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.force_exit = server.should_exit = True
        await serving


async def with_starlette(connections, messages, gathers=False, text=TEXT, deflate=False):
    """Measure a loop over the WebSockets of Starlette, or a gather, under uvicorn."""
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute

    opened = []

    async def handler(ws):
        await ws.accept()
        opened.append(ws)
        await ws.receive()

    async def loop():
        for ws in opened:
            await ws.send_text(text)

    async def gather():
        await asyncio.gather(*(ws.send_text(text) for ws in opened))

    async def measured(port):
        protocol = "deflate" if deflate else "plain"
        publish = gather if gathers else loop
        return await measure(port, connections, lambda: len(opened), messages, publish, protocol)

    app = Starlette(routes=[WebSocketRoute("/", handler)])
    return await with_uvicorn(app, measured, deflate=deflate)


WAYS = {
    "transport.write": lambda *size: with_server(serve, *size, by_transports),
    "wsframe Topics": lambda *size: with_server(serve, *size, by_topics),
    "wsframe broadcast": lambda *size: with_server(
        serve, *size, lambda opened, text: lambda: broadcast(opened, text)
    ),
    "websockets.broadcast": lambda *size: with_server(
        websockets.serve, *size, lambda opened, text: lambda: websockets.broadcast(opened, text)
    ),
    "Starlette loop": with_starlette,
    "Starlette gather": lambda *size: with_starlette(*size, gathers=True),
    "wsframe Topics, deflate": lambda *size: with_server(
        serve, *size, by_topics, text=KIBIBYTE, compression="deflate"
    ),
    "Starlette loop, deflate": lambda *size: with_starlette(*size, text=KIBIBYTE, deflate=True),
}
