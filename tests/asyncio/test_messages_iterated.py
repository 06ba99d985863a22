"""`async for` over a connection, and its single steps."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from wsframe.asyncio import ConcurrencyError, ConnectionClosedError, connect, serve


@asynccontextmanager
async def opened(handler):
    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}") as ws:
            yield ws


def sending(*messages, code=1000):
    async def handler(ws):
        for message in messages:
            await ws.send(message)
        await ws.close(code)

    return handler


async def test_it_ends_with_the_connection_and_stays_ended():
    async with opened(sending("one", b"two", "", "four")) as ws:
        messages = aiter(ws)
        assert [message async for message in messages] == ["one", b"two", "", "four"]
        with pytest.raises(StopAsyncIteration):
            await anext(messages)
        assert [message async for message in ws] == []


async def test_an_error_is_raised_once():
    async with opened(sending("one", code=1011)) as ws:
        messages = aiter(ws)
        assert await anext(messages) == "one"
        with pytest.raises(ConnectionClosedError):
            await anext(messages)
        with pytest.raises(StopAsyncIteration):
            await anext(messages)


async def test_a_cancelled_step_loses_no_message():
    go = asyncio.Event()

    async def handler(ws):
        await go.wait()
        await ws.send("late")

    async with opened(handler) as ws:
        messages = aiter(ws)
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):
            await asyncio.wait_for(anext(messages), 0.01)
        with pytest.raises(StopAsyncIteration):
            await anext(messages)
        go.set()
        assert [message async for message in ws] == ["late"]


async def test_two_tasks_cannot_iterate_at_once():
    go = asyncio.Event()

    async def handler(ws):
        await go.wait()
        await ws.send("only")

    async with opened(handler) as ws:

        async def first():
            return await anext(aiter(ws))

        waiting = asyncio.ensure_future(first())
        await asyncio.sleep(0)
        with pytest.raises(ConcurrencyError):
            await anext(aiter(ws))
        with pytest.raises(ConcurrencyError):
            await ws.recv()
        go.set()
        assert await waiting == "only"


async def test_a_step_is_used_once():
    async with opened(sending("one", "two")) as ws:
        step = aiter(ws).__anext__()
        assert await step == "one"
        with pytest.raises(RuntimeError):
            await step


async def test_iterator_of_messages_can_be_closed():
    async with opened(sending("one", "two")) as ws:
        messages = aiter(ws)
        assert await anext(messages) == "one"
        await messages.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(messages)
        assert await ws.recv() == "two"


async def test_it_calls_an_overridden_recv():
    async with opened(sending("one", "two")) as ws:
        recv = ws.recv

        async def upper():
            return (await recv()).upper()

        ws.recv = upper
        assert [message async for message in ws] == ["ONE", "TWO"]


async def test_many_messages_in_one_read():
    async with opened(sending(*map(str, range(1000)))) as ws:
        assert [message async for message in ws] == list(map(str, range(1000)))
