"""Who takes the transport of a connection, or its socket, finds every earlier message written."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from socket import SHUT_WR
from typing import Any

import pytest
from support import loops
from support.frames import KEY, TEXT, frame
from support.opening import request
from support.unhurried import unhurried

from wsframe import accelerate

HOSTS = "aiohttp", "autobahn", "websockets"
MESSAGES = [str(number) for number in range(5)]
SENT = b"".join(frame(TEXT, message.encode()) for message in MESSAGES)
PAST = frame(TEXT, b"past the library")


def shut_down(transport: Any) -> None:
    transport.get_extra_info("socket").shutdown(SHUT_WR)


USES: dict[str, Callable[[Any], object]] = {
    "write": lambda transport: transport.write(PAST),
    "writelines": lambda transport: transport.writelines([PAST]),
    "write_eof": lambda transport: transport.write_eof(),
    "close": lambda transport: transport.close(),
    "abort": lambda transport: transport.abort(),
    "shutdown": shut_down,
}
WRITES = {"write", "writelines"}


class Case:
    """What a server does for its client.

    Args:
        use: of the transport, after the messages.
        early: take the transport before the messages.
    """

    def __init__(self, use: Callable[[Any], object], early: bool) -> None:
        self.use, self.early = use, early

    async def run(self, send: Callable[[str], Any], transport: Callable[[], Any]) -> None:
        taken = transport() if self.early else None
        for message in MESSAGES:
            await send(message)
        self.use(taken or transport())


@contextlib.asynccontextmanager
async def websockets(case: Case, context: Any) -> AsyncIterator[int]:
    from websockets.asyncio.server import serve

    async def handler(ws: Any) -> None:
        await ws.recv()
        await case.run(ws.send, lambda: ws.transport)
        await ws.wait_closed()

    async with serve(handler, "127.0.0.1", 0, ssl=context, compression=None, close_timeout=0.2) as server:
        yield server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def subclass(case: Case, context: Any) -> AsyncIterator[int]:
    """websockets: a class that keeps the transport that it was given."""
    from websockets.asyncio.server import ServerConnection, serve

    class Keeping(ServerConnection):
        def connection_made(self, transport: Any) -> None:
            self.kept = transport
            super().connection_made(transport)

    async def handler(ws: Any) -> None:
        await ws.recv()
        await case.run(ws.send, lambda: ws.kept)
        await ws.wait_closed()

    options: Any = {"create_connection": Keeping, "compression": None, "close_timeout": 0.2}
    async with serve(handler, "127.0.0.1", 0, ssl=context, **options) as server:
        yield server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def legacy(case: Case, context: Any) -> AsyncIterator[int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from websockets.legacy.server import serve

        async def handler(ws: Any) -> None:
            await ws.recv()
            await case.run(ws.send, lambda: ws.transport)
            await ws.wait_closed()

        async with serve(handler, "127.0.0.1", 0, ssl=context, compression=None, close_timeout=0.2) as server:
            yield server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def aiohttp(case: Case, context: Any) -> AsyncIterator[int]:
    from aiohttp import web

    async def handler(request: web.Request) -> web.WebSocketResponse:
        taken = request.transport
        ws = web.WebSocketResponse(timeout=0.2)
        await ws.prepare(request)
        await ws.receive()
        await case.run(ws.send_str, lambda: taken if case.early else request.transport)
        return ws

    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@contextlib.asynccontextmanager
async def autobahn(case: Case, context: Any) -> AsyncIterator[int]:
    from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol

    class Server(WebSocketServerProtocol):  # type: ignore[misc]
        async def write(self, message: str) -> None:
            self.sendMessage(message.encode())

        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            coroutine = case.run(self.write, lambda: self.transport)
            with contextlib.suppress(StopIteration):
                coroutine.send(None)

    loop = asyncio.get_running_loop()
    factory = WebSocketServerFactory(loop=loop)
    factory.protocol = Server
    server = await loop.create_server(factory, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


@contextlib.asynccontextmanager
async def wsframe(case: Case, context: Any) -> AsyncIterator[int]:
    from wsframe.asyncio import serve

    async def handler(ws: Any) -> None:
        await ws.recv()
        ws._gap = 60
        await case.run(ws.send, lambda: ws.transport)
        await ws.wait_closed()

    options: Any = {"compression": None, "close_timeout": 0.2}
    async with serve(handler, "127.0.0.1", 0, ssl=context, **options) as server:
        yield server.sockets[0].getsockname()[1]


SERVERS = {
    "websockets": websockets,
    "websockets, subclass": subclass,
    "websockets.legacy": legacy,
    "aiohttp": aiohttp,
    "autobahn": autobahn,
    "wsframe": wsframe,
}
# Where a transport of uvloop that was taken before a message was sent is not noticed.
UNSEEN = "websockets.legacy", "aiohttp", "autobahn"


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make the contexts of a server and its clients."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    return server, client


@pytest.fixture(autouse=True)
def accelerated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    unhurried(monkeypatch)
    accelerate.install(*HOSTS)
    yield
    accelerate.uninstall(*HOSTS)


async def received(server: Any, case: Case, tls: Any, size: int) -> bytes:
    """Return what a client gets."""
    ours, theirs = tls or (None, None)
    async with server(case, ours) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=theirs)
        writer.write(request())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(frame(TEXT, b"go", key=KEY))
        got = b""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while len(got) < size and (piece := await reader.read(size - len(got))):
                got += piece
        writer.close()
    return got


def factory_of(name: str) -> Any:
    return asyncio.new_event_loop if name == "asyncio" else pytest.importorskip("uvloop").new_event_loop


@pytest.mark.parametrize("early", [True, False], ids=["early", "late"])
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("server", SERVERS)
def test_every_use_of_the_transport_finds_the_messages_written(
    server: str, loop: str, tls: bool, use: str, early: bool, contexts: Any
) -> None:
    pytest.importorskip(server.partition(",")[0].partition(".")[0], exc_type=ImportError)
    if tls and use == "write_eof":
        pytest.skip("TLS has no half-closed connections")
    if use == "shutdown" and (tls or loop == "uvloop"):
        pytest.skip("shuts down what the transport may not have written")
    if loop == "uvloop" and early and server in UNSEEN:
        pytest.skip("takes the transport unseen")
    case = Case(USES[use], early)
    expected = SENT + (PAST if use in WRITES else b"")
    size = len(expected)
    got = loops.run(
        lambda: received(SERVERS[server], case, contexts if tls else None, size), factory_of(loop), 20
    )
    assert got == expected
