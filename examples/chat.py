"""A chat room and its page: `python examples/chat.py`, then open http://127.0.0.1:8765 twice."""

import asyncio
import sys

from wsframe.asyncio import Request, Response, ServerConnection, broadcast, serve

PAGE = """<!doctype html><title>Chat</title><ul id=said></ul><form><input autofocus></form>
<script>
const ws = new WebSocket(location.href.replace("http", "ws")), input = document.querySelector("input")
ws.onmessage = ({data}) => said.appendChild(document.createElement("li")).textContent = data
document.querySelector("form").onsubmit = event => {
  event.preventDefault(); ws.send(input.value); input.value = ""
}
</script>
"""

room: set[ServerConnection] = set()


def page(ws: ServerConnection, request: Request) -> Response | None:
    """Return the page to a browser that requests it; let WebSockets through."""
    if "Upgrade" in request.headers:
        return None
    return Response(200, headers=[("Content-Type", "text/html; charset=utf-8")], body=PAGE)


async def chat(ws: ServerConnection) -> None:
    """Tell everybody what somebody says."""
    name = f"guest {ws.remote_address[1]}"
    room.add(ws)
    broadcast(room, f"{name} is here")
    try:
        async for message in ws:
            broadcast(room, f"{name}: {message!s}")
    finally:
        room.discard(ws)
        broadcast(room, f"{name} is gone")


async def main(port: int = 8765) -> None:
    async with serve(chat, "127.0.0.1", port, process_request=page) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
