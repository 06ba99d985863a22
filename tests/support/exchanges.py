"""One conversation with each kind of server and client, in this process: the same messages, read by read.

The library runs in the calling thread, where calls can be counted; its peer is a thread with a plain socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
import sys
import threading
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from support import frames, loops
from support.compressed import TAIL, deflated
from support.frames import BINARY, KEY, TEXT, frame
from support.hypercorn_connections import connection
from support.opening import request, response

# One message a read, and then several. Text and bytes, short and longer than the short form of a header.
READS: list[list[str | bytes]] = [
    ["hello"],
    [b"bytes"],
    ["é" * 100],
    [b"x" * 200],
    ["one", b"two", "three" * 50, b"four" * 50, "five", b"six"],
]
MESSAGES = sum(map(len, READS))
TIMEOUT = 30  # seconds
FACTORY: Callable[[], Any] = asyncio.new_event_loop
# Calls more or less that depend on how the bytes arrive.
SLACK = 2


def frames_of(messages: list[str | bytes], key: bytes | None, deflater: Any = None) -> bytes:
    data = b""
    for one in messages:
        opcode, payload = (TEXT, one.encode()) if isinstance(one, str) else (BINARY, one)
        if deflater is not None:
            payload = deflated(deflater, payload)
        data += frame(opcode, payload, key=key, rsv=0 if deflater is None else 4)
    return data


class Peer(threading.Thread):
    """The other side: it sends each read, waits for the echo, and closes.

    Args:
        sock: connected.
        client: whether this side is the client.
        deflate: whether all messages are compressed.
    """

    def __init__(self, sock: socket.socket, *, client: bool, deflate: bool = False) -> None:
        super().__init__(daemon=True)
        self.deflate = deflate
        self.deflater = zlib.compressobj(wbits=-15) if deflate else None
        self.inflater = zlib.decompressobj(-15)
        self.socket = sock
        self.socket.settimeout(20)
        self.client = client
        self.got = b""
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            with self.socket:
                self.converse()
        except BaseException as exc:
            self.failed = exc

    def converse(self) -> None:
        if self.client:
            self.socket.sendall(request(self.deflate))
            self.take_head()
        else:
            self.socket.sendall(response(self.take_head(), self.deflate))
        key = KEY if self.client else None
        for messages in READS:
            self.socket.sendall(frames_of(messages, key, self.deflater))
            for message in messages:
                assert self.take() == message
        self.socket.sendall(frames.close(1000, key=key))
        if not self.client:  # a server ends the connection
            self.exactly(2)
            return
        with contextlib.suppress(OSError):
            while self.socket.recv(2**16):
                pass

    def take_head(self) -> bytes:
        while b"\r\n\r\n" not in self.got:
            self.more()
        head, _, self.got = self.got.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def more(self) -> None:
        data = self.socket.recv(2**16)
        if not data:
            raise EOFError
        self.got += data

    def exactly(self, count: int) -> bytes:
        while len(self.got) < count:
            self.more()
        taken, self.got = self.got[:count], self.got[count:]
        return taken

    def take(self) -> str | bytes:
        first, second = self.exactly(2)
        length = second & 127
        if length == 126:
            length = int.from_bytes(self.exactly(2), "big")
        key = self.exactly(4) if second & 128 else None
        data = self.exactly(length)
        data = frames.masked(data, key) if key else data
        if self.deflate:
            assert first & 0x40
            data = self.inflater.decompress(data + TAIL)
        return data.decode() if first & 15 == TEXT else data


@contextlib.contextmanager
def beside(sock: socket.socket, *, client: bool, deflate: bool = False) -> Iterator[threading.Thread]:
    """Have a peer exchange messages with what this block runs."""
    peer = Peer(sock, client=client, deflate=deflate)
    peer.start()
    yield peer
    peer.join(20)
    assert not peer.is_alive()
    if peer.failed:
        raise peer.failed


def on_loop(main: Callable[[], Any], factory: Callable[[], Any] | None = None) -> None:
    loops.run(main, factory or FACTORY, TIMEOUT)


def pair(*, client: bool, deflate: bool = False) -> tuple[socket.socket, Any]:
    """A socket for the library, connected to a peer that runs as long as the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = socket.create_connection(listener.getsockname())
        near, _ = listener.accept()
    return near, beside(far, client=client, deflate=deflate)


# Servers


def websockets(factory: Any = None, deflate: bool = False) -> None:
    from websockets.asyncio.server import serve

    async def main() -> None:
        over = asyncio.Event()

        async def echo(ws: Any) -> None:
            async for message in ws:
                await ws.send(message)
            over.set()

        async with serve(echo, "127.0.0.1", 0, compression="deflate" if deflate else None) as server:
            with beside(
                socket.create_connection(server.sockets[0].getsockname()), client=True, deflate=deflate
            ):
                await over.wait()

    on_loop(main, factory)


def websockets_client(factory: Any = None) -> None:
    from websockets.asyncio.client import connect

    async def main() -> None:
        near, peer = pair(client=False)
        with peer:
            async with connect("ws://localhost/", sock=near, compression=None) as ws:
                async for message in ws:
                    await ws.send(message)

    on_loop(main, factory)


def websockets_sync_client() -> None:
    from websockets.sync.client import connect

    near, peer = pair(client=False)
    with near, peer, connect("ws://localhost/", sock=near, compression=None) as ws:
        for message in ws:
            ws.send(message)


def websockets_legacy(factory: Any = None, deflate: bool = False) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated since 14.0
        from websockets.legacy.server import serve

    async def main() -> None:
        over = asyncio.Event()

        async def echo(ws: Any, *_: Any) -> None:
            async for message in ws:
                await ws.send(message)
            over.set()

        async with serve(echo, "127.0.0.1", 0, compression="deflate" if deflate else None) as server:
            with beside(
                socket.create_connection(server.sockets[0].getsockname()), client=True, deflate=deflate
            ):
                await over.wait()

    on_loop(main, factory)


def websockets_legacy_client(factory: Any = None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from websockets.legacy.client import connect

    async def main() -> None:
        near, peer = pair(client=False)
        with peer:
            async with connect("ws://localhost/", sock=near, compression=None) as ws:
                async for message in ws:
                    await ws.send(message)

    on_loop(main, factory)


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") is not None:
            await send({"type": "websocket.send", "text": message["text"]})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})


def uvicorn(module: str, name: str, factory: Any = None, deflate: bool = False) -> None:
    from importlib import import_module

    import uvicorn
    from uvicorn.server import ServerState

    kind = getattr(import_module(f"uvicorn.protocols.websockets.{module}"), name)

    async def main() -> None:
        over = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await asgi(scope, receive, send)
            over.set()

        options: Any = {"lifespan": "off", "log_config": None, "loop": "none", "ws_ping_interval": None}
        config = uvicorn.Config(app, ws=kind, ws_per_message_deflate=deflate, **options)
        config.load()
        state = ServerState()
        near, peer = pair(client=True, deflate=deflate)
        with peer:
            protocol = kind(config=config, server_state=state, app_state={})
            await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, near)
            await over.wait()
            await asyncio.gather(*state.tasks, return_exceptions=True)
            protocol.transport.close()
            await asyncio.sleep(0)

    on_loop(main, factory)


def hypercorn(factory: Any = None, deflate: bool = False) -> None:
    from hypercorn.config import Config

    async def main() -> None:
        config = Config()
        config.errorlog = None
        near, peer = pair(client=True, deflate=deflate)
        with peer:
            await connection(asgi, config, *await asyncio.open_connection(sock=near)).run()

    on_loop(main, factory)


def tornado(deflate: bool = False) -> None:
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
    from tornado.web import Application
    from tornado.websocket import WebSocketHandler

    async def main() -> None:
        over = asyncio.Event()

        class Handler(WebSocketHandler):  # type: ignore[misc]
            def get_compression_options(self) -> Any:
                return {} if deflate else None

            def on_message(self, message: Any) -> None:
                self.write_message(message, binary=isinstance(message, bytes))

            def on_close(self) -> None:
                over.set()

        server = HTTPServer(Application([("/", Handler)]))
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        with beside(socket.create_connection(sockets[0].getsockname()), client=True, deflate=deflate):
            await over.wait()
        server.stop()

    on_loop(main)


def tornado_client() -> None:
    from tornado.websocket import websocket_connect

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            connecting = asyncio.ensure_future(
                websocket_connect(f"ws://127.0.0.1:{listener.getsockname()[1]}/")
            )
            near = (await asyncio.get_running_loop().run_in_executor(None, listener.accept))[0]
        with beside(near, client=False):
            ws = await connecting
            while (message := await ws.read_message()) is not None:
                await ws.write_message(message, binary=isinstance(message, bytes))
            ws.close()

    on_loop(main)


def choose_no_framework() -> None:
    """Let autobahn run on asyncio or on Twisted, whatever it has run on in this process."""
    with contextlib.suppress(ImportError):
        import txaio

        txaio._explicit_framework = None


def autobahn(factory: Any = None, deflate: bool = False) -> None:
    import txaio

    choose_no_framework()
    txaio.use_asyncio()
    from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
    from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept

    def accept(offers: list[Any]) -> Any:
        return next(
            PerMessageDeflateOfferAccept(one) for one in offers if type(one) is PerMessageDeflateOffer
        )

    async def main() -> None:
        loop = asyncio.get_running_loop()
        over = asyncio.Event()

        class Echo(WebSocketServerProtocol):  # type: ignore[misc]
            def onMessage(self, payload: bytes, isBinary: bool) -> None:
                self.sendMessage(payload, isBinary)

            def onClose(self, wasClean: bool, code: int, reason: str) -> None:
                over.set()

        making = WebSocketServerFactory(loop=loop)
        making.protocol = Echo
        if deflate:
            making.setProtocolOptions(perMessageCompressionAccept=accept)
        server = await loop.create_server(making, "127.0.0.1", 0)
        with beside(socket.create_connection(server.sockets[0].getsockname()), client=True, deflate=deflate):
            await over.wait()
        server.close()

    on_loop(main, factory)


def aiohttp(factory: Any = None, deflate: bool = False) -> None:
    from aiohttp import WSMsgType, web

    async def main() -> None:
        over = asyncio.Event()

        async def handler(request: web.Request) -> web.WebSocketResponse:
            ws = web.WebSocketResponse(compress=deflate)
            await ws.prepare(request)
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    await ws.send_str(message.data)
                else:
                    await ws.send_bytes(message.data)
            over.set()
            return ws

        app = web.Application()
        app.router.add_get("/", handler)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        with beside(socket.create_connection(runner.addresses[0]), client=True, deflate=deflate) as peer:
            await over.wait()
            while peer.is_alive():  # before 3.9 the connection ends later than the handler
                await asyncio.sleep(0.001)
        await runner.cleanup()

    on_loop(main, factory)


def aiohttp_client(factory: Any = None) -> None:
    from aiohttp import ClientSession, WSMsgType

    async def main() -> None:
        async with ClientSession() as session:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
                connecting = asyncio.ensure_future(session.ws_connect(url))
                near = (await asyncio.get_running_loop().run_in_executor(None, listener.accept))[0]
            with beside(near, client=False):
                ws = await connecting
                async for message in ws:
                    if message.type is WSMsgType.TEXT:
                        await ws.send_str(message.data)
                    else:
                        await ws.send_bytes(message.data)
                await ws.close()

    on_loop(main, factory)


def websocket_client() -> None:
    import websocket

    near, peer = pair(client=False)
    with near, peer, contextlib.closing(websocket.create_connection("ws://localhost/", socket=near)) as ws:
        while got := ws.recv():
            ws.send(got) if isinstance(got, str) else ws.send_binary(got)


WSPROTO = partial(uvicorn, "wsproto_impl", "WSProtocol")
SANSIO = partial(uvicorn, "websockets_sansio_impl", "WebSocketsSansIOProtocol")

# Each kind, the hosts that are accelerated for it, and the library whose calls count.
KINDS: dict[str, tuple[Callable[[], None], tuple[str, ...]]] = {
    "aiohttp": (aiohttp, ("aiohttp",)),
    "aiohttp, compressed": (partial(aiohttp, deflate=True), ("aiohttp",)),
    "aiohttp, client": (aiohttp_client, ("aiohttp",)),
    "autobahn": (autobahn, ("autobahn",)),
    "autobahn, compressed": (partial(autobahn, deflate=True), ("autobahn",)),
    "hypercorn": (hypercorn, ("hypercorn", "wsproto")),
    "hypercorn, compressed": (partial(hypercorn, deflate=True), ("hypercorn", "wsproto")),
    "tornado": (tornado, ("tornado",)),
    "tornado, compressed": (partial(tornado, deflate=True), ("tornado",)),
    "tornado, client": (tornado_client, ("tornado",)),
    "uvicorn, websockets-sansio": (SANSIO, ("uvicorn", "websockets")),
    "uvicorn, websockets-sansio, compressed": (partial(SANSIO, deflate=True), ("uvicorn", "websockets")),
    "uvicorn, wsproto": (WSPROTO, ("uvicorn", "wsproto")),
    "websocket-client": (websocket_client, ("websocket_client",)),
    "websockets": (websockets, ("websockets",)),
    "websockets, compressed": (partial(websockets, deflate=True), ("websockets",)),
    "websockets, client": (websockets_client, ("websockets",)),
    "websockets.legacy": (websockets_legacy, ("websockets",)),
    "websockets.legacy, compressed": (partial(websockets_legacy, deflate=True), ("websockets",)),
    "websockets.legacy, client": (websockets_legacy_client, ("websockets",)),
    "websockets, client in a thread": (websockets_sync_client, ("websockets",)),
}


def is_local(code: Any) -> bool:
    """Tell whether a function is made anew for each call, as a generator expression is."""
    return code.co_name.startswith("<") or bool(code.co_flags & inspect.CO_NESTED)


def calls(run: Callable[[], None], packages: tuple[str, ...]) -> Counter[Any]:
    """Count the calls of functions of some packages in this thread, by their code."""
    counted: Counter[Any] = Counter()

    def profile(frame: Any, event: str, _: Any) -> None:
        if event == "call":
            module = frame.f_globals.get("__name__", "")
            if module.partition(".")[0] in packages:
                counted[frame.f_code] += 1

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return counted
