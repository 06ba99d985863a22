"""A peer that does not read is freed, and blocks neither its application nor the shutdown."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from socket import SO_ERROR, SOL_SOCKET
from typing import Any
from unittest.mock import ANY

import pytest
from serving import Raw, running
from test_handshake import gone
from test_protocol import close, frame, text
from uvicorn.protocols.utils import ClientDisconnected

from wsframe import Close, Opcode

PIECE = {"type": "websocket.send", "bytes": bytes(2**16)}


class Flood:
    """An application that sends more than a peer takes, and then does what it is told."""

    def __init__(self, then: Any = None) -> None:
        self.then = then
        self.full = threading.Event()  # the peer is behind
        self.raised: list[type] = []
        self.done = threading.Event()
        self.server: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        (connection,) = self.server.server_state.connections
        connection.close_timeout = 0.3
        try:
            while self.then is None or not connection.congested:
                if connection.congested:
                    self.full.set()
                await send(PIECE)
            self.full.set()
            await self.then(receive, send)
        except Exception as exc:
            self.raised.append(type(exc))
            raise
        finally:
            self.done.set()


async def closes(receive: Any, send: Any) -> None:
    await send({"type": "websocket.close"})


async def returns(receive: Any, send: Any) -> None:
    pass


async def raises(receive: Any, send: Any) -> None:
    raise RuntimeError("told to")


async def receives(receive: Any, send: Any) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass


def fill(client: Raw) -> None:
    """Send more than is read while nobody receives it."""
    client.socket.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            client.socket.send(text("x" * 1000) * 1000)


@pytest.mark.parametrize("sends", [False, True])
def test_keepalive_timeout_frees_connection_and_application(loop: str, sends: bool) -> None:
    app = Flood()
    options = {"loop": loop, "ws_ping_interval": 0.2, "ws_ping_timeout": 0.2}
    with running(app, **options) as (port, app.server), Raw(port, small=True) as client:
        assert app.full.wait(20)
        if sends:
            fill(client)
        assert app.done.wait(20)
        assert gone(app.server)
    assert app.raised == [ClientDisconnected]


@pytest.mark.parametrize("then", [closes, returns, raises])
def test_unread_connection_is_freed_when_the_application_ends(loop: str, then: Any) -> None:
    app = Flood(then)
    with running(app, loop=loop, ws_ping_interval=None) as (port, app.server), Raw(port, small=True):
        assert app.full.wait(20)
        assert gone(app.server)
        assert app.done.wait(20)


@pytest.mark.parametrize("then", [None, receives])
def test_closing_peer_that_never_reads_is_freed(loop: str, then: Any) -> None:
    app = Flood(then)
    options = {"loop": loop, "ws_ping_interval": None}
    with running(app, **options) as (port, app.server), Raw(port, small=True) as client:
        assert app.full.wait(20)
        client.send(close())
        assert app.done.wait(20)
        assert gone(app.server)
    assert app.raised == ([] if then else [ClientDisconnected])


def test_peer_that_never_reads_its_denial_is_freed(loop: str) -> None:
    done = threading.Event()

    async def deny(scope: Any, receive: Any, send: Any) -> None:
        (connection,) = server.server_state.connections
        connection.close_timeout = 0.3
        await receive()
        await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
        await send({"type": "websocket.http.response.body", "body": bytes(2**24)})
        done.set()

    with running(deny, loop=loop) as (port, server), Raw(port, small=True):
        assert done.wait(20)
        assert gone(server)


@pytest.mark.parametrize("then", [None, closes, receives])
@pytest.mark.parametrize("bound", [None, 1])
def test_shutdown_with_a_silent_peer_ends(
    loop: str, then: Any, bound: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsframe.uvicorn.SHUTDOWN_TIMEOUT", 1.0)
    app = Flood(then)
    with (
        running(app, loop=loop, ws_ping_interval=None, timeout_graceful_shutdown=bound) as (
            port,
            app.server,
        ),
        Raw(port, small=True),
    ):
        assert app.full.wait(20)
        app.server.should_exit = True
        assert app.done.wait(20)
        assert gone(app.server)


def test_abandoned_connection_leaves_nothing_in_the_kernel(loop: str) -> None:
    app = Flood()
    options = {"loop": loop, "ws_ping_interval": 0.2, "ws_ping_timeout": 0.2}
    with running(app, **options) as (port, app.server), Raw(port, small=True) as client:
        assert gone_from_the_system(client)
        assert app.done.wait(20)


def gone_from_the_system(client: Raw) -> bool:
    """Wait until the client gets a reset, instead of the rest of the data."""
    time.sleep(0.1)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            client.socket.send(b"")
            if client.socket.getsockopt(SOL_SOCKET, SO_ERROR):
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_close_code_of_a_violation_reaches_a_peer_that_is_still_sending(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receives(receive, send)

    with running(app, loop=loop, ws_max_size=2**16) as (port, _), Raw(port) as client:
        client.send(binary(2**17) + binary(3_000_000))
        assert client.receive(1) == [Close(1009, ANY)]


def binary(size: int) -> bytes:
    return frame(Opcode.BINARY, bytes(size))


def test_a_client_of_websockets_gets_1009_for_a_message_that_it_is_still_sending(loop: str) -> None:
    client = pytest.importorskip("websockets.asyncio.client")
    exceptions = pytest.importorskip("websockets.exceptions")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receives(receive, send)

    async def close_code(port: int) -> int:
        async with client.connect(f"ws://127.0.0.1:{port}", compression=None, proxy=None) as ws:
            with suppress(exceptions.ConnectionClosed):
                await ws.send(bytes(2**24 + 1))
                await ws.recv()
        return int(ws.close_code)

    with running(app, loop=loop) as (port, _):
        assert asyncio.run(close_code(port)) == 1009
