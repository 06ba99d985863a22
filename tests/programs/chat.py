"""A chat: users join a room, talk, are listed, and leave."""

import asyncio
import json
import secrets

from websockets.asyncio.client import connect
from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

ROOMS = {}


async def handler(websocket):
    join = json.loads(await websocket.recv())
    name, room = join["name"], ROOMS.setdefault(join["room"], {})
    if name in room:
        await websocket.send(json.dumps({"type": "error", "text": "name taken"}))
        await websocket.close(4001, "name taken")
        return
    websocket.token = secrets.token_hex(4)
    room[name] = websocket
    broadcast(room.values(), json.dumps({"type": "join", "name": name, "users": sorted(room)}))
    try:
        async for text in websocket:
            if text == "/kick":
                for other, theirs in list(room.items()):
                    if other != name:
                        await theirs.close(4002, f"kicked by {name}")
                continue
            broadcast(room.values(), json.dumps({"type": "say", "name": name, "text": text}))
    finally:
        del room[name]
        broadcast(room.values(), json.dumps({"type": "leave", "name": name}))


class User:
    def __init__(self, uri, name):
        self.uri, self.name = uri, name

    async def __aenter__(self):
        self.ws = await connect(self.uri)
        await self.ws.send(json.dumps({"name": self.name, "room": "lobby"}))
        return self

    async def __aexit__(self, *args):
        await self.ws.close()

    async def say(self, text):
        await self.ws.send(text)

    async def show(self, count=1):
        for _ in range(count):
            print(f"{self.name} sees", await self.ws.recv())


async def main():
    async with serve(handler, "127.0.0.1", 0) as server:
        uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with User(uri, "ann") as ann:
            await ann.show()
            async with User(uri, "ben") as ben:
                await ben.show()
                await ann.show()
                await ben.say("hi ☕")
                await ann.show()
                await ben.show()
                async with User(uri, "ben") as second:
                    await second.show()
                    try:
                        await second.show()
                    except ConnectionClosed as exc:
                        print("second ben:", exc.rcvd)
                print("connections:", len(server.connections) >= 2)
            await ann.show()
            async with User(uri, "cid") as cid:
                await cid.show()
                await ann.show()
                await ann.say("/kick")
                try:
                    await cid.show()
                except ConnectionClosed as exc:
                    print("cid:", exc, isinstance(exc, ConnectionClosedOK))
                await ann.show()
        print("closed:", ann.ws.close_code, repr(ann.ws.close_reason), ann.ws.state.name)


asyncio.run(main())
