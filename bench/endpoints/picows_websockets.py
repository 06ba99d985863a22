"""picows.websockets, the interface of websockets over picows."""

from picows.websockets import broadcast, connect, serve

from bench.endpoints import HOST, Span, text_of

DISTRIBUTION = "picows"
PLAIN = {"compression": None, "ping_interval": None}


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


async def receive_by_iteration(port, messages):
    async with connect(f"ws://{HOST}:{port}/", proxy=None, **PLAIN) as ws:
        await ws.recv()
        span = Span.begin()
        left = messages - 1
        async for _ in ws:
            left -= 1
            if not left:
                break
        return span.end()
