"""The lines that a server logs at INFO, beside those of websockets."""

from __future__ import annotations

import asyncio
import http
import logging
from types import SimpleNamespace

import pytest
from rawclient import ask, echo

import wsframe.asyncio

LIBRARIES = ["wsframe", "websockets"]


def library(name):
    if name == "wsframe":
        return wsframe.asyncio
    module = pytest.importorskip("websockets.asyncio.server")
    return SimpleNamespace(
        serve=module.serve, connect=pytest.importorskip("websockets.asyncio.client").connect
    )


class Lines(logging.Handler):
    """Keeps what is logged, at INFO and above."""

    def __init__(self, name):
        super().__init__()
        self.records = []
        self.logger = logging.Logger(name, logging.INFO)
        self.logger.addHandler(self)

    def emit(self, record):
        self.records.append(record)


@pytest.mark.parametrize("name", LIBRARIES)
async def test_lines_of_a_connection_and_of_the_server(name):
    lines, peers = Lines("mine"), []

    async def handler(ws):
        peers.append(ws)
        await echo(ws)

    used = library(name)
    async with used.serve(handler, "127.0.0.1", 0, logger=lines.logger) as server:
        port = server.sockets[0].getsockname()[1]
        async with used.connect(f"ws://127.0.0.1:{port}", logger=lines.logger) as ws:
            await ws.send("hello")
            assert await ws.recv() == "hello"
    of_connection = [record for record in lines.records if hasattr(record, "websocket")]
    assert [record.getMessage() for record in of_connection] == ["connection open", "connection closed"]
    assert [record.websocket for record in of_connection] == peers * 2
    assert [record.getMessage() for record in lines.records if record not in of_connection] == [
        f"server listening on 127.0.0.1:{port}",
        "server closing",
        "server closed",
    ]
    assert lines.records[-1].getMessage() == "server closed"
    assert {record.levelname for record in lines.records} == {"INFO"}


def respond(connection, request):
    return connection.respond(http.HTTPStatus.NOT_FOUND, "none\n")


def fail(*_):
    raise ZeroDivisionError


def replace(connection, request, response):
    return connection.respond(http.HTTPStatus.GONE, "gone\n")


REFUSALS = {
    "origin": ({"origins": ["https://a"]}, ["connection rejected (403 Forbidden)"]),
    "process_request": ({"process_request": respond}, ["HTTP response sent (404 Not Found)"]),
    "process_response": ({"process_response": replace}, ["connection rejected (410 Gone)"]),
    "process_request fails": (
        {"process_request": fail},
        ["process_request failed", "HTTP response sent (500 Internal Server Error)"],
    ),
    "process_response fails": (
        {"process_response": fail},
        ["process_response failed", "connection rejected (500 Internal Server Error)"],
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
@pytest.mark.parametrize("name", LIBRARIES)
async def test_lines_of_a_refusal(name, what):
    lines = Lines("mine")
    options, expected = REFUSALS[what]
    async with library(name).serve(echo, "127.0.0.1", 0, logger=lines.logger, **options) as server:
        await ask(server)
    lines.records = [record for record in lines.records if "server " not in record.msg]
    assert [record.getMessage() for record in lines.records] == [*expected, "connection closed"]
    assert all(record.websocket is not None for record in lines.records)


async def test_nothing_is_logged_below_the_level_of_the_logger():
    lines = Lines("mine")
    lines.logger.setLevel(logging.WARNING)
    async with wsframe.asyncio.serve(echo, "127.0.0.1", 0, logger=lines.logger) as server:
        await ask(server, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert not lines.records


@pytest.mark.parametrize("name", LIBRARIES)
async def test_an_adapter_of_the_application_gets_the_connection(name):
    lines, seen = Lines("mine"), []

    class Adapter(logging.LoggerAdapter):
        def process(self, msg, kwargs):
            if "extra" in kwargs:
                seen.append(kwargs["extra"]["websocket"].remote_address)
            return msg, kwargs

    used = library(name)
    async with used.serve(echo, "127.0.0.1", 0, logger=Adapter(lines.logger, {})) as server:
        port = server.sockets[0].getsockname()[1]
        async with used.connect(f"ws://127.0.0.1:{port}") as ws:
            address = ws.local_address
    assert address in seen


@pytest.mark.parametrize("name", LIBRARIES)
async def test_a_client_that_connects_again_logs_the_delay_and_why(name):
    lines = Lines("mine")
    used = library(name)

    async def connecting():
        delays = lambda: iter([0.0, 60.0])  # noqa: E731
        async for _ in used.connect("ws://127.0.0.1:1", logger=lines.logger, reconnect_delays=delays):
            pass

    task = asyncio.create_task(connecting())
    while len(lines.records) < 2:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    first, second = (record.getMessage() for record in lines.records)
    assert first.startswith("connect failed; reconnecting in 0.0 seconds: ConnectionRefusedError: ")
    assert second.startswith("connect failed; reconnecting in 60.0 seconds: ConnectionRefusedError: ")
