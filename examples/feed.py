"""A live feed of prices: `python examples/feed.py`, then open http://127.0.0.1:8765.

A client sends the names it wants to follow, and gets the price of each again and again.
"""

import asyncio
import json
import random
import sys
from collections import defaultdict

from wsframe.asyncio import Connection, Listener, Request, Response, ServerConnection, broadcast, serve

PAGE = """<!doctype html><title>Prices</title><table></table>
<script>
const ws = new WebSocket(location.href.replace("http", "ws")), cells = {}
for (const name of ["gold", "silver", "copper"]) {
  const row = document.querySelector("table").insertRow()
  row.insertCell().textContent = name; cells[name] = row.insertCell()
}
ws.onopen = () => Object.keys(cells).forEach(name => ws.send(name))
ws.onmessage = ({data}) => {
  const {name, price} = JSON.parse(data); cells[name].textContent = price.toFixed(2)
}
</script>
"""

subscribers: defaultdict[str, set[Connection]] = defaultdict(set)


class Subscriber(Listener):
    """A client; its methods run where its bytes arrive."""

    def on_message(self, ws: Connection, message: str | bytes) -> None:
        if isinstance(message, str) and message.isalpha():
            subscribers[message].add(ws)
        else:
            ws.close_nowait(4000, "send a name")

    def on_close(self, ws: Connection) -> None:
        for name in list(subscribers):
            subscribers[name].discard(ws)
            if not subscribers[name]:
                del subscribers[name]


async def tick(seconds: float = 0.1) -> None:
    """Send each price to those who asked for it; who does not keep up misses some."""
    while True:
        await asyncio.sleep(seconds)
        for name, connections in subscribers.items():
            price = json.dumps({"name": name, "price": round(random.uniform(90, 110), 2)})
            broadcast([ws for ws in connections if not ws.congested], price)


def page(ws: ServerConnection, request: Request) -> Response | None:
    """Return the page to a browser that requests it; let WebSockets through."""
    if "Upgrade" in request.headers:
        return None
    return Response(200, headers=[("Content-Type", "text/html; charset=utf-8")], body=PAGE)


async def main(port: int = 8765) -> None:
    async with serve(Subscriber, "127.0.0.1", port, process_request=page) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.gather(server.serve_forever(), tick())


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
