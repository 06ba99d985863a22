"""A server for the tests, and a client on raw sockets that sends a request and reads the response."""

from __future__ import annotations

import asyncio
from typing import Any

from wsframe.asyncio import Server, serve
from wsframe.handshake import new_key, open_request, parse_uri

SOON = 5  # seconds: long for a loaded machine, and shorter than the time-outs that must not matter


async def echo(ws: Any) -> None:
    async for message in ws:
        await ws.send(message)


def local(handler: Any = echo, **options: Any) -> serve:
    return serve(handler, "127.0.0.1", 0, **options)


def uri_of(server: Server, scheme: str = "ws") -> str:
    return f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def request_to(server: Server, **options: Any) -> bytes:
    return open_request(parse_uri(uri_of(server) + "/path"), new_key(), **options).serialize()


async def ask(server: Server, data: bytes | None = None, **options: Any) -> tuple[int, str]:
    """Send a request, read until the server ends the connection, and return the status and all of it."""
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), **options)
    try:
        writer.write(request_to(server) if data is None else data)
        response = await asyncio.wait_for(reader.read(), SOON)
    finally:
        writer.close()
    text = response.decode("latin-1")
    assert text.startswith("HTTP/1.1 "), text
    return int(text[9:12]), text


async def gone(server: Server) -> None:
    """Wait until the server has no connection and runs no task any more."""
    while server._all_connections or server._tasks:
        await asyncio.sleep(0.01)
