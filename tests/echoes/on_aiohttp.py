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
                await ws.send_str(tally.answer(message.data))
            elif message.type == WSMsgType.BINARY:
                await ws.send_bytes(tally.answer(message.data))
    return ws


async def main():
    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("listening on port", runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
