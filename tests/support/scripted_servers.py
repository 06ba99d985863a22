"""Servers whose application does as it is told, wrong things above all.

`scripted_servers.py HOST` prints its port.

Logs are printed, too: failures are reported as the host reports them.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_WR, socket
from typing import Any

from wsframe.accelerate import status


class Text(str):
    __slots__ = ()


class Octets(bytes):
    pass


ODD: dict[Any, Any] = {
    "none": None,
    "number": 5,
    "list": ["a", b"b"],
    "mapping": {"a": 1},
    "view": memoryview(b"view"),
    "array": bytearray(b"array"),
    "text of a kind": Text("text of a kind"),
    "bytes of a kind": Octets(b"bytes of a kind"),
    "surrogate": "\ud800",
    "nothing": "",
    "no bytes": b"",
}
LIMIT = 1000
LOOP: Any = os.environ.get("OBEDIENT_LOOP", "")


async def obey(message: Any, send: Callable[[Any], Any], close: Callable[[], Any]) -> None:
    """Do what a message says, or echo it."""
    if str(message).startswith("cut "):
        cut(int(message[4:]))
        await reporting("repeat", send, message)
    elif message == "raise":
        raise RuntimeError("as asked")
    elif message == "no memory":
        raise MemoryError("as asked")
    elif message == "cancel":
        raise asyncio.CancelledError
    elif message == "close":
        await reporting("close", close)
        await reporting("late", send, "too late")
    elif message in ("block", "exit", "kill"):
        await reporting("repeat", send, message)
        leave(str(message))
    elif message in ODD:
        await reporting(message, send, ODD[message])
    elif message == "active":
        active = [host.host for host in status() if host.active]
        await reporting(message, send, " ".join(active) or "nothing")
    else:
        if message == "mark":
            gc.collect()  # what has failed and is not asked for says so when it goes
            say(message)
        await reporting("repeat", send, message)


async def reporting(name: str, call: Callable[..., Any], *values: Any) -> None:
    """Call a function; if it raises, print the exception first."""
    try:
        result = call(*values)
        if inspect.isawaitable(result):
            await result
    except Exception as exc:
        say(name, type(exc).__name__, exc)
        raise


def cut(port: int) -> None:
    """Have every write to a peer fail, behind the back of all who hold the socket."""
    for number in range(3, 100):
        with suppress(OSError), socket(fileno=os.dup(number)) as one:
            if one.getpeername()[1] == port:
                one.shutdown(SHUT_WR)


def leave(how: str) -> None:
    """Keep the loop for longer than a test lasts, or end the process a moment from now."""
    if how == "block":
        time.sleep(60)
    time.sleep(0.05)  # 3 ms are enough on a machine that is not busy
    if how == "exit":
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)


def say(*words: object) -> None:
    os.write(2, f"{' '.join(map(str, words))}\n".encode())  # in one piece, among the lines of threads


def at_once(coroutine: Any) -> None:
    """Run a coroutine that has nothing to wait for."""
    with suppress(StopIteration):
        coroutine.send(None)


def is_octets(data: object) -> bool:
    return isinstance(data, bytes | bytearray | memoryview)


async def forever(port: int) -> None:
    say("port", port)
    await asyncio.Event().wait()


async def websockets() -> None:
    from websockets.asyncio.server import serve

    async def handler(ws: Any) -> None:
        async for message in ws:
            await obey(message, ws.send, lambda: ws.close(4001, "bye"))

    async with serve(handler, "127.0.0.1", 0, max_size=LIMIT, compression=None) as server:
        await forever(server.sockets[0].getsockname()[1])


def websockets_sync() -> None:
    from websockets.sync.server import serve

    def handler(ws: Any) -> None:
        for message in ws:
            at_once(obey(message, ws.send, lambda: ws.close(4001, "bye")))

    with serve(handler, "127.0.0.1", 0, max_size=LIMIT, compression=None) as server:
        say("port", server.socket.getsockname()[1])
        server.serve_forever()


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": (await receive())["type"] + ".complete"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        await obey(
            message["bytes"] if text is None else text,
            lambda data: send({"type": "websocket.send", "bytes" if is_octets(data) else "text": data}),
            lambda: send({"type": "websocket.close", "code": 4001, "reason": "bye"}),
        )
    say(message["type"], message["code"], message.get("reason"))


def uvicorn(ws: str) -> None:
    import uvicorn

    uvicorn.run(asgi, ws=ws, port=0, loop=LOOP or "auto", ws_max_size=LIMIT, ws_per_message_deflate=False)


async def hypercorn() -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.websocket_max_message_size = LIMIT
    config.graceful_timeout = 0.1
    await serve(asgi, config, mode="asgi")  # type: ignore[arg-type]


async def tornado(*, waits: bool) -> None:
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
    from tornado.web import Application
    from tornado.websocket import WebSocketHandler

    class Handler(WebSocketHandler):  # type: ignore[misc]
        def on_message(self, message: Any) -> Any:
            def write(data: Any) -> Any:
                done = self.write_message(data, binary=is_octets(data))
                return done if waits else None

            deed = obey(message, write, lambda: self.close(4001, "bye"))
            return deed if waits else at_once(deed)

        def on_close(self) -> None:
            say("closed", self.close_code, self.close_reason)

    logging.basicConfig()
    server = HTTPServer(Application([("/", Handler)], websocket_max_message_size=LIMIT))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    await forever(sockets[0].getsockname()[1])


def autobahn(flavour: str) -> None:
    import txaio

    getattr(txaio, f"use_{flavour}")()
    from importlib import import_module

    module = import_module(f"autobahn.{flavour}.websocket")

    class Protocol(module.WebSocketServerProtocol):  # type: ignore[name-defined,misc]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            at_once(
                obey(
                    payload if isBinary else payload.decode(),
                    lambda data: self.sendMessage(
                        data.encode("utf-8", "surrogatepass") if type(data) is str else data, is_octets(data)
                    ),
                    lambda: self.sendClose(4001, "bye"),
                )
            )

        def onClose(self, wasClean: bool, code: int, reason: str) -> None:
            say("closed", wasClean, code, reason)

    def make(**more: Any) -> Any:
        factory = module.WebSocketServerFactory(**more)
        factory.setProtocolOptions(maxMessagePayloadSize=LIMIT)
        factory.protocol = Protocol
        return factory

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(make(loop=loop), "127.0.0.1", 0)
        await forever(server.sockets[0].getsockname()[1])

    txaio.start_logging(level="info")
    if flavour == "asyncio":
        asyncio.run(main())
    else:
        reactor: Any = import_module("twisted.internet.reactor")
        say("port", reactor.listenTCP(0, make(), interface="127.0.0.1").getHost().port)
        reactor.run()


async def aiohttp() -> None:
    from aiohttp import WSMsgType, web

    async def handler(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(max_msg_size=LIMIT, compress=False)
        await ws.prepare(request)
        async for message in ws:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await obey(
                    message.data,
                    lambda data: (ws.send_bytes if is_octets(data) else ws.send_str)(data),
                    lambda: ws.close(code=4001, message=b"bye"),
                )
        say("closed", ws.close_code, ws.exception())
        return ws

    logging.basicConfig(level=logging.INFO)
    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await forever(runner.addresses[0][1])


HOSTS: dict[str, Callable[[], Any]] = {
    "aiohttp": aiohttp,
    "autobahn": lambda: autobahn("asyncio"),
    "autobahn-twisted": lambda: autobahn("twisted"),
    "hypercorn": hypercorn,
    "tornado": lambda: tornado(waits=False),
    "tornado-coroutines": lambda: tornado(waits=True),
    "uvicorn-websockets-sansio": lambda: uvicorn("websockets-sansio"),
    "uvicorn-wsproto": lambda: uvicorn("wsproto"),
    "websockets": websockets,
    "websockets-sync": websockets_sync,
}

if __name__ == "__main__":
    if LOOP == "uvloop":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    serving = HOSTS[sys.argv[1]]()
    if serving is not None:
        asyncio.run(serving)
