"""Echo servers as people start them: `python servers.py KIND`. Prints the port."""

import asyncio
import sys


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") is not None:
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})


async def echo(websocket, *path):
    async for message in websocket:
        await websocket.send(message)


def started(port):
    print("listening on port", port, flush=True)


async def websockets():
    from websockets.asyncio.server import serve

    started((await serve(echo, "127.0.0.1", 0)).sockets[0].getsockname()[1])
    await asyncio.Event().wait()


async def legacy():
    from websockets.legacy.server import serve

    started((await serve(echo, "127.0.0.1", 0)).sockets[0].getsockname()[1])
    await asyncio.Event().wait()


async def uvicorn(loop):
    from uvicorn import Config, Server

    server = Server(Config(app, host="127.0.0.1", port=0, log_level="warning", loop=loop))
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    started(server.servers[0].sockets[0].getsockname()[1])
    await serving


async def hypercorn():
    import socket

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config.bind = [f"fd://{listener.fileno()}"]
        started(listener.getsockname()[1])
        await serve(app, config)


async def tornado(compressing):
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
    from tornado.web import Application
    from tornado.websocket import WebSocketHandler

    class Echo(WebSocketHandler):
        def get_compression_options(self):
            return {} if compressing else None

        def on_message(self, message):
            self.write_message(message)

        def check_origin(self, origin):
            return True

    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(Application([("/", Echo)])).add_sockets(sockets)
    started(sockets[0].getsockname()[1])
    await asyncio.Event().wait()


async def aiohttp():
    from aiohttp import web

    async def handler(request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for message in ws:
            await ws.send_str(message.data)
        return ws

    application = web.Application()
    application.router.add_get("/", handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    started(runner.addresses[0][1])
    await asyncio.Event().wait()


async def autobahn():
    from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
    from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept

    class Echo(WebSocketServerProtocol):
        def onMessage(self, payload, isBinary):
            self.sendMessage(payload, isBinary)

    def accept(offers):
        for offer in offers:
            if isinstance(offer, PerMessageDeflateOffer):
                return PerMessageDeflateOfferAccept(offer)
        return None

    factory = WebSocketServerFactory()
    factory.protocol = Echo
    factory.setProtocolOptions(perMessageCompressionAccept=accept)
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    started(server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


KINDS = {
    "websockets": websockets,
    "legacy": legacy,
    "uvicorn": lambda: uvicorn("asyncio"),
    "uvicorn-uvloop": lambda: uvicorn("uvloop"),
    "hypercorn": hypercorn,
    "tornado": lambda: tornado(False),
    "tornado-deflate": lambda: tornado(True),
    "aiohttp": aiohttp,
    "autobahn": autobahn,
}

kind = sys.argv[1]
if kind.endswith("-uvloop"):
    import uvloop

    uvloop.run(KINDS[kind]())
else:
    asyncio.run(KINDS[kind]())
