"""A client that comes back gets what it has missed: `python examples/history.py 8001 redis://localhost:6379`.

Connect to /?since=EPOCH:OFFSET with the position of the last message, or without it.  When Redis is lost, the
server closes with 1013, and when it is back with 1012: a client that connects again gets what it has missed.
"""

import asyncio
import json
import sys

from wsframe.asyncio import CloseCode, Connection, EngineUnavailable, Position, RedisEngine, Topics, serve


def wrap(topic: str, message: str | bytes, position: Position | None) -> str:
    """Add the position of a message."""
    return json.dumps({"message": message, "position": position})


def on_gap(ws: Connection, topic: str) -> None:
    """Have a client connect again, from its last message on."""
    ws.close_nowait(CloseCode.SERVICE_RESTART, "messages may be missing")


async def handler(ws: Connection, topics: Topics) -> None:
    assert ws.request is not None
    epoch, _, offset = ws.request.path.partition("?since=")[2].partition(":")
    try:
        since = (epoch, int(offset))
    except ValueError:  # a new client, or one that sends something else
        since = None
    try:
        recovered, position = await topics.subscribe(ws, "news", since)
    except EngineUnavailable:
        await ws.close(CloseCode.TRY_AGAIN_LATER, "the history cannot be read")
        return
    if not recovered:
        await ws.send(json.dumps({"begin": position}))
    async for message in ws:
        if isinstance(message, str):
            try:
                topics.publish("news", message)
            except EngineUnavailable:
                await ws.send(json.dumps({"refused": message}))


async def main(port: int, url: str) -> None:
    topics = Topics(engine=RedisEngine(url, history=1000), wrap=wrap, on_gap=on_gap)
    async with topics, serve(lambda ws: handler(ws, topics), "127.0.0.1", port) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
