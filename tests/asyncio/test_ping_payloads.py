"""Pings and Pongs take what a message takes: str, and any contiguous buffer."""

from __future__ import annotations

import array

import pytest

from wsframe.asyncio import connect, serve

PAYLOADS = [
    "text",
    b"bytes",
    bytearray(b"bytearray"),
    pytest.param(memoryview(b"view"), id="memoryview"),
    pytest.param(memoryview(bytearray(b"writable")), id="memoryview of a bytearray"),
    array.array("H", [1, 2]),
    b"",
    "",
]


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def local():
    return serve(echo, "127.0.0.1", 0)


def uri_of(server):
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("payload", PAYLOADS, ids=repr)
async def test_a_ping_takes_it(payload):
    async with local() as server, connect(uri_of(server)) as ws:
        assert await (await ws.ping(payload)) > 0
        await ws.pong(payload)
        await ws.send("open")
        assert await ws.recv() == "open"


async def test_a_ping_keeps_what_it_was_given():
    payload = bytearray(b"before")
    async with local() as server, connect(uri_of(server)) as ws:
        answered = await ws.ping(payload)
        payload[:] = b"after!"
        assert await answered > 0


@pytest.mark.parametrize("wrong", [5, ["a"], 1.5, {}])
async def test_a_ping_takes_nothing_else(wrong):
    async with local() as server, connect(uri_of(server)) as ws:
        with pytest.raises(TypeError):
            await ws.ping(wrong)
        with pytest.raises(TypeError):
            await ws.pong(wrong)
        await ws.send("open")
        assert await ws.recv() == "open"
