"""Opening handshakes of a client that fail: what it raises, when, and what is left."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import pytest
from rawclient import SOON, echo, local, uri_of

from wsframe.asyncio import ClientConnection, InvalidHandshake, InvalidStatus, Listener, connect
from wsframe.deflate import ClientPolicy
from wsframe.handshake import InvalidMessage


@asynccontextmanager
async def saying(*pieces, end=False, pause=0.0):
    """Serve these pieces to every client, and keep the connection open unless `end` is set."""
    writers, tasks = [], set()

    async def converse(reader, writer):
        writers.append(writer)
        tasks.add(asyncio.current_task())
        try:
            await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:  # the client has given up
            return
        for piece in pieces:
            if writer.is_closing():
                break
            writer.write(piece)
            await asyncio.sleep(pause)
        if end:
            writer.close()
            return
        with suppress(ConnectionError):
            await reader.read()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield SimpleNamespace(sockets=server.sockets, tasks=tasks)
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), SOON)
        await server.wait_closed()


async def refusal(server, **options):
    with pytest.raises(InvalidStatus) as caught:
        await asyncio.wait_for(connect(uri_of(server), open_timeout=1000, **options), SOON)
    await asyncio.wait_for(asyncio.gather(*server.tasks), SOON)  # the client has closed the connection
    return caught.value.response


@pytest.mark.parametrize("status", ["403 Forbidden", "200 OK", "302 Found", "500 No", "404 Not Found"])
async def test_refusal_without_length_on_an_open_connection_has_no_body(status):
    async with saying(f"HTTP/1.1 {status}\r\nServer: x\r\n\r\n".encode()) as server:
        response = await refusal(server)
    assert f"{response.status_code} {response.reason_phrase}" == status
    assert response.body == b""
    assert response.headers["Server"] == "x"


async def test_endless_refusal_body_is_kept_as_far_as_received():
    async with saying(b"HTTP/1.1 403 No\r\n\r\n", b"why", b" not", pause=0.01) as server:
        response = await refusal(server)
    assert (response.status_code, response.body) == (403, b"why not")


@pytest.mark.parametrize(
    "field", [b"Content-Length: 1000", b"Transfer-Encoding: chunked", b"Content-Length: 18446744073709551615"]
)
async def test_refusal_whose_body_never_arrives_has_no_body(field):
    async with saying(b"HTTP/1.1 403 No\r\n" + field + b"\r\n\r\n") as server:
        response = await refusal(server)
    assert (response.status_code, response.body) == (403, b"")


async def test_slow_refusal_body_is_awaited_for_a_bounded_time():
    head = b"HTTP/1.1 403 No\r\nContent-Length: 10000\r\n\r\n"
    async with saying(head, *[b"x"] * 40, pause=0.05) as server:
        response = await refusal(server)
    assert response.status_code == 403
    assert 0 < len(response.body) < 40


async def test_complete_refusal_body_ends_the_wait():
    async with saying(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n", b"no", pause=0.01) as server:
        response = await refusal(server)
    assert response.body == b"no"


async def test_refused_connection_has_the_response():
    connection = None

    def keep(*arguments):
        nonlocal connection
        connection = ClientConnection(*arguments)
        return connection

    async with saying(b"HTTP/1.1 403 No\r\n\r\n") as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(uri_of(server), create_connection=keep)
    assert connection.response is caught.value.response


async def test_interim_response_alone_times_out():
    async with saying(b"HTTP/1.1 103 Early Hints\r\n\r\n") as server:
        with pytest.raises(TimeoutError):
            await connect(uri_of(server), open_timeout=1)


@pytest.mark.parametrize(
    ("piece", "error"),
    [
        (b"SSH-2.0-x\r\n", InvalidMessage),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", InvalidHandshake),
        (b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"y" * 20_000, InvalidMessage),
        (b"HTTP/1.1 101 Switching Protocols\r\n" + b"X: y\r\n" * 200 + b"\r\n", InvalidMessage),
        (b"HTTP/1.1 103 Early\r\nX: yyyyyyyyyyyyyyyyyyyyyy\r\n\r\n" * 1000, InvalidMessage),
    ],
    ids=["not http", "no upgrade", "too long", "too many headers", "endless interim responses"],
)
async def test_invalid_handshake_response_fails_at_once(piece, error):
    async with saying(piece) as server:
        with pytest.raises(error) as caught:
            await asyncio.wait_for(connect(uri_of(server), open_timeout=1000), SOON)
        assert str(caught.value).isprintable()
        await asyncio.wait_for(asyncio.gather(*server.tasks), SOON)


async def test_server_text_is_escaped_in_the_exception():
    head = b"HTTP/1.1 101 \xe2\x80\xae\x9b\r\nUpgrade: web\x9b[2Jsocket\xe2\x80\xae\r\n\r\n"
    async with saying(head) as server:
        with pytest.raises(InvalidHandshake) as caught:
            await connect(uri_of(server))
    assert str(caught.value).isprintable()
    assert "web\\x9b[2Jsocket" in str(caught.value)


# Code of the application.


async def test_exception_of_a_compression_policy_propagates():
    class Policy(ClientPolicy):
        def agree(self, responses):
            raise KeyError("policy")

    async with local() as server:
        with pytest.raises(KeyError, match="policy"):
            await asyncio.wait_for(connect(uri_of(server), compression=Policy()), SOON)
        while server._all_connections:
            await asyncio.sleep(0.01)


async def test_exception_of_a_listener_constructor_propagates():
    class Broken(Listener):
        def __init__(self):
            raise KeyError("listener")

    async with local() as server:
        with pytest.raises(KeyError, match="listener"):
            await connect(uri_of(server), listener=Broken)
        assert not server._all_connections


# Nothing is left.


async def test_entering_connect_twice_raises_and_leaks_no_connection():
    async with local() as server:
        one = connect(uri_of(server))
        async with one as ws:
            with pytest.raises(RuntimeError, match="isn't reentrant"):
                async with one:
                    pass
            await ws.send("x")
            assert await ws.recv() == "x"
            assert len(server._all_connections) == 1
        async with one as again:  # one after the other is fine
            assert again is not ws
        while server._all_connections:
            await asyncio.sleep(0.01)


async def test_entering_connect_from_two_tasks_leaks_no_connection():
    async def enter():
        async with one as ws:
            await ws.send("x")
            return await ws.recv()

    async with local() as server:
        one = connect(uri_of(server))
        results = await asyncio.gather(enter(), enter(), return_exceptions=True)
        assert sorted(map(type, results), key=repr) == sorted([str, RuntimeError], key=repr)
        while server._all_connections:
            await asyncio.sleep(0.01)


async def test_connect_can_be_entered_again_after_a_failure():
    status = 503
    async with local(echo, process_request=lambda *_: status and __import__("wsframe.asyncio")) as server:
        one = connect(uri_of(server))
        with pytest.raises(InvalidStatus):
            async with one:
                pass
        status = None
        async with one as ws:
            await ws.send("x")
            assert await ws.recv() == "x"


@pytest.mark.parametrize("iterations", [1, 2, 3, 5, 8, 13, 21])
async def test_cancelled_connect_leaks_no_connection(iterations, caplog):
    async with local() as server:
        task = asyncio.ensure_future(connect(uri_of(server))._open())
        for _ in range(iterations):
            await asyncio.sleep(0)
        task.cancel()
        try:
            ws = await task
        except asyncio.CancelledError:
            pass
        else:
            await ws.close()
        while server._all_connections:
            await asyncio.sleep(0.01)
    del task
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_timed_out_connect_leaks_no_connection(caplog):
    async with saying() as server:
        for timeout in (0.001, 0.01, 0.1):
            with pytest.raises(TimeoutError):
                await connect(uri_of(server), open_timeout=timeout)
        await asyncio.wait_for(asyncio.gather(*server.tasks), SOON)
    gc.collect()
    assert "never retrieved" not in caplog.text
