"""A client of a browser's debugging protocol: numbered commands, events, sessions, big results."""

import asyncio
import itertools
import json
import logging

from websockets.asyncio import client, server
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

logger = logging.getLogger("devtools")
BIG = 3 * 2**20


async def browser(ws):
    """Play the browser."""
    async for message in ws:
        command = json.loads(message)
        number, method = command["id"], command["method"]
        if method == "Page.navigate":
            await ws.send(json.dumps({"id": number, "result": {"frameId": "F1"}}))
            for event in ("Page.frameStartedLoading", "Page.loadEventFired"):
                await ws.send(json.dumps({"method": event, "params": {"frameId": "F1"}}))
        elif method == "Page.captureScreenshot":
            await ws.send(json.dumps({"id": number, "result": {"data": "A" * BIG}}))
        elif method == "Browser.crash":
            await ws.close(code=1011, reason="crashed")
        elif method == "Browser.close":
            return
        else:
            error = {"code": -32601, "message": f"'{method}' wasn't found"}
            await ws.send(json.dumps({"id": number, "error": error}))


class ProtocolError(Exception):
    pass


class Connection:
    def __init__(self, ws):
        self.ws = ws
        self.ids = itertools.count(1)
        self.commands = {}
        self.events = asyncio.Queue()
        self.listener = asyncio.create_task(self.listen())

    async def listen(self):
        try:
            while True:
                message = json.loads(await self.ws.recv())
                if "id" not in message:
                    self.events.put_nowait(message)
                    continue
                future = self.commands.pop(message["id"])
                if "error" in message:
                    future.set_exception(ProtocolError(message["error"]["message"]))
                else:
                    future.set_result(message["result"])
        except ConnectionClosed as exc:
            for future in self.commands.values():
                future.set_exception(ConnectionError("target closed"))
            return exc

    async def send(self, method, **params):
        number = next(self.ids)
        future = self.commands[number] = asyncio.get_running_loop().create_future()
        await self.ws.send(json.dumps({"id": number, "method": method, "params": params}))
        return await future


async def main():
    serving = server.serve(browser, "127.0.0.1", 0, compression=None, max_size=None)
    async with serving as listening:
        uri = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/devtools/browser/1"
        options = {"compression": None, "max_size": 2**28, "ping_interval": None, "open_timeout": 30}
        ws = await client.connect(uri, **options)
        connection = Connection(ws)
        print(await connection.send("Page.navigate", url="about:blank"))
        print((await connection.events.get())["method"], (await connection.events.get())["method"])
        print(len((await connection.send("Page.captureScreenshot"))["data"]))
        try:
            await connection.send("Page.fly")
        except ProtocolError as exc:
            print("error:", exc)
        both = [connection.send(method) for method in ("Browser.crash", "Page.late")]
        print(await asyncio.gather(*both, return_exceptions=True))
        ended = await connection.listener
        print(type(ended) is ConnectionClosedError, ended, ws.close_code, ws.close_reason)

        async with client.connect(uri, **options) as ws:
            connection = Connection(ws)
            try:
                await connection.send("Browser.close")
            except ConnectionError as exc:
                print("close:", exc)
            ended = await connection.listener
            print(type(ended) is ConnectionClosedOK, ended)


asyncio.run(main())
