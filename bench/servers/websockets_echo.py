"""An echo on websockets' asyncio server."""

import asyncio
import socket
import sys

from websockets.asyncio.server import serve


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def main():
    listener = socket.socket(fileno=int(sys.argv[1]))
    async with serve(echo, sock=listener, compression=None, ping_interval=None) as server:
        await server.serve_forever()


asyncio.run(main())
