"""One node of the chat: `python -m examples.scale.node NAME PORT REDIS_URL`.

What the page asks to be killed is printed, for the program that has started the node.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from wsframe.asyncio import (
    EngineUnavailable,
    Headers,
    Position,
    RedisEngine,
    Request,
    Response,
    ServerConnection,
    Topics,
    serve,
)

PAGE = Path(__file__).with_name("page.html").read_bytes()


def wrap(topic: str, message: str | bytes, position: Position | None) -> str:
    """Add the position of a message, so that clients can say what they have seen."""
    return json.dumps({"message": message, "position": position})


def on_gap(ws: ServerConnection, topic: str) -> None:
    """Tell a client that it may have missed messages; the page then asks for them."""
    ws.send_nowait(json.dumps({"gap": True}))


def process_request(ws: ServerConnection, request: Request) -> Response | None:
    """Return the page, or None for a WebSocket."""
    if "Upgrade" in request.headers:
        return None
    headers = Headers({"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(PAGE))})
    return Response(200, "OK", headers, PAGE)


class Node:
    """The handler of a node."""

    def __init__(self, name: str, topics: Topics) -> None:
        self.name = name
        self.topics = topics

    async def handler(self, ws: ServerConnection) -> None:
        try:
            async for text in ws:
                await self.handle(ws, json.loads(text))
        except (TypeError, ValueError, RecursionError):  # the page sends nothing of the kind
            await ws.close(1008, "invalid request")

    async def handle(self, ws: ServerConnection, request: Any) -> None:
        """Do what a client asks for."""
        if not isinstance(request, dict):
            raise TypeError("a request is an object")
        if "join" in request:
            await self.join(ws, request["join"])
        elif "say" in request:
            try:
                self.topics.publish("chat", request["say"])
            except EngineUnavailable:
                await ws.send(json.dumps({"refused": request["say"]}))
        elif request.get("kill") in ("node", "engine"):
            print("kill", request["kill"], flush=True)

    async def join(self, ws: ServerConnection, since: tuple[str, int] | None) -> None:
        """Have a client get what it has missed, and all that follows."""
        try:
            recovered, position = await self.topics.subscribe(ws, "chat", since)
        except EngineUnavailable:
            await ws.send(json.dumps({"gap": True}))
        else:
            await ws.send(json.dumps({"node": self.name, "recovered": recovered, "position": position}))


async def main(name: str, port: int, url: str) -> None:
    engine = RedisEngine(url, history=1000, max_delay=0.5)
    async with Topics(engine=engine, wrap=wrap, on_gap=on_gap) as topics:  # type: ignore[arg-type]
        node = Node(name, topics)
        async with serve(node.handler, "127.0.0.1", port, process_request=process_request) as server:
            print("ready", flush=True)
            await server.serve_forever(signals=[signal.SIGTERM], code=1012, spread=0.5)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
