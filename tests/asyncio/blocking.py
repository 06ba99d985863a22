"""A server whose code blocks the event loop: `blocking.py KIND LOOP` tells its port.

A message is a list of words, done in order: `say` sends a reply, `push` does the rest in an iteration
of the loop of its own, `block` keeps the loop longer than a test lasts, `exit` and `kill` end the process a
moment after.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import Any

from wsframe.asyncio import Connection, Listener, broadcast, serve

TOO_LONG = 60.0  # seconds
MOMENT = 0.05  # 3 ms are enough on a machine that is not busy


def obey(ws: Any, words: str) -> None:
    for number, word in enumerate(words.split()):
        if word == "say":
            ws.send_nowait(f"said {number}")
        elif word == "broadcast":
            broadcast([ws], f"said {number}")
        elif word == "ping":
            ws.write(b"\x89\x00")
        elif word == "push":
            asyncio.get_running_loop().call_later(0.01, obey, ws, words.partition("push")[2])
            return
        elif word == "block":
            time.sleep(TOO_LONG)
        else:
            time.sleep(MOMENT)
            if word == "exit":
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)


async def handler(ws: Connection) -> None:
    async for message in ws:
        obey(ws, str(message))


class Obedient(Listener):
    def on_message(self, ws: Connection, message: str | bytes) -> None:
        obey(ws, str(message))


KINDS: dict[str, Any] = {"handler": handler, "listener": Obedient}


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        for number, word in enumerate(message["text"].split()):
            if word == "say":
                await send({"type": "websocket.send", "text": f"said {number}"})
            else:
                obey(None, word)


async def main(kind: str) -> None:
    if kind == "uvicorn":
        from uvicorn import Config, Server

        config = Config(asgi, port=0, ws="wsframe.uvicorn:WebSocketProtocol", loop="none", lifespan="off")  # type: ignore[arg-type]
        serving = Server(config)
        task = asyncio.ensure_future(serving.serve())
        while not serving.started:
            await asyncio.sleep(0.01)
        print(serving.servers[0].sockets[0].getsockname()[1], flush=True)
        await task
    else:
        async with serve(KINDS[kind], "127.0.0.1", 0, compression=None) as server:
            print(server.sockets[0].getsockname()[1], flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        import uvloop

        loop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(main(sys.argv[1]))
