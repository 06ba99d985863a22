"""aiohttp: a handler. `python aiohttp_echo.py`"""

import asyncio

from aiohttp import WSMsgType, web


async def echo(request):
    ws = web.WebSocketResponse(compress=False)
    await ws.prepare(request)
    async for message in ws:
        if message.type == WSMsgType.TEXT:
            await ws.send_str(message.data)
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
