"""Step 2: everybody hears everybody."""

import asyncio
import sys

from wsframe.asyncio import ServerConnection, broadcast, serve

everybody: set[ServerConnection] = set()


async def handler(ws: ServerConnection) -> None:
    everybody.add(ws)
    try:
        async for message in ws:
            broadcast(everybody, message)
    finally:
        everybody.discard(ws)


async def main(port: int = 8765) -> None:
    async with serve(handler, "127.0.0.1", port) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
