"""The public attributes of connections and servers are in the reference; the engine is private."""

from __future__ import annotations

import asyncio
import inspect
import re
import threading
from typing import Any

import pytest

import wsframe.asyncio
import wsframe.sync
from wsframe import Role
from wsframe.connection import SansIOConnection

# What asyncio calls on a protocol.
CALLBACKS = {
    *("buffer_updated", "connection_lost", "connection_made", "eof_received", "get_buffer"),
    *("pause_writing", "resume_writing"),
}
EVERYWHERE = {
    *("close", "close_code", "close_reason", "id", "latency", "local_address", "logger", "ping", "pong"),
    *("protocol", "recv", "recv_streaming", "remote_address", "request", "response", "send", "state"),
    "subprotocol",
}
OF_ASYNCIO = EVERYWHERE | {
    *("close_nowait", "congested", "drain", "flush", "send_nowait", "transport", "wait_closed"),
}
OF_THREADS = EVERYWHERE | {"close_socket", "close_timeout", "socket", "wait_closed"}
OF_SERVERS = {"host", "respond", "scheme", "server"}


def public(thing: object) -> set[str]:
    """Name the attributes of an object, also those that its constructor sets."""
    return {name for name in dir(thing) if not name.startswith("_")} - CALLBACKS


def listed(cls: type) -> set[str]:
    """Read the names below "Attributes:" and "Args:" in the docstrings of a class and its bases."""
    docs = [inspect.cleandoc(base.__doc__) for base in cls.__mro__ if base.__doc__]
    lines = re.findall(r"^    ([\w, ]+):", "\n".join(docs), re.MULTILINE)
    return {name for line in lines for name in line.split(", ")}


def undocumented(thing: object) -> set[str]:
    """Name the public attributes that no page of the reference has."""
    cls = type(thing)
    missing = set()
    for name in public(thing) - listed(cls):
        value = inspect.getattr_static(cls, name, None)
        if not (inspect.isroutine(value) or isinstance(value, property)) or not inspect.getdoc(
            getattr(cls, name)
        ):
            missing.add(name)
    return missing


def on_asyncio() -> dict[str, Any]:
    """Return a server, a client and what they have opened."""
    found: dict[str, Any] = {}

    async def handler(ws: wsframe.asyncio.ServerConnection) -> None:
        found["asyncio.ServerConnection"] = ws
        await ws.recv()

    async def main() -> None:
        async with wsframe.asyncio.serve(handler, "127.0.0.1", 0) as server:
            uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            connecting = wsframe.asyncio.connect(uri, proxy=None)
            async with connecting as ws:
                await ws.send("")
                await ws.wait_closed()
        found.update(
            {"asyncio.Server": server, "asyncio.connect": connecting, "asyncio.ClientConnection": ws}
        )

    asyncio.run(main())
    return found


def on_threads() -> dict[str, Any]:
    """Return the same for threads."""
    found: dict[str, Any] = {}

    def handler(ws: wsframe.sync.ServerConnection) -> None:
        found["sync.ServerConnection"] = ws
        ws.recv()

    with wsframe.sync.serve(handler, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with wsframe.sync.connect(f"ws://127.0.0.1:{server.socket.getsockname()[1]}", proxy=None) as ws:
            ws.send("")
            list(ws)
    thread.join()
    return {**found, "sync.Server": server, "sync.ClientConnection": ws}


@pytest.fixture(scope="module")
def things() -> dict[str, Any]:
    pytest.importorskip("httptools")
    return {**on_asyncio(), **on_threads(), "connection.SansIOConnection": SansIOConnection(Role.CLIENT)}


KINDS = (
    *("asyncio.ServerConnection", "asyncio.ClientConnection", "asyncio.Server", "asyncio.connect"),
    *("sync.ServerConnection", "sync.ClientConnection", "sync.Server"),
    "connection.SansIOConnection",
)


@pytest.mark.parametrize("kind", KINDS)
def test_public_attributes_are_those_of_the_reference(kind: str, things: dict[str, Any]) -> None:
    """The page has each method and property with a docstring, and the attributes that a class lists."""
    missing = undocumented(things[kind])
    if kind in ("asyncio.Server", "asyncio.connect"):  # their docstrings say so: the options
        options = wsframe.asyncio.serve if kind == "asyncio.Server" else wsframe.asyncio.connect
        missing -= inspect.signature(options).parameters.keys()
    assert missing == set()


def test_the_engine_is_private(things: dict[str, Any]) -> None:
    """A new public name is a decision: it is to be documented, and to be kept."""
    assert public(things["asyncio.ClientConnection"]) == OF_ASYNCIO
    assert public(things["asyncio.ServerConnection"]) == OF_ASYNCIO | OF_SERVERS
    assert public(things["sync.ClientConnection"]) == OF_THREADS
    assert public(things["sync.ServerConnection"]) == OF_THREADS | OF_SERVERS


def test_the_class_for_uvicorn_adds_only_what_uvicorn_and_applications_use() -> None:
    pytest.importorskip("uvicorn")
    from wsframe.uvicorn import WebSocketProtocol

    assert public(WebSocketProtocol) - OF_ASYNCIO == {
        *("asgi_receive", "asgi_send"),
        *("app_state", "client", "close_timeout", "close_timer", "config", "data_received", "ping_sent_at"),
        *("last_ping_rtt", "ping_timer", "scope", "server", "server_state", "shutdown"),
    }
