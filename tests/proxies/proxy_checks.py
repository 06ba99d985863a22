"""What is checked of every proxy; each check returns what it has found, for the table in the docs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from reverse_proxies import IDLE_TIMEOUT, Rig

from wsframe.asyncio import ClientConnection, ConnectionClosed, InvalidHandshake, connect

TIME = 60.0  # seconds after which something hangs

# Where a client connects from that is not mistaken for the proxy; on Linux all of 127.0.0.0/8 is loopback.
CLIENT = ("127.0.0.2", 0)


def connected(rig: Rig, path: str = "/", scheme: str = "ws", **options: Any) -> connect:
    context = rig.trusting if scheme == "wss" else None
    options = {"compression": None, "ping_interval": None, "max_size": 2**25, **options}
    return connect(rig.uri(path, scheme), ssl=context, proxy=None, **options)


async def known(ws: ClientConnection) -> dict[str, str]:
    """Return what the server knows of the client."""
    found: dict[str, str] = json.loads(await ws.recv())
    return found


async def trip(ws: ClientConnection, message: str | bytes = "hello") -> None:
    await ws.send(message)
    assert await ws.recv() == message


async def reconnected(rig: Rig) -> None:
    """Wait until the proxy connects to the server."""
    while True:
        with suppress(OSError, InvalidHandshake, ConnectionClosed):
            async with connected(rig) as ws:
                await known(ws)
                await trip(ws)
                return
        await asyncio.sleep(0.05)


async def ws(rig: Rig) -> str:
    async with connected(rig) as ws:
        assert (await known(ws))["path"] == "/"
        await trip(ws)
    assert ws.close_code == 1000
    return "yes"


async def wss(rig: Rig) -> str:
    async with connected(rig, scheme="wss") as ws:
        assert (await known(ws))["scheme"] == "wss"
        await trip(ws)
    assert ws.close_code == 1000
    return "yes"


async def compression(rig: Rig) -> str:
    async with connected(rig, compression="deflate") as ws:
        assert "permessage-deflate" in (await known(ws))["extensions"]
        await trip(ws, "hello " * 1000)
    return "yes"


async def large(rig: Rig) -> str:
    message = os.urandom(2**20) * 16
    async with connected(rig, scheme="wss") as ws:
        await known(ws)
        await trip(ws, message)
    return "yes"


async def client(rig: Rig) -> str:
    """What a client says of itself has no effect."""
    spoofed = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil"}
    spoofed |= {"Forwarded": "for=6.6.6.6"}
    host = rig.uri().split("/")[2]
    for path in ("/", "/local/"):
        async with connected(rig, path, additional_headers=spoofed, local_addr=CLIENT) as ws:
            found = await known(ws)
        assert (found["client"], found["scheme"], found["host"]) == (CLIENT[0], "ws", host), found
    return "yes"


async def idle(rig: Rig) -> str:
    """Longer than the time-out of the proxy, with keep-alive."""
    async with connected(rig) as ws:
        await known(ws)
        await asyncio.sleep(2.5 * IDLE_TIMEOUT)
        await trip(ws)
    return "stays"


async def silent(rig: Rig) -> str:
    """Longer than the time-out of the proxy, without keep-alive."""
    async with connected(rig, "/local/") as ws:
        await known(ws)
        try:
            await asyncio.wait_for(ws.recv(), 3 * IDLE_TIMEOUT + 1)
        except ConnectionClosed:
            return str(ws.close_code)
        except (TimeoutError, asyncio.TimeoutError):
            await trip(ws)
            return "stays"
    raise AssertionError("a message from nowhere")


async def prefix(rig: Rig) -> str:
    async with connected(rig, "/chat/room?id=5") as ws:
        assert (await known(ws))["path"] == "/room?id=5"
        await trip(ws)
    return "yes"


async def unix(rig: Rig) -> str:
    async with connected(rig, "/local/") as ws:
        assert (await known(ws))["path"] == "/"
        await trip(ws)
    return "yes"


async def health(rig: Rig) -> str:
    for port in (rig.http, rig.backend.port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        response = await reader.read()
        writer.close()
        assert response.startswith(b"HTTP/1.1 200 ")
        assert b"well\n" in response
    return "yes"


async def reload(rig: Rig) -> str:
    async with connected(rig) as ws:
        await known(ws)
        rig.kind.reload(rig)
        await reconnected(rig)
        try:
            await trip(ws)
        except ConnectionClosed:
            return str(ws.close_code)
    return "stays"


async def _stopped(rig: Rig, how: signal.Signals) -> str:
    async with connected(rig) as ws:
        await known(ws)
        await asyncio.get_running_loop().run_in_executor(None, rig.backend.stop, how)  # it waits for us
        try:
            with suppress(ConnectionClosed):
                await ws.recv()
        finally:
            rig.backend.start()
    await reconnected(rig)
    return str(ws.close_code)


async def sigterm(rig: Rig) -> str:
    return await _stopped(rig, signal.SIGTERM)


async def sigkill(rig: Rig) -> str:
    return await _stopped(rig, signal.SIGKILL)


Check = Callable[[Rig], Awaitable[str]]

# By their titles in the table. The last ones end processes.
CHECKS: dict[str, Check] = {
    "ws": ws,
    "wss": wss,
    "compression": compression,
    "16 MiB": large,
    "client known": client,
    "idle, keep-alive": idle,
    "idle without": silent,
    "prefix": prefix,
    "Unix socket": unix,
    "health check": health,
    "proxy reload": reload,
    "server SIGTERM": sigterm,
    "server kill -9": sigkill,
}

# What is found where it is not "yes".
EXPECTED = {
    "idle, keep-alive": "stays",
    "idle without": "1006",
    "proxy reload": "stays",
    "server SIGTERM": "1012",
    "server kill -9": "1006",
}
DIFFERENT = {
    ("caddy", "idle without"): "stays",  # it has no such time-out
    ("caddy", "proxy reload"): "1001",
}


def expected(proxy: str, check: str) -> str:
    return DIFFERENT.get((proxy, check), EXPECTED.get(check, "yes"))


def run(check: str, rig: Rig) -> str:
    """Run a check; return what it has found."""
    return asyncio.run(asyncio.wait_for(CHECKS[check](rig), TIME))
