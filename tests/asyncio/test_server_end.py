"""The end of a server: whatever raises, close, wait_closed and `async with` complete."""

from __future__ import annotations

import asyncio

import pytest
from rawclient import SOON, ask, echo, local, uri_of

from wsframe.asyncio import State, connect, unix_serve


async def test_wait_closed_waits_for_close_and_for_the_handlers():
    """Whenever it was called: before close, as it is called, or afterwards."""
    release, done = asyncio.Event(), []

    async def handler(ws):
        try:
            await ws.wait_closed()
        finally:
            await release.wait()
            done.append(True)

    server = await local(handler)
    ws = await connect(uri_of(server))
    early = asyncio.ensure_future(server.wait_closed())
    await asyncio.sleep(0.05)
    assert not early.done()
    server.close()
    late = asyncio.ensure_future(server.wait_closed())
    await ws.wait_closed()
    await asyncio.sleep(0.05)
    assert not early.done() and not late.done()
    release.set()
    await asyncio.wait_for(asyncio.gather(early, late), SOON)
    assert done == [True]
    await server.wait_closed()  # and again


async def test_wait_closed_waits_for_close_though_nobody_is_connected():
    server = await local()
    waiting = asyncio.ensure_future(server.wait_closed())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    server.close()
    await asyncio.wait_for(waiting, SOON)


async def test_cancelling_wait_closed_cancels_nothing_else():
    server = await local()
    for _ in range(2):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 0.01)
    async with connect(uri_of(server)) as ws:
        await ws.send("x")
        assert await ws.recv() == "x"
    server.close()
    await asyncio.wait_for(server.wait_closed(), SOON)


async def test_invalid_close_code_raises_and_keeps_serving():
    async with local() as server, connect(uri_of(server)) as ws:
        with pytest.raises(ValueError, match="1006"):
            server.close(code=1006)
        with pytest.raises(ValueError, match="123 bytes"):
            server.close(reason="x" * 124)
        assert server.is_serving() and not server.is_closing()
        await ws.send("x")
        assert await ws.recv() == "x"


async def test_failing_close_of_one_connection_does_not_block_others(caplog):
    server = await local()
    clients = [await connect(uri_of(server)) for _ in range(3)]

    def fail(*_):
        raise KeyError("close_nowait")

    broken = next(iter(server._all_connections))
    # A method of the class cannot be replaced on an instance with slots.
    kind = type("Broken", (type(broken),), {"close_nowait": fail, "__slots__": ()})
    broken.__class__ = kind
    server.close()
    await asyncio.wait_for(server.wait_closed(), SOON)
    for client in clients:
        await asyncio.wait_for(client.wait_closed(), SOON)
    assert sorted(client.close_code for client in clients) == [1001, 1001, 1006]
    assert "KeyError: 'close_nowait'" in caplog.text


async def test_exception_in_async_with_body_closes_the_server():
    async def handler(ws):
        raise KeyError("handler")

    async def body():
        async with local(handler) as server:
            ws = await connect(uri_of(server))
            await ws.wait_closed()
            assert ws.close_code == 1011
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(body(), SOON)


async def test_serve_forever_closed_at_once_ends():
    server = await local(start_serving=False)
    serving = asyncio.ensure_future(server.serve_forever())
    server.close()
    with pytest.raises(RuntimeError):
        await asyncio.wait_for(asyncio.shield(serving), SOON)
    await asyncio.wait_for(server.wait_closed(), SOON)


@pytest.mark.parametrize("iterations", range(4))
@pytest.mark.parametrize("start_serving", [True, False])
async def test_serve_forever_closed_in_its_first_loop_iterations_ends(iterations, start_serving):
    server = await local(start_serving=start_serving)
    serving = asyncio.ensure_future(server.serve_forever())
    for _ in range(iterations):
        await asyncio.sleep(0)
    server.close()
    await asyncio.wait_for(asyncio.wait([serving]), SOON)
    assert serving.exception() is None or isinstance(serving.exception(), RuntimeError)
    await asyncio.wait_for(server.wait_closed(), SOON)


@pytest.mark.parametrize("iterations", range(1, 4))
async def test_serve_forever_cancelled_in_its_first_loop_iterations_closes(iterations):
    server = await local()
    serving = asyncio.ensure_future(server.serve_forever())
    for _ in range(iterations):
        await asyncio.sleep(0)
    serving.cancel()
    await asyncio.wait_for(asyncio.wait([serving]), SOON)
    assert serving.cancelled()
    assert server.is_closing() and not server.is_serving()
    await asyncio.wait_for(server.wait_closed(), SOON)


async def test_a_connection_accepted_as_the_server_closes_is_a_503():
    for iterations in range(6):
        server = await local()
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for _ in range(iterations):
            await asyncio.sleep(0)
        server.close()
        try:
            response = await asyncio.wait_for(reader.read(), SOON)
        except ConnectionResetError:  # not accepted by then: the listening socket is closed
            response = b""
        assert response[:12] in (b"HTTP/1.1 503", b"")
        writer.close()
        await asyncio.wait_for(server.wait_closed(), SOON)


async def test_request_during_server_close_is_refused_or_closed():
    server = await local()
    asking = asyncio.ensure_future(ask(server))
    while not server._all_connections:
        await asyncio.sleep(0)
    (opening,) = server._all_connections
    server.close()
    if opening.state is State.CONNECTING:
        assert (await asking)[0] == 503
    else:
        await asking
    await asyncio.wait_for(server.wait_closed(), SOON)


async def test_entering_serve_twice_raises_runtime_error():
    serving = local()
    async with serving as server:
        with pytest.raises(RuntimeError, match="starts one server"):
            await serving
        async with connect(uri_of(server)):
            pass
    with pytest.raises(RuntimeError, match="starts one server"):
        await serving


async def test_unix_server_wait_closed_waits_for_close(tmp_path):
    async with unix_serve(echo, str(tmp_path / "socket")) as server:
        waiting = asyncio.ensure_future(server.wait_closed())
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, SOON)


async def test_first_close_determines_code_and_reason():
    """Leaving `async with` is a close, too."""

    async def handler(ws):
        await ws.wait_closed()

    async with local(handler) as server:
        ws = await connect(uri_of(server))
        server.close(code=1012, reason="restart")
    await asyncio.wait_for(ws.wait_closed(), SOON)
    assert (ws.close_code, ws.close_reason) == (1012, "restart")
