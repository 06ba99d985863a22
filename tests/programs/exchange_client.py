"""A client of an exchange: it subscribes to channels, follows their order books, and connects again."""

import asyncio
import itertools
import json

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


class Exchange:
    """The other end: it breaks the first connection off, and restarts during the second."""

    def __init__(self):
        self.connections = itertools.count(1)
        self.sequence = itertools.count(1)

    async def handler(self, ws):
        number = next(self.connections)
        subscribe = json.loads(await ws.recv())
        await ws.send(json.dumps({"type": "subscriptions", "channels": subscribe["channels"]}))
        for _ in range(3):
            price = 100 + next(self.sequence)
            await ws.send(json.dumps({"type": "ticker", "product": "BTC-USD", "price": price}))
        if number == 1:
            await (await ws.ping())  # the client has all of it
            ws.transport.abort()
        elif number == 2:
            await ws.close(1012, "maintenance")
        else:
            await ws.send(json.dumps({"type": "end"}))
            await ws.wait_closed()


class Client:
    def __init__(self, uri):
        self.uri = uri
        self.prices = []

    async def run(self):
        no_delays = lambda: itertools.repeat(0)  # noqa: E731
        async for websocket in connect(
            self.uri, ping_interval=20, ping_timeout=20, max_queue=1024, reconnect_delays=no_delays
        ):
            try:
                await self.subscribe(websocket)
                async for message in websocket:
                    if not self.on_message(json.loads(message)):
                        await websocket.close()
                        return
                print("the exchange closed:", websocket.close_code)
            except websockets.ConnectionClosedError as exc:
                print("disconnected:", exc.rcvd.code if exc.rcvd else None)
                continue

    async def subscribe(self, websocket):
        request = {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["ticker"]}
        await websocket.send(json.dumps(request))

    def on_message(self, message):
        match message:
            case {"type": "subscriptions", "channels": channels}:
                print("subscribed to", *channels)
            case {"type": "ticker", "product": product, "price": price}:
                self.prices.append(price)
                print(product, price)
            case {"type": "end"}:
                return False
        return True


async def main():
    async with serve(Exchange().handler, "127.0.0.1", 0) as server:
        client = Client(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/feed")
        await asyncio.wait_for(client.run(), 60)
        print("prices:", len(client.prices), "last:", client.prices[-1])


asyncio.run(main())
