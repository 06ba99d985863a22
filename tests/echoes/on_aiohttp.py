"""aiohttp. `python on_aiohttp.py`"""

import asyncio
from contextlib import suppress

from aiohttp import WSMsgType, web
from tally import MAX_MESSAGE, tally


async def echo(request):
    ws = web.WebSocketResponse(max_msg_size=MAX_MESSAGE)
    await ws.prepare(request)
    with tally.connection(), suppress(ConnectionResetError):
        async for message in ws:
            if message.type == WSMsgType.TEXT:
                await ws.send_str(tally.reply(message.data))
            elif message.type == WSMsgType.BINARY:
                await ws.send_bytes(tally.reply(message.data))
    return ws


async def main():
    handle = web.Server(echo, access_log=None)
    server = await asyncio.get_running_loop().create_server(handle, "127.0.0.1", 0)
    print("listening on port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
