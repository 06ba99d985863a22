"""A client that receives large messages. `python large_client.py LIBRARY PORT COUNT`

Prints the CPU seconds that COUNT messages took it, after two that are not counted.
"""

import asyncio
import sys
import time
from itertools import count
from threading import Thread


def websockets(url, receive):
    from websockets.asyncio.client import connect

    async def main():
        async with connect(url, max_size=None, compression=None) as ws:
            async for message in ws:
                receive(message)

    asyncio.run(main())


def websockets_sync(url, receive):
    from websockets.sync.client import connect

    with connect(url, max_size=None, compression=None) as ws:
        for message in ws:
            receive(message)


def websockets_legacy(url, receive):
    from websockets.legacy.client import connect

    async def main():
        async with connect(url, max_size=None, compression=None) as ws:
            async for message in ws:
                receive(message)

    asyncio.run(main())


def aiohttp(url, receive):
    from aiohttp import ClientSession

    async def main():
        async with ClientSession() as session, session.ws_connect(url, max_msg_size=0) as ws:
            async for message in ws:
                receive(message.data)

    asyncio.run(main())


def tornado(url, receive):
    from tornado.websocket import websocket_connect

    async def main():
        ws = await websocket_connect(url, max_message_size=2**26)
        while (message := await ws.read_message()) is not None:
            receive(message)

    asyncio.run(main())


def autobahn(url, receive):
    from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

    ended = asyncio.Event()

    class Receiving(WebSocketClientProtocol):
        def onMessage(self, payload, isBinary):
            receive(payload)

        def onClose(self, wasClean, code, reason):
            ended.set()

    async def main():
        factory = WebSocketClientFactory(url)
        factory.protocol = Receiving
        port = int(url.rpartition(":")[2].rstrip("/"))
        await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", port)
        await ended.wait()

    asyncio.run(main())


def websocket_client(url, receive):
    from websocket import WebSocketConnectionClosedException, create_connection

    ws = create_connection(url, skip_utf8_validation=False)
    try:
        while True:
            if not (message := ws.recv()):
                return
            receive(message)
    except WebSocketConnectionClosedException:
        return


def main():
    library, port, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    received = count(1)
    marks = []

    def receive(message):
        number = next(received)
        if number in (2, most + 2):
            marks.append(time.process_time())

    # websocket-client and websockets in threads block: all of them run beside a main thread that waits.
    worker = Thread(target=globals()[library], args=[f"ws://127.0.0.1:{port}/", receive])
    worker.start()
    worker.join()
    print("CPU seconds", marks[1] - marks[0])


main()
