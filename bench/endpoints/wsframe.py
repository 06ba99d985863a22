"""wsframe.asyncio: listeners, and the connection as an iterator."""

import asyncio

from bench.endpoints import HOST, Span, text_of
from wsframe.asyncio import Listener, broadcast, connect, serve

PLAIN = {"compression": None, "ping_interval": None}


class Echo(Listener):
    def on_message(self, ws, message):
        ws.send_nowait(message)


async def echo(size):
    return await serve(Echo, HOST, 0, **PLAIN)


async def echo_by_iteration(size):
    async def handler(ws):
        async for message in ws:
            await ws.send(message)

    return await serve(handler, HOST, 0, **PLAIN)


async def idle():
    async def handler(ws):
        async for _ in ws:
            pass

    return await serve(handler, HOST, 0, **PLAIN)


async def waiting():
    async def handler(ws):
        await ws.wait_closed()

    return await serve(handler, HOST, 0, **PLAIN)


async def broadcasting(size):
    text = text_of(size)
    connections = set()

    async def handler(ws):
        connections.add(ws)
        async for _ in ws:
            broadcast(connections, text)

    return await serve(handler, HOST, 0, **PLAIN)


async def receive(port, messages):
    done = asyncio.get_running_loop().create_future()

    class Counter(Listener):
        left = messages

        def on_message(self, ws, message):
            if self.left == messages:
                self.span = Span.begin()
            self.left -= 1
            if not self.left:
                done.set_result(self.span.end())

    ws = await connect(f"ws://{HOST}:{port}/", listener=Counter, **PLAIN)
    span = await done
    await ws.close()
    return span


async def receive_by_iteration(port, messages):
    async with connect(f"ws://{HOST}:{port}/", **PLAIN) as ws:
        await ws.recv()
        span = Span.begin()
        left = messages - 1
        async for _ in ws:
            left -= 1
            if not left:
                break
        return span.end()
