"""An echo server that shares its port: `python restarted_server.py PORT`; SIGTERM closes it with 1012."""

import asyncio
import signal
import sys

from wsframe.asyncio import serve


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def main(port):
    async with serve(echo, "127.0.0.1", port, reuse_port=True) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever(signals=[signal.SIGTERM], code=1012, spread=0.5)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
