"""Step 3: rooms, one for each path."""

import asyncio
import sys
from collections import defaultdict

from wsframe.asyncio import Request, Response, ServerConnection, broadcast, serve

rooms: defaultdict[str, set[ServerConnection]] = defaultdict(set)


def check(ws: ServerConnection, request: Request) -> Response | None:
    """Refuse what is not a room; None opens the WebSocket."""
    if not request.path.startswith("/rooms/"):
        return Response(404, body="connect to /rooms/NAME\n")
    return None


async def handler(ws: ServerConnection) -> None:
    assert ws.request is not None
    name = ws.request.path
    rooms[name].add(ws)
    try:
        async for message in ws:
            broadcast(rooms[name], message)
    finally:
        rooms[name].discard(ws)
        if not rooms[name]:
            del rooms[name]


async def main(port: int = 8765) -> None:
    async with serve(handler, "127.0.0.1", port, process_request=check) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
