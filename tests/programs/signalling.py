"""A signalling server for calls: peers register, and it passes offers, answers and candidates on."""

import asyncio
import json
from http import HTTPStatus

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.frames import CloseCode

HELLO_TIMEOUT = 30


class Signalling:
    def __init__(self):
        self.peers = {}
        self.sessions = {}

    def check_origin_and_path(self, connection, request):
        if request.path != "/signal":
            return connection.respond(HTTPStatus.NOT_FOUND, "no such path\n")
        return None

    async def handler(self, ws):
        try:
            hello = await asyncio.wait_for(ws.recv(), HELLO_TIMEOUT)
        except asyncio.TimeoutError:
            return
        word, _, name = hello.partition(" ")
        if word != "HELLO" or not name or name in self.peers:
            await ws.close(code=CloseCode.PROTOCOL_ERROR, reason="invalid registration")
            raise RuntimeError("invalid registration") if not name else ConnectionError
        self.peers[name] = ws
        await ws.send("HELLO")
        try:
            async for message in ws:
                await self.route(name, ws, message)
        except ConnectionClosedError as exc:
            print(f"{name} broke off:", exc.rcvd.code if exc.rcvd else None)
        finally:
            del self.peers[name]
            other = self.sessions.pop(name, None)
            if other is not None:
                self.sessions.pop(other, None)
                await self.peers[other].send(f"ENDED {name}")

    async def route(self, name, ws, message):
        if message.startswith("SESSION "):
            other = message.split(" ", 1)[1]
            if other not in self.peers:
                await ws.send(f"ERROR peer {other} not found")
                return
            self.sessions[name], self.sessions[other] = other, name
            await ws.send("SESSION_OK")
        elif name in self.sessions:
            await self.peers[self.sessions[name]].send(message)
        else:
            await ws.send("ERROR no session")


async def register(uri, name):
    ws = await connect(uri, origin="https://example.org", user_agent_header=None)
    await ws.send(f"HELLO {name}")
    assert await ws.recv() == "HELLO"
    return ws


async def main():
    signalling = Signalling()
    async with serve(
        signalling.handler,
        "127.0.0.1",
        0,
        process_request=signalling.check_origin_and_path,
        origins=["https://example.org", None],
        max_queue=16,
        max_size=2**16,
    ) as server:
        base = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for path, origin in (("/other", None), ("/signal", "https://evil.example")):
            try:
                await connect(base + path, origin=origin)
            except InvalidStatus as exc:
                print(path, exc)
        caller = await register(base + "/signal", "caller")
        await caller.send("SESSION callee")
        print(await caller.recv())
        callee = await register(base + "/signal", "callee")
        await caller.send("SESSION callee")
        print(await caller.recv())
        for kind in ("offer", "candidate"):
            await caller.send(json.dumps({"type": kind, "sdp": "v=0"}))
            print("callee:", await callee.recv())
        await callee.send(json.dumps({"type": "answer", "sdp": "v=0"}))
        print("caller:", await caller.recv())
        pong = await caller.ping("still there?")
        print("latency:", await pong > 0, caller.latency > 0)
        await callee.close(code=CloseCode.INTERNAL_ERROR)
        print("caller:", await caller.recv())
        await caller.send(json.dumps({"type": "bye"}))
        print("caller:", await caller.recv())
        await caller.close()

        async with connect(base + "/signal", origin=None) as ws:
            await ws.send("HELLO")
            try:
                await ws.recv()
            except ConnectionClosed as exc:
                print(exc)
    print("peers:", signalling.peers, server.is_serving())


asyncio.run(main())
