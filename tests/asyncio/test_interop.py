"""Real peers from their registries, as clients and as servers, with compression and without."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import aiohttp
import aiohttp.web
import pytest
import websocket
import websockets
from support import browser

from wsframe.asyncio import connect, serve

try:
    import picows
except ImportError:
    picows = None

MESSAGES = ["", "text", "Grüße 日本 😀", "a" * 70_000, b"", b"\x00\xff" * 10, b"x" * 70_000]

COMPRESSION = pytest.mark.parametrize("compression", [None, "deflate"])
PICOWS = pytest.mark.skipif(picows is None, reason="picows is for CPython alone")


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def port_of(server):
    return server.sockets[0].getsockname()[1]


async def exchange(ws):
    """Every message there and back, in fragments too, then a close."""
    for message in MESSAGES:
        await ws.send(message)
        assert await ws.recv() == message
    await ws.send(["in ", "three ", "parts"])
    assert await ws.recv() == "in three parts"
    assert await (await ws.ping()) >= 0  # not all clocks are fine


# wsframe as the client


@COMPRESSION
async def test_our_client_works_with_a_websockets_server(compression):
    server = await websockets.serve(echo, "127.0.0.1", 0, compression=compression)
    async with server, connect(f"ws://127.0.0.1:{port_of(server)}", compression=compression) as ws:
        await exchange(ws)
    assert ws.close_code == 1000


@COMPRESSION
async def test_our_client_works_with_an_aiohttp_server(compression):
    async def handler(request):
        ws = aiohttp.web.WebSocketResponse(compress=compression is not None)
        await ws.prepare(request)
        async for message in ws:
            if message.type is aiohttp.WSMsgType.TEXT:
                await ws.send_str(message.data)
            else:
                await ws.send_bytes(message.data)
        return ws

    app = aiohttp.web.Application()
    app.router.add_get("/", handler)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with connect(f"ws://127.0.0.1:{port}", compression=compression) as ws:
        await exchange(ws)
    assert ws.close_code == 1000
    await runner.cleanup()


@PICOWS
async def test_our_client_works_with_a_picows_server():
    class Echo(picows.WSListener):
        def on_ws_frame(self, transport, frame):
            if frame.msg_type is picows.WSMsgType.CLOSE:
                transport.send_close(frame.get_close_code(), frame.get_close_message())
                transport.disconnect()
            elif frame.msg_type is picows.WSMsgType.PING:
                transport.send_pong(frame.get_payload_as_bytes())
            else:
                transport.send(frame.msg_type, frame.get_payload_as_bytes(), frame.fin)

    server = await picows.ws_create_server(lambda request: Echo(), "127.0.0.1", 0)
    async with server:
        async with connect(f"ws://127.0.0.1:{port_of(server)}") as ws:
            for message in MESSAGES:
                await ws.send(message)
                assert await ws.recv() == message
        assert ws.close_code == 1000


# wsframe as the server


@COMPRESSION
async def test_our_server_works_with_a_websockets_client(compression):
    async with serve(echo, "127.0.0.1", 0, compression="deflate") as server:
        uri = f"ws://127.0.0.1:{port_of(server)}"
        async with websockets.connect(uri, compression=compression) as ws:
            assert bool(ws.protocol.extensions) is (compression is not None)
            await exchange(ws)
        assert ws.close_code == 1000


@COMPRESSION
async def test_our_server_works_with_an_aiohttp_client(compression):
    async with serve(echo, "127.0.0.1", 0) as server, aiohttp.ClientSession() as session:
        uri = f"http://127.0.0.1:{port_of(server)}"
        async with session.ws_connect(uri, compress=15 if compression else 0) as ws:
            for message in MESSAGES:
                if isinstance(message, str):
                    await ws.send_str(message)
                else:
                    await ws.send_bytes(message)
                assert (await ws.receive()).data == message
        assert ws.close_code == 1000


@PICOWS
async def test_our_server_works_with_a_picows_client():
    received = []

    class Collect(picows.WSListener):
        def on_ws_connected(self, transport):
            for message in MESSAGES:
                if isinstance(message, str):
                    transport.send(picows.WSMsgType.TEXT, message.encode())
                else:
                    transport.send(picows.WSMsgType.BINARY, message)

        def on_ws_frame(self, transport, frame):
            if frame.msg_type is picows.WSMsgType.TEXT:
                received.append(frame.get_payload_as_utf8_text())
            elif frame.msg_type is picows.WSMsgType.BINARY:
                received.append(frame.get_payload_as_bytes())
            if len(received) == len(MESSAGES):
                transport.send_close(picows.WSCloseCode.OK)
                transport.disconnect()

    async with serve(echo, "127.0.0.1", 0) as server:
        transport, _ = await picows.ws_connect(Collect, f"ws://127.0.0.1:{port_of(server)}")
        await transport.wait_disconnected()
    assert received == MESSAGES


async def test_our_server_works_with_websocket_client():
    def converse(uri):
        ws = websocket.create_connection(uri, timeout=10)
        for message in MESSAGES:
            if isinstance(message, str):
                ws.send(message)
            else:
                ws.send_binary(message)
            assert ws.recv() == message
        ws.close()

    async with serve(echo, "127.0.0.1", 0) as server:
        uri = f"ws://127.0.0.1:{port_of(server)}"
        await asyncio.get_running_loop().run_in_executor(None, converse, uri)
    await asyncio.get_running_loop().shutdown_default_executor()


# Programs, where they are installed


async def output_of(*command, **options):
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


NODE = """
const WebSocket = require("ws");
const ws = new WebSocket(process.argv[1], { perMessageDeflate: process.argv[2] === "deflate" });
const messages = ["", "text", "Grüße 日本 😀", "a".repeat(70000), Buffer.from([0, 255])];
const got = [];
ws.on("open", () => messages.forEach((message) => ws.send(message)));
ws.on("message", (data, binary) => {
  got.push(binary ? [...data] : data.toString());
  if (got.length === messages.length) ws.close(4000, "done");
});
ws.on("close", (code) => console.log(JSON.stringify([code, ws.extensions, got])));
"""


def node_with_ws():
    node = shutil.which("node")
    if node is None:
        return None
    found = subprocess.run([node, "-e", "require('ws')"], capture_output=True)
    return None if found.returncode else node


@COMPRESSION
async def test_our_server_works_with_ws_on_node(compression):
    node = node_with_ws()
    if node is None:
        pytest.skip("no node, or no ws package where it looks (NODE_PATH)")
    async with serve(echo, "127.0.0.1", 0) as server:
        uri = f"ws://127.0.0.1:{port_of(server)}"
        status, out, err = await output_of(node, "-e", NODE, uri, str(compression))
    assert status == 0, err
    code, extensions, got = json.loads(out)
    assert code == 4000
    assert ("permessage-deflate" in extensions) is (compression is not None)
    assert got == ["", "text", "Grüße 日本 😀", "a" * 70_000, [0, 255]]


PAGE = """<!doctype html><title>wsframe</title><script>
const messages = ["", "text", "Grüße 日本 😀", "a".repeat(70000)];
const got = [];
const ws = new WebSocket("ws://127.0.0.1:PORT/echo", ["chat"]);
ws.onopen = () => messages.forEach((message) => ws.send(message));
ws.onmessage = (event) => {
  got.push(event.data === messages[got.length]);
  if (got.length === messages.length) ws.close(4000, "done");
};
ws.onclose = (event) => {
  const report = new WebSocket("ws://127.0.0.1:PORT/report", ["chat"]);
  const result = [event.code, event.wasClean, ws.protocol, ws.extensions, got];
  report.onopen = () => report.send(JSON.stringify(result));
};
</script>"""


@pytest.mark.skipif(browser.PROGRAM is None, reason="no Chromium")
async def test_our_server_works_with_chromium(tmp_path: Path):
    reported = asyncio.get_running_loop().create_future()

    async def handler(ws):
        if ws.request.path == "/report":
            reported.set_result(json.loads(await ws.recv()))
        else:
            await echo(ws)

    async with serve(handler, "127.0.0.1", 0, subprotocols=["chat"]) as server:
        page = tmp_path / "page.html"
        page.write_text(PAGE.replace("PORT", str(port_of(server))))
        async with browser.browser(tmp_path / "profile") as chromium, chromium.page(page.as_uri()):
            code, clean, subprotocol, extensions, got = await asyncio.wait_for(reported, 25)
    assert (code, clean, subprotocol, got) == (4000, True, "chat", [True] * 4)
    assert "permessage-deflate" in extensions
