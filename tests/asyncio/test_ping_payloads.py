"""Pings and Pongs accept what messages accept: str, and any contiguous buffer."""

from __future__ import annotations

import array
import asyncio
import gc

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
async def test_ping_and_pong_accept_str_and_any_buffer(payload):
    async with local() as server, connect(uri_of(server)) as ws:
        assert await (await ws.ping(payload)) > 0
        await ws.pong(payload)
        await ws.send("open")
        assert await ws.recv() == "open"


async def test_ping_payload_is_copied():
    payload = bytearray(b"before")
    async with local() as server, connect(uri_of(server)) as ws:
        pong_waiter = await ws.ping(payload)
        payload[:] = b"after!"
        assert await pong_waiter > 0


@pytest.mark.parametrize("wrong", [5, ["a"], 1.5, {}])
async def test_ping_payload_of_a_wrong_type_raises_type_error(wrong):
    async with local() as server, connect(uri_of(server)) as ws:
        with pytest.raises(TypeError):
            await ws.ping(wrong)
        with pytest.raises(TypeError):
            await ws.pong(wrong)
        await ws.send("open")
        assert await ws.recv() == "open"


@pytest.mark.parametrize("end", ["closed", "lost"])
async def test_unawaited_pong_waiter_logs_nothing_when_the_connection_ends(end):
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))

    async def handler(ws):
        await ws.wait_closed()

    async with serve(handler, "127.0.0.1", 0) as server:
        ws = await connect(uri_of(server))
        (served,) = server._all_connections
        served.transport.pause_reading()
        await ws.ping()
        if end == "lost":
            ws.transport.abort()
            await ws.wait_closed()
        else:
            closing = asyncio.create_task(ws.close())
            await asyncio.sleep(0)
            served.transport.abort()
            await closing
        served.transport.abort()
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("wrong", [memoryview(b"abcdef")[::2], memoryview(bytes(2000))[::2]], ids=len)
async def test_non_contiguous_buffer_raises_buffer_error(compression, wrong):
    async with (
        serve(echo, "127.0.0.1", 0) as server,
        connect(uri_of(server), compression=compression) as ws,
    ):
        for operation in (ws.send, ws.ping, ws.pong):
            with pytest.raises(BufferError, match="must be a contiguous one-dimensional buffer"):
                await operation(wrong)
        await ws.send("open")
        assert await ws.recv() == "open"
