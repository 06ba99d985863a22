"""A WebSocket server with a health check, a page and counters on the same port, that stops on a signal."""

import asyncio
import http
import os
import signal
import urllib.error
import urllib.request

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedOK, InvalidMessage, InvalidStatus

READY = asyncio.Event()
SERVED = 0


async def echo(websocket):
    global SERVED
    async for message in websocket:
        SERVED += 1
        await websocket.send(message)


def process_request(connection, request):
    match request.path:
        case "/healthz":
            return connection.respond(http.HTTPStatus.OK, "OK\n")
        case "/ready":
            status = http.HTTPStatus.OK if READY.is_set() else http.HTTPStatus.SERVICE_UNAVAILABLE
            return connection.respond(status, f"{status.phrase}\n")
        case "/metrics":
            response = connection.respond(http.HTTPStatus.OK, f"messages_total {SERVED}\n")
            del response.headers["Content-Type"]
            response.headers["Content-Type"] = "text/plain; version=0.0.4"
            return response
        case "/ws":
            return None
        case _:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "Not Found\n")


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return response.status, response.headers["Content-Type"], response.read().decode()
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.headers["Content-Type"], exc.read().decode()


async def use(port):
    loop = asyncio.get_running_loop()
    url = f"http://127.0.0.1:{port}"

    async def show(path):
        print(path, await loop.run_in_executor(None, get, url + path))

    for path in ("/healthz", "/ready", "/metrics", "/"):
        await show(path)
    READY.set()
    await show("/ready")
    async with connect(f"ws://127.0.0.1:{port}/ws") as websocket:
        for message in ("a", b"b", "c" * 100_000):
            await websocket.send(message)
            print(await websocket.recv() == message)
        await show("/metrics")
    try:
        await connect(f"ws://127.0.0.1:{port}/healthz")
    except InvalidStatus as exc:
        print("connect:", exc, bytes(exc.response.body))
    except InvalidMessage as exc:
        print("unexpected:", exc)
    return await connect(f"ws://127.0.0.1:{port}/ws")


async def main():
    loop = asyncio.get_running_loop()
    stop = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, stop.set_result, None)
    async with serve(echo, "127.0.0.1", 0, process_request=process_request) as server:
        websocket = await use(server.sockets[0].getsockname()[1])
        os.kill(os.getpid(), signal.SIGTERM)
        await stop
    try:
        await websocket.recv()
    except ConnectionClosedOK as exc:
        print("stopped:", exc)


asyncio.run(main())
