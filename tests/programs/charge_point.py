"""A charge point and its central system, as in OCPP-J: calls, results and errors over a subprotocol."""

import asyncio
import json
import uuid

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import basic_auth, serve
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

CALL, RESULT, ERROR = 2, 3, 4


class CentralSystem:
    def __init__(self):
        self.points = {}

    async def on_connect(self, websocket):
        point = websocket.request.path.strip("/").split("/")[-1]
        if websocket.subprotocol is None:
            print("central system: no subprotocol for", point)
            return await websocket.close(1002, "no subprotocol")
        self.points[point] = websocket
        try:
            while True:
                kind, unique_id, action, payload = json.loads(await websocket.recv())
                assert kind == CALL
                print(f"central system: {point} ({websocket.username}) calls {action}")
                handler = getattr(self, f"on_{action}", None)
                if handler is None:
                    reply = [ERROR, unique_id, "NotImplemented", "", {}]
                else:
                    reply = [RESULT, unique_id, handler(payload)]
                await websocket.send(json.dumps(reply))
        except ConnectionClosedOK:
            print("central system:", point, "is gone,", websocket.close_code)
        finally:
            del self.points[point]

    def on_BootNotification(self, payload):
        return {"status": "Accepted", "interval": 300, "vendor": payload["chargePointVendor"]}

    def on_Heartbeat(self, payload):
        return {"currentTime": "2030-01-01T00:00:00Z"}


class ChargePoint:
    def __init__(self, websocket):
        self.websocket = websocket
        self.pending = {}

    async def start(self):
        async for message in self.websocket:
            kind, unique_id, *rest = json.loads(message)
            self.pending.pop(unique_id).set_result((kind, rest))

    async def call(self, action, payload):
        unique_id = str(uuid.uuid4())
        future = self.pending[unique_id] = asyncio.get_running_loop().create_future()
        await self.websocket.send(json.dumps([CALL, unique_id, action, payload]))
        return await asyncio.wait_for(future, 30)


async def main():
    system = CentralSystem()
    server = await serve(
        system.on_connect,
        "127.0.0.1",
        0,
        subprotocols=["ocpp1.6", "ocpp2.0.1"],
        select_subprotocol=lambda connection, offered: "ocpp1.6" if "ocpp1.6" in offered else None,
        process_request=basic_auth("charging", credentials=("CP_1", "secret")),
    )
    port = server.sockets[0].getsockname()[1]
    try:
        async with connect(f"ws://127.0.0.1:{port}/ocpp/CP_1", subprotocols=["ocpp1.6"]):
            pass
    except InvalidStatus as exc:
        print("refused:", exc.response.status_code, exc.response.headers["WWW-Authenticate"])

    uri = f"ws://CP_1:secret@127.0.0.1:{port}/ocpp/CP_1"
    async with connect(uri, subprotocols=["ocpp2.0.1", "ocpp1.6"]) as ws:
        print("subprotocol:", ws.subprotocol)
        point = ChargePoint(ws)
        receiving = asyncio.create_task(point.start())
        print(await point.call("BootNotification", {"chargePointVendor": "Example"}))
        print(await point.call("Heartbeat", {}))
        print(await point.call("FirmwareUpdate", {}))
        await ws.close()
        await receiving

    async with connect(uri) as ws:
        try:
            await ws.recv()
        except websockets.exceptions.ConnectionClosed as exc:
            print("closed:", exc)
    server.close()
    await server.wait_closed()


asyncio.run(main())
