"""`wsframe run --zlib`: real servers, and a stock client that compresses."""

from __future__ import annotations

import json
import os
import sysconfig
from typing import Any

import pytest
from support.compressed import has_limits
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from wsframe.accelerate.compression import resolved_zlib
from wsframe.deflate.modules import MODULES
from wsframe.demo.servers import Program, running

REPLY = """
import asyncio, json
from wsframe.accelerate import status

def reply(message):
    if message != "status":
        return message
    return json.dumps({host.host: host.zlib for host in status() if host.zlib})

"""
ASGI = """
async def app(scope, receive, send):
    await receive()
    if scope["type"] != "websocket":
        return
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        text, data = reply(event.get("text")), event.get("bytes")
        await send({"type": "websocket.send", **({"text": text} if text is not None else {"bytes": data})})
"""
WEBSOCKETS = """
from websockets.asyncio.server import serve

async def echo(websocket):
    async for message in websocket:
        await websocket.send(reply(message))

async def main():
    async with serve(echo, "127.0.0.1", 0) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

asyncio.run(main())
"""
TORNADO = """
from tornado import httpserver, netutil, web, websocket

class Echo(websocket.WebSocketHandler):
    def get_compression_options(self):
        return {}

    def on_message(self, message):
        self.write_message(reply(message), binary=isinstance(message, bytes))

async def main():
    server = httpserver.HTTPServer(web.Application([("/", Echo)], websocket_max_message_size=2**20))
    sockets = netutil.bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    print("port", sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
AUTOBAHN = """
import txaio
txaio.use_asyncio()
from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOfferAccept

class Echo(WebSocketServerProtocol):
    def onMessage(self, payload, binary):
        self.sendMessage(payload if binary else reply(payload.decode()).encode(), binary)

async def main():
    factory = WebSocketServerFactory()
    factory.protocol = Echo
    factory.setProtocolOptions(
        failByDrop=False,
        maxMessagePayloadSize=2**20,
        perMessageCompressionAccept=lambda offers: PerMessageDeflateOfferAccept(offers[0]),
    )
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
AIOHTTP = """
from aiohttp import WSMsgType, web

async def echo(request):
    websocket = web.WebSocketResponse(max_msg_size=2**20)
    await websocket.prepare(request)
    async for message in websocket:
        if message.type is WSMsgType.TEXT:
            await websocket.send_str(reply(message.data))
        else:
            await websocket.send_bytes(message.data)
    return websocket

async def main():
    application = web.Application()
    application.router.add_get("/", echo)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print("port", runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
PROGRAMS = {"websockets": WEBSOCKETS, "tornado": TORNADO, "autobahn": AUTOBAHN, "aiohttp": AIOHTTP}
SERVERS = [*PROGRAMS, "uvicorn websockets-sansio", "uvicorn wsproto"]


def command(server: str, where: Any) -> tuple[str, ...]:
    if server in PROGRAMS:
        pytest.importorskip(server, exc_type=ImportError)
        (where / "echo.py").write_text(REPLY + PROGRAMS[server])
        return (str(where / "echo.py"),)
    (where / "echo.py").write_text(REPLY + ASGI)
    words = ("-m", "uvicorn", "--port", "0", "--ws-max-size", str(2**20), "--app-dir", str(where))
    return (*words, "--ws", server.split()[1], "echo:app")


@pytest.mark.parametrize("name", ["isal", "zlib-ng", "auto"])
@pytest.mark.parametrize("server", SERVERS)
def test_server_with_another_zlib_echoes_and_limits_messages(server, name, tmp_path):
    if name == "auto" and sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("what is best depends on what is imported")
    compressor = resolved_zlib(name)
    if compressor == "zlib":
        pytest.skip("neither isal nor zlib-ng is installed")
    pytest.importorskip(MODULES[compressor])
    program = Program(server, command(server, tmp_path))
    texts = ["", "a", "é日😀" * 50, json.dumps(list(range(3000)))]
    messages = [*texts, b"", os.urandom(70_000), bytes(2**20)]
    with running(program, tmp_path / "log", accelerated=True, variables={"WSFRAME_ZLIB": name}) as started:
        with connect(f"ws://127.0.0.1:{started.port()}", proxy=None, max_size=None) as client:
            assert "permessage-deflate" in client.response.headers["Sec-WebSocket-Extensions"]
            client.send("status")
            assert json.loads(client.recv(timeout=20)) == {
                server.split()[-1].removesuffix("-sansio"): compressor
            }
            for message in messages * 2:
                client.send(message)
                assert client.recv(timeout=20) == message
            if server == "autobahn" and not has_limits(server):
                return
            client.send(bytes(2**20 + 1000))
            with pytest.raises(ConnectionClosedError) as caught:
                client.recv(timeout=20)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009
        assert any(compressor in remark for remark in started.remarks())
