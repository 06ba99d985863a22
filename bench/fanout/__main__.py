"""Measure each way in this process, one after the other, and print a table."""

from __future__ import annotations

import argparse
import asyncio
import gc
import subprocess
import sys
import time

import uvicorn
import websockets

from bench.endpoints import HOST, raise_limit, text_of
from wsframe import encode_text
from wsframe.asyncio import Topics, broadcast, serve

DELIVERIES = 100_000

# To each connection: they fit the buffers of the system, so that nobody is behind.
MESSAGES = 200


async def measure(port, connections, ready, messages, publish):
    """Return the CPU time of a delivery, in microseconds."""
    command = [sys.executable, "-m", "bench.fanout.readers", str(port), str(connections)]
    with subprocess.Popen(command) as readers:
        try:
            while ready() < connections:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            rounds = max(1, min(MESSAGES, DELIVERIES // connections) // messages)
            gc.collect()
            start = time.process_time()
            for _ in range(rounds):
                for _ in range(messages):
                    result = publish()
                    if result is not None:
                        await result
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            return (time.process_time() - start) / (rounds * messages * connections) * 1e6
        finally:
            readers.kill()


async def with_server(module_serve, connections, messages, way):
    """Measure a way of wsframe or websockets."""
    opened, text = [], text_of(100)

    async def handler(ws):
        opened.append(ws)
        await ws.wait_closed()

    async with module_serve(handler, HOST, 0, compression=None, ping_interval=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        publish = way(opened, text)
        try:
            return await measure(port, connections, lambda: len(opened), messages, publish)
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


async def with_starlette(connections, messages):
    """Measure a loop over the WebSockets of Starlette, under uvicorn's own class."""
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute

    opened, text = [], text_of(100)

    async def handler(ws):
        await ws.accept()
        opened.append(ws)
        await ws.receive()

    async def publish():
        for ws in opened:
            await ws.send_text(text)

    app = Starlette(routes=[WebSocketRoute("/", handler)])
    options = {"ws": "websockets-sansio", "ws_per_message_deflate": False, "lifespan": "off"}
    server = uvicorn.Server(uvicorn.Config(app, HOST, 0, log_config=None, **options))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        return await measure(port, connections, lambda: len(opened), messages, publish)
    finally:
        server.should_exit = True
        await serving


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
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--messages", type=int, nargs="*", default=[1, 8], help="in one loop iteration")
    arguments = parser.parse_args()
    raise_limit()
    print(f"us of CPU per delivery of 100 bytes to {arguments.connections} connections")
    print("messages in one loop iteration:")
    print(f"{'':24}", *(f"{messages:>8}" for messages in arguments.messages))
    for name, way in WAYS.items():
        figures = [asyncio.run(way(arguments.connections, messages)) for messages in arguments.messages]
        print(f"{name:24}", *(f"{figure:8.2f}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
