"""websockets on asyncio. `python on_websockets.py`"""

import asyncio
from contextlib import suppress

from tally import MAX_MESSAGE, tally
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def echo(websocket):
    with tally.connection(), suppress(ConnectionClosed):
        async for message in websocket:
            await websocket.send(tally.reply(message))


async def main():
    async with serve(echo, "127.0.0.1", 0, max_size=MAX_MESSAGE) as server:
        print("listening on port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
