"""A client that comes back gets what it has missed: `python examples/history.py 8001 redis://localhost:6379`.

Connect to /?since=EPOCH:OFFSET with the position of the last message, or without it.
"""

import asyncio
import json
import sys

from wsframe.asyncio import Connection, Position, RedisEngine, Topics, serve


def wrap(topic: str, message: str | bytes, position: Position | None) -> str:
    """Add the position of a message."""
    return json.dumps({"message": message, "position": position})


async def handler(ws: Connection, topics: Topics) -> None:
    assert ws.request is not None
    epoch, _, offset = ws.request.path.partition("?since=")[2].partition(":")
    try:
        since = (epoch, int(offset))
    except ValueError:  # a new client, or one that sends something else
        since = None
    recovered, position = await topics.subscribe(ws, "news", since)
    if not recovered:
        await ws.send(json.dumps({"begin": position}))
    async for message in ws:
        if isinstance(message, str):
            topics.publish("news", message)


async def main(port: int, url: str) -> None:
    topics = Topics(engine=RedisEngine(url, history=1000), wrap=wrap)
    async with topics, serve(lambda ws: handler(ws, topics), "127.0.0.1", port) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
