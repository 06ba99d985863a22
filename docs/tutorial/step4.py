"""Step 4: only those with a token get in, and each message has a name."""

import asyncio
import sys
from collections import defaultdict
from http.cookies import SimpleCookie
from typing import Any

from tokens import name_of

from wsframe.asyncio import Request, Response, ServerConnection, broadcast, serve

# A browser sends the origin of the page: only ours may use the cookie.
# None allows clients that are not browsers.
ORIGINS = ["https://chat.example", None]

rooms: defaultdict[str, set[ServerConnection]] = defaultdict(set)


def user_of(request: Request) -> str | None:
    """Tell who sent a request, from its cookie."""
    cookie = SimpleCookie(request.headers.get("Cookie", "")).get("token")
    return name_of(cookie.value) if cookie else None


def check(ws: Any, request: Request) -> Response | None:
    """Refuse strangers, and what is not a room; None opens the WebSocket."""
    ws.user = user_of(request)  # an attribute of ours, for the handler
    if ws.user is None:
        return Response(401, body="log in first\n")
    if not request.path.startswith("/rooms/"):
        return Response(404, body="connect to /rooms/NAME\n")
    return None


async def handler(ws: Any) -> None:
    name = ws.request.path
    rooms[name].add(ws)
    broadcast(rooms[name], f"{ws.user} is here")
    try:
        async for message in ws:
            broadcast(rooms[name], f"{ws.user}: {message!s}")
    finally:
        rooms[name].discard(ws)
        broadcast(rooms[name], f"{ws.user} is gone")
        if not rooms[name]:
            del rooms[name]


async def main(port: int = 8765) -> None:
    async with serve(
        handler,
        "127.0.0.1",
        port,
        process_request=check,
        origins=ORIGINS,
    ) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
