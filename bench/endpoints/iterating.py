"""Jobs as one writes them for websockets, and for what has its interface."""

from __future__ import annotations

from bench.endpoints import HOST, Span, text_of

PLAIN = {"compression": None, "ping_interval": None}


class Jobs:
    """Those of one library, of which these are given: `serve`, `connect` and its options, `broadcast`."""

    def __init__(self, serve, connect, broadcast, **options):
        self._serve = serve
        self._connect = connect
        self._broadcast = broadcast
        self._options = options

    async def echo_by_iteration(self, size):
        async def handler(ws):
            async for message in ws:
                await ws.send(message)

        return await self._serve(handler, HOST, 0, **PLAIN)

    async def idle(self):
        async def handler(ws):
            async for _ in ws:
                pass

        return await self._serve(handler, HOST, 0, **PLAIN)

    async def waiting(self):
        async def handler(ws):
            await ws.wait_closed()

        return await self._serve(handler, HOST, 0, **PLAIN)

    async def broadcasting(self, size):
        text, broadcast = text_of(size), self._broadcast
        connections = set()

        async def handler(ws):
            connections.add(ws)
            async for _ in ws:
                broadcast(connections, text)

        return await self._serve(handler, HOST, 0, **PLAIN)

    async def receive_by_iteration(self, port, messages):
        async with self._connect(f"ws://{HOST}:{port}/", **self._options, **PLAIN) as ws:
            await ws.recv()
            span = Span.begin()
            left = messages - 1
            async for _ in ws:
                left -= 1
                if not left:
                    break
            return span.end()
