"""A board with everybody's cursor: `python examples/cursors.py`, then open http://127.0.0.1:8765 twice."""

import asyncio
import itertools
import json
import sys

from wsframe.asyncio import Connection, Listener, Request, Response, ServerConnection, broadcast, serve

PAGE = """<!doctype html><title>Cursors</title>
<style>
  body { margin: 0; height: 100vh; overflow: hidden; background: #f4f4f0; font: 1em sans-serif }
  i { position: absolute; width: 16px; height: 16px; border-radius: 50%; transition: all 50ms linear }
</style>
<p>Move the mouse. Players: <b id=players>0</b>
<script>
const ws = new WebSocket(location.href.replace("http", "ws")), cursors = new Map()
ws.onmessage = ({data}) => {
  const {id, x, y} = JSON.parse(data)
  let cursor = cursors.get(id)
  if (x === undefined) {
    cursor?.remove(); cursors.delete(id)
  } else {
    if (!cursor) {
      cursors.set(id, cursor = document.body.appendChild(document.createElement("i")))
      cursor.style.background = `hsl(${id * 67} 80% 50%)`
    }
    cursor.style.left = 100 * x + "%"; cursor.style.top = 100 * y + "%"
  }
  players.textContent = cursors.size
}
onmousemove = event => ws.readyState === 1 &&
  ws.send(JSON.stringify([event.clientX / innerWidth, event.clientY / innerHeight]))
</script>
"""

numbers = itertools.count(1)
players: dict[Connection, str] = {}  # and the last that was told about each


class Player(Listener):
    """One of them; its methods run where its bytes arrive."""

    def on_open(self, ws: Connection) -> None:
        self.id = next(numbers)
        for told in players.values():
            ws.send_nowait(told)
        self.tell(ws, x=0.5, y=0.5)

    def on_message(self, ws: Connection, message: str | bytes) -> None:
        try:
            x, y = json.loads(message)
            if not (0 <= x <= 1 and 0 <= y <= 1):
                raise ValueError
        except (ValueError, TypeError):
            ws.close_nowait(4000, "send [x, y], each from 0 to 1")
        else:
            self.tell(ws, x=x, y=y)

    def on_close(self, ws: Connection) -> None:
        players.pop(ws, None)
        broadcast(players, json.dumps({"id": self.id}))

    def tell(self, ws: Connection, **place: float) -> None:
        """Tell where the cursor is; who does not keep up misses some moves."""
        players[ws] = json.dumps({"id": self.id, **place})
        broadcast([player for player in players if not player.congested], players[ws])


def page(ws: ServerConnection, request: Request) -> Response | None:
    """Return the page to a browser that requests it; let WebSockets through."""
    if "Upgrade" in request.headers:
        return None
    return Response(200, headers=[("Content-Type", "text/html; charset=utf-8")], body=PAGE)


async def main(port: int = 8765) -> None:
    async with serve(Player, "127.0.0.1", port, process_request=page) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
