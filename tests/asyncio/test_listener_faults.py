"""A Listener whose methods raise: the connection is closed with 1011, and every waiter ends."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import pytest
from both_ends import address, local

from wsframe.asyncio import ConnectionClosed, Listener, connect

METHODS = ["on_open", "on_message", "on_pong", "on_drained"]


def failing(method):
    class Fault(Exception):
        pass

    def fail(self, *args):
        raise Fault(method)

    return type("Failing", (Listener,), {method: fail}), Fault


async def provoke(method, ws, server):
    """Have a method of the listener of a server called."""
    if method == "on_message":
        await ws.send("x")
    elif method == "on_pong":
        await ws.pong(b"x")
    elif method == "on_drained":
        (served,) = server._all_connections
        ws.transport.pause_reading()
        while not served.congested:
            served.send_nowait(b"x" * 2**18)
            await asyncio.sleep(0)
        ws.transport.resume_reading()


@pytest.mark.parametrize("method", METHODS)
async def test_a_method_that_raises_closes_with_1011_and_is_logged(method, caplog):
    listener, fault = failing(method)
    async with local(listener, compression=None) as server:
        ws = await connect(address(server), compression=None)
        await provoke(method, ws, server)
        with suppress(ConnectionClosed):
            while True:
                await asyncio.wait_for(ws.recv(), 20)
        assert ws.close_code == 1011
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None and record.exc_info[0] is fault


@pytest.mark.parametrize("method", METHODS)
async def test_a_client_listener_that_raises_closes_with_1011(method, caplog):
    listener, _ = failing(method)

    async def handler(ws):
        if method == "on_message":
            await ws.send("x")
        elif method == "on_pong":
            await ws.pong(b"x")
        await ws.wait_closed()

    if method == "on_drained":
        pytest.skip("the same code on both sides")
    async with local(handler) as server:
        ws = await connect(address(server), listener=listener)
        await asyncio.wait_for(ws.wait_closed(), 20)
        assert ws.protocol.sent.code == 1011
    assert "listener failed" in caplog.text


async def test_on_close_that_raises_is_logged_and_blocks_nothing(caplog):
    listener, fault = failing("on_close")
    server = await local(listener)
    ws = await connect(address(server))
    (served,) = server._all_connections
    waits = [asyncio.create_task(wait) for wait in (served.wait_closed(), served.close(), served.drain())]
    await asyncio.wait_for(ws.close(), 20)
    await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), 20)
    server.close()
    await asyncio.wait_for(server.wait_closed(), 20)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [fault]


async def test_drain_ends_when_on_close_raises():
    listener, _ = failing("on_close")
    async with local(listener, compression=None) as server:
        ws = await connect(address(server), compression=None)
        (served,) = server._all_connections
        ws.transport.pause_reading()
        while not served.congested:
            served.send_nowait(b"x" * 2**18)
            await asyncio.sleep(0)
        draining = asyncio.create_task(served.drain())
        await asyncio.sleep(0)
        served.transport.abort()
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(draining, 20)
        ws.transport.abort()


async def test_listener_sending_after_close_is_not_logged(caplog):
    class Late(Listener):
        def on_message(self, ws, message):
            ws.close_nowait()
            ws.send_nowait("too late")

    async with local(Late) as server:
        async with connect(address(server)) as ws:
            await ws.send("x")
            with pytest.raises(ConnectionClosed):
                await ws.recv()
        assert ws.close_code == 1000
    assert not caplog.records


@pytest.mark.parametrize("fault", [asyncio.CancelledError, type("Mine", (BaseException,), {})])
@pytest.mark.parametrize("method", METHODS)
async def test_base_exception_of_a_listener_closes_with_1011(method, fault):
    def fail(self, *args):
        raise fault

    async with local(type("Failing", (Listener,), {method: fail}), compression=None) as server:
        ws = await connect(address(server), compression=None)
        await provoke(method, ws, server)
        with suppress(ConnectionClosed):
            while True:
                await asyncio.wait_for(ws.recv(), 20)
        assert ws.close_code == 1011


async def test_on_close_failing_with_the_end_of_another_connection_is_logged(caplog):
    async def wait(ws):
        await ws.wait_closed()

    async with local(wait) as others, connect(address(others)) as other:
        await other.close()

        class Failing(Listener):
            def on_close(self, ws):
                other.send_nowait("left")

        async with local(Failing) as server, connect(address(server)) as ws:
            await ws.close()
    assert [record.exc_info[0].__name__ for record in caplog.records] == ["ConnectionClosedOK"]
