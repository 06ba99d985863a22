"""The end of the stream without a closing handshake: what the exception says of it."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct

import pytest
from raw_peer import open_raw
from rawclient import SOON, local, uri_of

from wsframe.asyncio import ConnectionClosedError, ConnectionClosedOK, connect

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends an RST


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "end"])
async def test_exceptions_have_the_end_of_the_stream_as_their_cause(reset):
    ended, causes = asyncio.Event(), []

    async def handler(ws):
        for call in (ws.recv, ws.recv, lambda: ws.send("x"), ws.ping):
            with pytest.raises(ConnectionClosedError) as closed:
                await call()
            causes.append(closed.value.__cause__)
        ended.set()

    async with local(handler) as server:
        _, writer = await open_raw(server)
        if reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        else:
            writer.close()
        await asyncio.wait_for(ended.wait(), SOON)
    assert {type(cause) for cause in causes} == {ConnectionResetError if reset else EOFError}
    if not reset:
        assert str(causes[0]) == "unexpected end of stream"


async def test_closing_handshake_leaves_no_cause():
    async def handler(ws):
        await ws.close()

    async with local(handler) as server, connect(uri_of(server)) as ws:
        with pytest.raises(ConnectionClosedOK) as closed:
            await ws.recv()
        assert closed.value.__cause__ is None


@pytest.mark.parametrize("abort", [False, True], ids=["close", "abort"])
async def test_end_of_a_tls_connection_raises_nothing_in_the_background(contexts, abort):
    problems = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    async with local(ssl=contexts[0]) as server:
        uri = uri_of(server, "wss").replace("127.0.0.1", "localhost")
        async with connect(uri, ssl=contexts[1]) as ws:
            await ws.send("x")
            assert await ws.recv() == "x"
            if abort:
                ws.transport.abort()
    await asyncio.sleep(0)
    gc.collect()
    assert problems == []
