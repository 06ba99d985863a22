"""A robot bridge: clients advertise, subscribe and publish on topics, in JSON with an `op`."""

import asyncio
import json
import logging
from collections import defaultdict

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

logger = logging.getLogger("bridge")


class Bridge:
    def __init__(self):
        self.subscribers = defaultdict(set)
        self.services = {"/add": lambda args: {"sum": args["a"] + args["b"]}}

    async def handler(self, websocket: ServerConnection):
        logger.info("client %s connected", websocket.id)
        try:
            async for message in websocket:
                if isinstance(message, bytes):
                    await websocket.close(1003, "text only")
                    return
                try:
                    await self.handle(websocket, json.loads(message))
                except (KeyError, json.JSONDecodeError) as exc:
                    error = {"op": "status", "level": "error", "msg": type(exc).__name__}
                    await websocket.send(json.dumps(error))
        finally:
            for subscribers in self.subscribers.values():
                subscribers.discard(websocket)
            logger.info("client %s is gone", websocket.remote_address)

    async def handle(self, websocket, command):
        op = command["op"]
        if op == "subscribe":
            self.subscribers[command["topic"]].add(websocket)
            await websocket.send(json.dumps({"op": "status", "level": "info", "msg": "subscribed"}))
        elif op == "publish":
            broadcast(self.subscribers[command["topic"]], json.dumps(command))
        elif op == "call_service":
            values = self.services[command["service"]](command["args"])
            reply = {"op": "service_response", "id": command["id"], "values": values}
            await websocket.send(json.dumps(reply))


async def main():
    bridge = Bridge()
    async with serve(bridge.handler, "127.0.0.1", 0, max_size=2**20, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        uri = f"ws://127.0.0.1:{port}/"
        async with connect(uri) as viewer, connect(uri) as robot:
            await viewer.send(json.dumps({"op": "subscribe", "topic": "/pose"}))
            print(await viewer.recv())
            for step in range(3):
                message = {"op": "publish", "topic": "/pose", "msg": {"x": step, "y": 2 * step}}
                await robot.send(json.dumps(message))
            for _ in range(3):
                print(json.loads(await viewer.recv())["msg"])

            call = {"op": "call_service", "id": "1", "service": "/add", "args": {"a": 2, "b": 3}}
            await robot.send(json.dumps(call))
            print(await asyncio.wait_for(robot.recv(), timeout=10))
            await robot.send("{not json")
            print(await robot.recv())
            await robot.send(json.dumps({"op": "call_service", "service": "/none"}))
            print(await robot.recv())
            await robot.send(b"\x00")
            try:
                await robot.recv()
            except ConnectionClosed as exc:
                print("robot:", exc, exc.rcvd.code, exc.rcvd.reason)
            print("viewer is open:", viewer.close_code is None)


asyncio.run(main())
