"""Time-outs: what they end, and that a cancelled task ends."""

from __future__ import annotations

import asyncio

import pytest
from both_ends import address, local

from wsframe.asyncio import connect
from wsframe.asyncio._timeouts import timeout
from wsframe.asyncio.client import ClientConnection
from wsframe.connection import State


async def test_expired_time_is_a_timeout_error():
    limit = timeout(0)
    with pytest.raises(TimeoutError):
        async with limit:
            await asyncio.Event().wait()
    assert limit.expired()


async def test_no_limit_and_a_limit_that_is_kept_leave_the_block_alone():
    for seconds in (None, 60):
        limit = timeout(seconds)
        async with limit:
            await asyncio.sleep(0)
        assert not limit.expired()


async def test_errors_in_the_block_are_raised():
    limit = timeout(60)
    with pytest.raises(TimeoutError, match="of the system"):
        async with limit:
            raise TimeoutError("of the system")
    assert not limit.expired()


async def test_a_cancelled_block_is_cancelled():
    async def wait():
        async with timeout(60):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def echo(ws):
    async for message in ws:
        await ws.send(message)


# Before CPython 3.12 asyncio.wait_for returned what it waited for, and lost the cancellation.
@pytest.mark.parametrize("iterations", range(6))
async def test_a_client_that_is_cancelled_as_it_connects_ends(iterations):
    connections = []

    def create_connection(*args):
        connections.append(ClientConnection(*args))
        return connections[-1]

    async def client(uri):
        async with connect(uri, create_connection=create_connection):
            await asyncio.Event().wait()

    async with local(echo) as server:
        task = asyncio.ensure_future(client(address(server)))
        while not connections or connections[0].state is not State.OPEN:
            await asyncio.sleep(0)
        for _ in range(iterations):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=10)
        assert task.cancelled()
        await connections[0].wait_closed()
