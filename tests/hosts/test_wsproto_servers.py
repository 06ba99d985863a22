"""Servers and clients on top of an accelerated wsproto, against real peers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from socket import AF_INET, SOCK_STREAM, socket
from typing import Any

import pytest
from support.two_wsprotos import accelerated
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

pytestmark = pytest.mark.usefixtures("library")
LIMIT = 2**21


@pytest.fixture(scope="module")
def library() -> Iterator[Any]:
    with accelerated() as library:
        yield library


async def echo(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": (await receive())["type"] + ".complete"})
        return
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") == "close":
            await send({"type": "websocket.close", "code": 4001, "reason": "as you wish"})
            return
        kind = "bytes" if message.get("text") is None else "text"
        await send({"type": "websocket.send", kind: message[kind]})


def listen() -> socket:
    one = socket(AF_INET, SOCK_STREAM)
    one.bind(("127.0.0.1", 0))
    return one


@asynccontextmanager
async def uvicorn_server(deflate: bool) -> AsyncIterator[str]:
    import uvicorn

    config = uvicorn.Config(
        echo,
        ws="wsproto",
        loop="none",
        log_config=None,
        ws_max_size=LIMIT,
        ws_per_message_deflate=deflate,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    with closing(listen()) as listener:
        task = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield "ws://{}:{}".format(*listener.getsockname())
        server.should_exit = True
        await task


@asynccontextmanager
async def hypercorn_server(deflate: bool) -> AsyncIterator[str]:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    assert deflate, "it has no switch for that"
    config = Config()
    with closing(listen()) as listener:
        config.bind = [f"fd://{listener.fileno()}"]
        config.websocket_max_message_size = LIMIT
        config.errorlog = None
        end = asyncio.Event()
        task = asyncio.create_task(serve(echo, config, shutdown_trigger=end.wait, mode="asgi"))  # type: ignore[arg-type]
        host, port = listener.getsockname()
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
        writer.close()
        await writer.wait_closed()
        yield f"ws://{host}:{port}"
        end.set()
        await task
        listener.detach()


SERVERS: dict[str, Callable[[bool], Any]] = {"uvicorn": uvicorn_server, "hypercorn": hypercorn_server}
CASES = [(server, compression) for server in SERVERS for compression in ("deflate", None)]


@pytest.mark.parametrize(("server", "compression"), CASES)
def test_messages_of_all_sizes_are_echoed(server: str, compression: str | None) -> None:
    async def converse() -> None:
        deflate = server == "hypercorn" or compression is not None
        async with (
            SERVERS[server](deflate) as uri,
            connect(uri, compression=compression, max_size=LIMIT) as ws,
        ):
            assert bool(ws.protocol.extensions) is (compression is not None)
            for size in (0, 1, 125, 126, 65535, 65536, 2**20):
                for message in ("x" * size, "é日😀"[: size and 3] * (size // 9), b"\0\xff" * (size // 2)):
                    await ws.send(message)
                    assert await ws.recv() == message
            for i in range(500):
                await ws.send(f"message {i}")
            assert [await ws.recv() for _ in range(500)] == [f"message {i}" for i in range(500)]

    asyncio.run(converse())


@pytest.mark.parametrize(("server", "compression"), CASES)
def test_fragments_pings_and_closes_are_handled(server: str, compression: str | None) -> None:
    async def converse() -> None:
        deflate = server == "hypercorn" or compression is not None
        async with SERVERS[server](deflate) as uri:
            async with connect(uri, compression=compression, subprotocols=["b"]) as ws:  # type: ignore[list-item]
                assert ws.subprotocol == "b"
                pong = await ws.ping(b"how are you")
                await ws.send(["frag", "", "mé", "nts"])
                await asyncio.wait_for(pong, 10)
                assert await ws.recv() == "fragménts"
                await ws.send([b"by", b"tes"])
                assert await ws.recv() == b"bytes"
                await ws.close(1000, "bye")
                assert (ws.close_code, ws.close_reason) == (1000, "bye")
            async with connect(uri, compression=compression) as ws:
                await ws.send("close")
                with pytest.raises(ConnectionClosedError) as closed:
                    await ws.recv()
                assert closed.value.rcvd is not None
                assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you wish")

    asyncio.run(converse())


@pytest.mark.parametrize(("server", "compression"), CASES)
def test_message_over_the_limit_closes_only_its_connection(server: str, compression: str | None) -> None:
    """A message over the limit is refused with 1009; the connection of somebody else goes on."""

    async def converse() -> None:
        deflate = server == "hypercorn" or compression is not None
        async with SERVERS[server](deflate) as uri, connect(uri, compression=compression) as other:
            async with connect(uri, compression=compression) as ws:
                await ws.send("x" * (LIMIT + 1))
                with pytest.raises(ConnectionClosedError) as closed:
                    await ws.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1009
            await other.send("still here")
            assert await other.recv() == "still here"

    asyncio.run(converse())


def test_simple_websocket_exchanges_messages() -> None:
    simple_websocket = pytest.importorskip("simple_websocket")
    listener = listen()
    listener.listen()

    def serve() -> None:
        accepted, _ = listener.accept()
        request = accepted.recv(4096, 2)  # MSG_PEEK
        assert request.endswith(b"\r\n\r\n")
        lines = request.decode().split("\r\n")[1:]
        accepted.recv(len(request))
        environ = {
            "HTTP_" + name.upper().replace("-", "_"): value
            for name, _, value in (line.partition(": ") for line in lines if line)
        }
        ws = simple_websocket.Server({**environ, "werkzeug.socket": accepted})
        try:
            while True:
                ws.send(ws.receive())
        except simple_websocket.ConnectionClosed:
            accepted.close()

    thread = threading.Thread(target=serve)
    thread.start()
    with closing(listener):
        uri = "ws://{}:{}/".format(*listener.getsockname())
        client = simple_websocket.Client.connect(uri)
        for message in ("hello", "é日😀" * 99, b"x" * 70000, ""):
            client.send(message)
            assert client.receive(timeout=10) == message
        client.close(1000, "bye")
        thread.join(10)
        assert not thread.is_alive()


def test_trio_websocket_exchanges_messages() -> None:
    trio = pytest.importorskip("trio")
    trio_websocket = pytest.importorskip("trio_websocket")

    async def echo_request(request: Any) -> None:
        ws = await request.accept()
        try:
            while True:
                await ws.send_message(await ws.get_message())
        except trio_websocket.ConnectionClosed:
            pass

    async def converse() -> None:
        async with trio.open_nursery() as nursery:
            server = await nursery.start(trio_websocket.serve_websocket, echo_request, "127.0.0.1", 0, None)
            port = server.listeners[0].port
            async with trio_websocket.open_websocket("127.0.0.1", port, "/", use_ssl=False) as ws:
                for message in ("hello", "é日😀" * 99, b"x" * 70000, ""):
                    await ws.send_message(message)
                    assert await ws.get_message() == message
                await ws.ping(b"how are you")
            nursery.cancel_scope.cancel()

    trio.run(converse)


def test_wsproto_client_exchanges_messages_with_a_websockets_server() -> None:
    """The client side: frames that leave masked, and compressed ones."""
    from websockets.sync.server import serve
    from wsproto import ConnectionType, WSConnection
    from wsproto.events import AcceptConnection, CloseConnection, Message, Request, TextMessage
    from wsproto.extensions import PerMessageDeflate

    def repeat(ws: Any) -> None:
        for message in ws:
            ws.send(message)

    with serve(repeat, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for extensions in ([], [PerMessageDeflate()]):
            with socket(AF_INET, SOCK_STREAM) as sock:
                sock.settimeout(10)
                sock.connect(server.socket.getsockname())
                ws = WSConnection(ConnectionType.CLIENT)
                sock.sendall(ws.send(Request(host="localhost", target="/", extensions=extensions)))

                def received_events() -> Iterator[Any]:
                    while True:
                        ws.receive_data(sock.recv(65536))  # noqa: B023
                        yield from ws.events()  # noqa: B023

                events = received_events()
                accepted = next(events)
                assert isinstance(accepted, AcceptConnection)
                assert len(accepted.extensions) == len(extensions)
                for text in ("hello", "é日😀" * 99, "x" * 70000, ""):
                    sock.sendall(ws.send(TextMessage(text)))
                    received = ""
                    while True:
                        event = next(events)
                        assert isinstance(event, Message)
                        received += event.data
                        if event.message_finished:
                            break
                    assert received == text
                sock.sendall(ws.send(CloseConnection(1000)))
                assert isinstance(next(events), CloseConnection)
        server.shutdown()
        thread.join(10)
