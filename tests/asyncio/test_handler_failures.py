"""What a handler raises: ConnectionClosed of its connection is no failure; all else is a logged 1011."""

from __future__ import annotations

import asyncio
import builtins

import pytest
from rawclient import SOON, gone, local, uri_of

from wsframe.asyncio import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, connect


async def outcome(server, **closing):
    """Connect, perhaps close, and return the close code that the client sees."""
    ws = await connect(uri_of(server))
    if closing:
        await ws.close(**closing)
    await asyncio.wait_for(ws.wait_closed(), SOON)
    await asyncio.wait_for(gone(server), SOON)
    return ws.close_code


@pytest.mark.parametrize("code", [1000, 1001, 4000])
async def test_connection_closed_in_recv_is_not_a_handler_failure(code, caplog):
    async def handler(ws):
        await ws.recv()

    async with local(handler) as server:
        assert await outcome(server, code=code) == code
    assert "failed" not in caplog.text


async def test_connection_closed_in_send_is_not_a_handler_failure(caplog):
    async def handler(ws):
        await ws.wait_closed()
        await ws.send("x")

    async with local(handler) as server:
        assert await outcome(server, code=1000) == 1000
    assert "failed" not in caplog.text


async def test_connection_closed_in_a_task_group_is_not_a_failure(caplog):
    if not hasattr(builtins, "ExceptionGroup"):
        pytest.skip("no task groups before Python 3.11")

    async def handler(ws):
        async with asyncio.TaskGroup() as group:
            group.create_task(ws.recv())
            group.create_task(ws.wait_closed())

    async with local(handler) as server:
        assert await outcome(server, code=1000) == 1000
    assert "failed" not in caplog.text


@pytest.mark.parametrize("how", ["received", "lost", "sent", "ok"])
async def test_connection_closed_of_another_connection_is_a_failure(how, caplog):
    async def upstream(ws):
        if how == "lost":
            ws.transport.abort()
        elif how == "received":
            await ws.close(4000, "upstream")
        elif how == "ok":
            await ws.close()
        else:
            await ws.wait_closed()

    async with local(upstream) as behind:

        async def proxy(ws):
            other = await connect(uri_of(behind))
            if how == "sent":
                await other.close(4001)
                await other.send("x")
            await other.recv()

        async with local(proxy) as server:
            assert await outcome(server) == 1011
    assert "connection handler failed" in caplog.text
    assert "ConnectionClosed" in caplog.text


async def test_connection_closed_of_another_in_a_task_group_is_a_failure(caplog):
    if not hasattr(builtins, "ExceptionGroup"):
        pytest.skip("no task groups before Python 3.11")

    async def upstream(ws):
        ws.transport.abort()

    async with local(upstream) as behind:

        async def proxy(ws):
            async with asyncio.TaskGroup() as group:
                other = await connect(uri_of(behind))
                group.create_task(other.recv())
                group.create_task(ws.wait_closed())

        async with local(proxy) as server:
            assert await outcome(server) == 1011
    assert "connection handler failed" in caplog.text


@pytest.mark.parametrize("kind", [ConnectionClosed, ConnectionClosedOK, ConnectionClosedError])
async def test_connection_closed_raised_by_the_handler_itself_is_a_failure(kind, caplog):
    async def handler(ws):
        raise kind

    async with local(handler) as server:
        assert await outcome(server) == 1011
    assert "connection handler failed" in caplog.text


async def test_a_cancelled_task_of_the_handler_is_a_failure(caplog):
    async def handler(ws):
        task = asyncio.ensure_future(asyncio.sleep(1000))
        asyncio.get_running_loop().call_soon(task.cancel)
        await task

    async with local(handler) as server:
        code = await outcome(server)
    if not hasattr(asyncio.Task, "cancelling"):
        assert code == 1001  # taken for one of the handler
        return
    assert code == 1011
    assert "connection handler failed" in caplog.text


async def test_a_cancelled_handler_closes_with_1001(caplog):
    tasks = []

    async def handler(ws):
        tasks.append(asyncio.current_task())
        await ws.wait_closed()

    async with local(handler) as server:
        ws = await connect(uri_of(server))
        while not tasks:
            await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait_for(ws.wait_closed(), SOON)
        assert ws.close_code == 1001
    assert "failed" not in caplog.text


class CustomBaseException(BaseException):
    """Neither an Exception nor one that ends a loop."""


@pytest.mark.parametrize("failure", [ValueError, CustomBaseException, GeneratorExit])
async def test_any_exception_of_a_handler_closes_with_1011(failure, caplog):
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)

    async def handler(ws):
        raise failure("boom")

    async with local(handler) as server:
        assert await outcome(server) == 1011
    assert "connection handler failed" in caplog.text


@pytest.mark.parametrize("handler", [lambda ws: None, lambda ws: 5, lambda: None, print])
async def test_handler_that_is_not_a_coroutine_function_closes_with_1011(handler, caplog):
    async with local(handler) as server:
        assert await outcome(server) == 1011
    assert "TypeError" in caplog.text
