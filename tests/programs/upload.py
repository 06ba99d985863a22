"""The upload of a file in parts: a header, chunks with acknowledgements, a digest, a limit."""

import asyncio
import hashlib
import json

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

CHUNK = 2**16


async def receive(websocket):
    header = json.loads(await websocket.recv())
    digest, size = hashlib.sha256(), 0
    while size < header["size"]:
        chunk = await websocket.recv()
        digest.update(chunk)
        size += len(chunk)
        await websocket.send(json.dumps({"received": size}))
    await websocket.send(json.dumps({"sha256": digest.hexdigest()}))
    digest = hashlib.sha256()
    async for part in websocket.recv_streaming():  # once more, as one message in fragments
        digest.update(part)
    await websocket.send(json.dumps({"whole": digest.hexdigest()}))
    await websocket.wait_closed()


async def chunks(data):
    for start in range(0, len(data), CHUNK):
        yield memoryview(data)[start : start + CHUNK]
        await asyncio.sleep(0)


async def main():
    data = bytes(range(256)) * 1200
    async with serve(receive, "127.0.0.1", 0, max_size=2**19) as server:
        uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/upload"
        async with connect(uri) as websocket:
            await websocket.send(json.dumps({"name": "file.bin", "size": len(data)}))
            for start in range(0, len(data), CHUNK):
                await websocket.send(data[start : start + CHUNK])
                print(await websocket.recv())
            await websocket.send(chunks(data))
            async for message in websocket:
                print(message)
                if "whole" in message:
                    break
        async with connect(uri) as websocket:
            await websocket.send(json.dumps({"name": "big.bin", "size": 2**20}))
            try:
                await websocket.send(b"a" * 2**19)
                print(await websocket.recv())
                await websocket.send(bytearray(2**19 + 1))
                print(await websocket.recv())
            except ConnectionClosedError as exc:
                print("too big:", exc.rcvd.code)
            try:
                await websocket.send(b"more")
            except ConnectionClosed as exc:
                print("still closed:", exc.rcvd.code)


asyncio.run(main())
