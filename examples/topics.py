"""Clients of several processes share what they say: `python examples/topics.py 8001 redis://localhost:6379`.

Start it again on another port.  The server says when the engine is lost, and when it is back.
"""

import asyncio
import sys

from wsframe.asyncio import Connection, EngineUnavailable, NatsEngine, RedisEngine, Topics, serve


def on_gap(ws: Connection, topic: str) -> None:
    """Tell a client that it may have missed messages."""
    ws.send_nowait(f"messages of {topic} may be missing")


async def main(port: int, url: str) -> None:
    engine = NatsEngine(url) if url.startswith("nats") else RedisEngine(url)
    topics = Topics(engine=engine, on_gap=on_gap)

    async def handler(ws: Connection) -> None:
        await topics.subscribe(ws, "news")  # wait until it is subscribed
        async for message in ws:
            try:
                topics.publish("news", message, text=True)
            except EngineUnavailable:
                await ws.send("not now")

    async with topics, serve(handler, "127.0.0.1", port) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
