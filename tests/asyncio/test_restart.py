"""A server that is to be replaced: closes that are spread, and SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys

import pytest
from both_ends import address, local

from wsframe.asyncio import ConnectionClosed, connect
from wsframe.asyncio._draining import _drop_new
from wsframe.sync import connect as sync_connect


async def until_closed(ws):
    async for _ in ws:
        pass


async def test_closes_are_spread_evenly(monkeypatch):
    delays, sleep = [], asyncio.sleep

    async def skip_delay(delay):
        delays.append(delay)
        await sleep(0)

    server = await local(until_closed)
    clients = [await connect(address(server)) for _ in range(10)]
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", skip_delay)
        server.close(code=1012, spread=10_000)
        await server.wait_closed()
    for ws in clients:
        await ws.wait_closed()
        assert ws.close_code == 1012
    # The first sleep is for connections just accepted. The others count from the start, as no time passes.
    assert [round(delay, -3) for delay in delays[1:]] == [1000 * number for number in range(10)]


async def test_no_client_connects_while_closes_are_spread():
    server = await local(until_closed)
    async with connect(address(server)) as ws:
        server.close(spread=0.01)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            await connect(address_of_closed(ws), proxy=None)
    await server.wait_closed()


def address_of_closed(ws):
    host, port = ws.remote_address[:2]
    return f"ws://{host}:{port}"


async def test_a_spread_is_a_number_of_seconds():
    async with local(until_closed) as server:
        for kind, wrong in ((ValueError, (-1, float("nan"))), (TypeError, ("5", None, True))):
            for spread in wrong:
                with pytest.raises(kind, match="spread must be"):
                    server.close(spread=spread)
                with pytest.raises(kind, match="spread must be"):
                    await server.serve_forever(signals=[signal.SIGTERM], spread=spread)
        with pytest.raises(ValueError, match="close code"):
            await server.serve_forever(code=1006)
        assert server.is_serving() and not server.is_closing()


@pytest.mark.skipif(sys.platform == "win32", reason="no signal handlers")
async def test_signals_that_cannot_be_handled_leave_no_handler():
    async with local(until_closed) as server:
        for kind, wrong in ((RuntimeError, signal.SIGKILL), (ValueError, 9999), (TypeError, "SIGTERM")):
            with pytest.raises(kind):
                await server.serve_forever(signals=[signal.SIGTERM, wrong])
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        with pytest.raises(TypeError, match="list of signals"):
            await server.serve_forever(signals=signal.SIGTERM)
        assert server.is_serving() and not server.is_closing()


async def test_signals_outside_of_the_main_thread():
    async def main():
        async with local(until_closed) as server:
            with pytest.raises(RuntimeError, match="main thread only"):
                await server.serve_forever(signals=[signal.SIGTERM])
            assert server.is_serving()

    await asyncio.to_thread(asyncio.run, main())


@pytest.mark.skipif(sys.platform == "win32", reason="no signal handlers")
@pytest.mark.parametrize("code", [1001, 1012])
async def test_a_signal_closes_the_server(code):
    server = await local(until_closed)
    serving = asyncio.create_task(server.serve_forever(signals=[signal.SIGTERM], code=code, spread=0.01))
    async with connect(address(server)) as ws:
        os.kill(os.getpid(), signal.SIGTERM)
        await ws.wait_closed()
        assert ws.close_code == code
    await serving
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares a port among processes")
async def test_connections_that_wait_to_be_accepted_are_not_reset():
    server = await local(until_closed, reuse_port=True)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if not _drop_new(other):
            pytest.skip("this system allows no filter on a socket")
    where = server.sockets[0].getsockname()
    loop, codes = asyncio.get_running_loop(), []

    def client(sock):
        with sock, sync_connect(f"ws://127.0.0.1:{where[1]}", sock=sock, proxy=None) as ws:
            with pytest.raises(ConnectionClosed):
                ws.recv()
            codes.append(ws.close_code)

    waiting = [socket.create_connection(where) for _ in range(10)]  # the loop does not run meanwhile
    server.close(code=1012, spread=0.5)
    await asyncio.gather(*(loop.run_in_executor(None, client, sock) for sock in waiting))
    assert codes == [1012] * 10
    await server.wait_closed()


async def test_opening_handshakes_have_until_the_end_of_the_spread():
    released = asyncio.Event()

    async def process_request(ws, request):
        await released.wait()

    server = await local(until_closed, process_request=process_request)
    connecting = asyncio.create_task(opened(address(server)))
    while not server._all_connections:
        await asyncio.sleep(0)
    server.close(code=1012, spread=0.5)
    released.set()
    ws = await connecting
    await ws.wait_closed()
    assert ws.close_code == 1012
    await server.wait_closed()


async def opened(uri):
    return await connect(uri, proxy=None)
