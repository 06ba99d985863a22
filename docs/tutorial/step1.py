"""Step 1: a server that repeats what it receives."""

import asyncio
import sys

from wsframe.asyncio import ServerConnection, serve


async def handler(ws: ServerConnection) -> None:
    async for message in ws:
        await ws.send(message)


async def main(port: int = 8765) -> None:
    async with serve(handler, "127.0.0.1", port) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
