"""A FastAPI application on uvicorn with wsframe: parameters, dependencies, exceptions that close."""

import asyncio
import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from wsframe.asyncio import connect as ws_connect

pytest.importorskip("fastapi")

from fastapi import Depends, FastAPI, WebSocket, WebSocketException

app = FastAPI()


def open_ws(port, path):
    return connect(f"ws://127.0.0.1:{port}{path}", proxy=None)


async def token(ws: WebSocket, token: str = ""):
    if token != "right":
        raise WebSocketException(4401, "wrong token")
    return token


@app.websocket("/rooms/{room}")
async def room(ws: WebSocket, room: int, token: str = Depends(token)):
    await ws.accept()
    while True:
        message = await ws.receive_json()
        if message == "leave":
            raise WebSocketException(4000, "left")
        await ws.send_json([room, token, message])


@app.get("/health")
def health():
    return "well"


def test_fastapi_dependencies_and_exceptions_work(serve):
    port = serve(app)
    with open_ws(port, "/rooms/7?token=right") as ws:
        ws.send('"hello"')
        assert json.loads(ws.recv(10)) == [7, "right", "hello"]
        ws.send('"leave"')
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(10)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4000, "left")
    with pytest.raises(InvalidStatus) as refused, open_ws(port, "/rooms/7?token=wrong"):
        pass
    assert refused.value.response.status_code == 403


def test_many_concurrent_clients_get_their_own_replies(serve):
    async def converse(port, number):
        async with ws_connect(f"ws://127.0.0.1:{port}/rooms/{number}?token=right") as ws:
            for index in range(20):
                await ws.send(json.dumps(index))
                assert json.loads(await ws.recv()) == [number, "right", index]

    async def everybody(port):
        await asyncio.gather(*(converse(port, number) for number in range(50)))

    asyncio.run(everybody(serve(app)))
