"""`async for ws in connect(...)` waits between attempts, longer each time, until a connection lasted."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket

import pytest
from rawclient import SOON, echo, local, uri_of

from wsframe.asyncio import (
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidStatus,
    Response,
    client,
    connect,
)

CLOSED = {"1000": 1000, "1012": 1012, "4000": 4000, "lost": None}


def closing_at_once(code):
    async def handler(ws):
        if code is None:
            ws.transport.abort()
        else:
            await ws.close(code)

    return handler


def recorded(delays, asked):
    """A backoff of these delays, that keeps those it was asked for."""

    def make():
        asked.append("anew")
        for delay in delays:
            asked.append(delay)
            yield delay

    return make


@pytest.mark.parametrize("code", CLOSED.values(), ids=CLOSED)
async def test_backoff_applies_when_the_server_closes_at_once(code):
    """RFC 6455, 7.2.3."""
    asked, count = [], 0
    async with local(closing_at_once(code)) as server:
        async for ws in connect(
            uri_of(server), reconnect_delays=recorded([0.01, 0.02, 0.03, 0.04, 0.05], asked)
        ):
            await ws.wait_closed()
            count += 1
            if count == 5:
                break
    assert asked == ["anew", 0.01, 0.02, 0.03, 0.04]


async def test_backoff_applies_when_the_loop_body_closes_at_once():
    asked, count = [], 0
    async with local() as server:
        async for ws in connect(uri_of(server), reconnect_delays=recorded([0.01, 0.02, 0.03], asked)):
            count += 1
            if count == 3:
                break
            await ws.close()
    assert asked == ["anew", 0.01, 0.02]


async def test_failures_and_short_connections_share_one_backoff():
    asked, count = [], 0

    def now_and_then(connection, request):
        nonlocal count
        count += 1
        return Response(503) if count % 2 else None

    async with local(closing_at_once(1012), process_request=now_and_then) as server:
        backoff = recorded([0.01, 0.02, 0.03, 0.04, 0.05, 0.06], asked)
        opened = 0
        async for ws in connect(uri_of(server), reconnect_delays=backoff):
            await ws.wait_closed()
            opened += 1
            if opened == 3:
                break
    assert asked == ["anew", 0.01, 0.02, 0.03, 0.04, 0.05]


async def test_long_connection_resets_the_backoff(monkeypatch):
    monkeypatch.setattr(client, "STABLE_AFTER", 0.2)
    asked, count, visits = [], 0, 0

    async def handler(ws):
        nonlocal visits
        visits += 1
        if visits == 3:
            await asyncio.sleep(0.3)
        await ws.close(1012)

    async with local(handler) as server:
        async for ws in connect(uri_of(server), reconnect_delays=recorded([0.01, 0.02, 0.03, 0.04], asked)):
            count += 1
            await ws.wait_closed()
            if count == 5:
                break
    assert asked == ["anew", 0.01, 0.02, "anew", 0.01, 0.02]


async def test_long_loop_body_does_not_reset_the_backoff(monkeypatch):
    monkeypatch.setattr(client, "STABLE_AFTER", 2.0)
    asked, count = [], 0
    async with local(closing_at_once(1012)) as server:
        async for ws in connect(uri_of(server), reconnect_delays=recorded([0.01, 0.02, 0.03], asked)):
            await ws.wait_closed()
            monkeypatch.setattr(client, "STABLE_AFTER", 0.3)
            await asyncio.sleep(0.4)
            count += 1
            if count == 3:
                break
    assert asked == ["anew", 0.01, 0.02]


def test_backoff_delays_are_random_and_grow():
    runs = [list(itertools.islice(client.backoff(), 30)) for _ in range(20)]
    assert len({run[0] for run in runs}) > 1
    for run in runs:
        assert 0.25 <= run[0] <= 0.5
        assert all(30 <= delay <= 60 for delay in run[15:])
        assert run[3] > run[0]


async def test_last_failure_is_raised_when_delays_run_out():
    async def body(**options):
        async for ws in connect(uri_of(server), reconnect_delays=lambda: iter([0.01]), **options):
            await ws.wait_closed()

    async with local(closing_at_once(4000)) as server:
        with pytest.raises(ConnectionClosedError, match="4000"):
            await asyncio.wait_for(body(), SOON)
    async with local(closing_at_once(1000)) as server:
        with pytest.raises(ConnectionClosedOK):
            await asyncio.wait_for(body(), SOON)
    async with local(process_request=lambda *_: Response(503)) as server:
        with pytest.raises(InvalidStatus, match="503"):
            await asyncio.wait_for(body(), SOON)


async def test_reconnecting_with_a_given_socket_raises_value_error():
    async with local() as server:
        with socket.create_connection(server.sockets[0].getsockname()) as sock:
            again = connect(uri_of(server), sock=sock)
            with pytest.raises(ValueError, match=r"connect\(sock=...\) cannot connect again"):
                again.__aiter__()
            with pytest.raises(ValueError, match="a socket serves one connection"):
                async for _ in again:
                    pass
            async with again as ws:  # it can be used as it is
                await ws.send("x")
                assert await ws.recv() == "x"


async def test_server_text_is_escaped_in_the_log(caplog):
    caplog.set_level(logging.INFO, "wsframe.client")

    async def handler(ws):
        await ws.close(4000, "bye\r\nERROR \x1b[2J\u202e")

    async with local(handler) as server:
        async for ws in connect(uri_of(server), reconnect_delays=lambda: iter([0.0] * 3)):
            await ws.wait_closed()
            if caplog.records:
                break
    (record, *_) = [record for record in caplog.records if record.name == "wsframe.client"]
    assert record.getMessage().isprintable()
    assert r"received 4000 (private use) bye\r\nERROR \x1b[2J\u202e" in record.getMessage()


async def test_reconnecting_can_be_cancelled_between_attempts():
    async def body():
        async for ws in connect(uri_of(server), reconnect_delays=lambda: itertools.repeat(1000.0)):
            await ws.wait_closed()
            closed.set()

    closed = asyncio.Event()
    async with local(closing_at_once(1012)) as server:
        task = asyncio.ensure_future(body())
        await closed.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_exception_in_the_loop_body_closes_the_connection():
    async def body():
        async for ws in connect(uri_of(server)):
            await ws.send("x")
            raise KeyError

    async with local(echo) as server:
        with pytest.raises(KeyError):
            await body()
        while server._all_connections:
            await asyncio.sleep(0.01)
