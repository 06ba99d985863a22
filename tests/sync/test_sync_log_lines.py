"""The lines that a server for threads logs at INFO, beside those of websockets."""

from __future__ import annotations

import http
import logging
import socket

import pytest
from threaded_ends import TIME, echo, serving

import wsframe.sync
from wsframe.handshake import new_key, open_request, parse_uri


@pytest.fixture(params=["wsframe", "websockets"])
def serve(request):
    if request.param == "wsframe":
        return wsframe.sync.serve
    pytest.importorskip("websockets", minversion="17")  # earlier ones log less
    return pytest.importorskip("websockets.sync.server").serve


class Lines(logging.Handler):
    """Keeps what is logged, at INFO and above."""

    def __init__(self):
        super().__init__()
        self.records = []
        self.logger = logging.Logger("mine", logging.INFO)
        self.logger.addHandler(self)

    def emit(self, record):
        self.records.append(record)


def of_connections(lines):
    return [record.getMessage() for record in lines.records if hasattr(record, "websocket")]


def test_lines_of_a_connection_and_of_the_server(serve):
    lines, peers = Lines(), []

    def handler(ws):
        peers.append(ws)
        echo(ws)

    with serving(serve(handler, "127.0.0.1", 0, logger=lines.logger)) as server:
        port = server.socket.getsockname()[1]
        with wsframe.sync.connect(f"ws://127.0.0.1:{port}", proxy=None) as ws:
            ws.send("hello")
            assert ws.recv() == "hello"
        server.shutdown()
    assert of_connections(lines) == ["connection open", "connection closed"]
    assert [record.websocket for record in lines.records if hasattr(record, "websocket")] == peers * 2
    of_server = [record.getMessage() for record in lines.records if not hasattr(record, "websocket")]
    assert of_server[:3] == [f"server listening on 127.0.0.1:{port}", "server closing", "server closed"]


def respond(connection, request):
    return connection.respond(http.HTTPStatus.NOT_FOUND, "none\n")


def fail(*_):
    raise ZeroDivisionError


def replace(connection, request, response):
    return connection.respond(http.HTTPStatus.GONE, "gone\n")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"origins": ["https://a"]}, ["connection rejected (403 Forbidden)"]),
        ({"process_request": respond}, ["HTTP response sent (404 Not Found)"]),
        ({"process_response": replace}, ["connection rejected (410 Gone)"]),
        (
            {"process_request": fail},
            ["process_request failed", "HTTP response sent (500 Internal Server Error)"],
        ),
        (
            {"process_response": fail},
            ["process_response failed", "connection rejected (500 Internal Server Error)"],
        ),
    ],
)
def test_lines_of_a_refusal(serve, options, expected):
    lines = Lines()
    with serving(serve(echo, "127.0.0.1", 0, logger=lines.logger, **options)) as server:
        address = server.socket.getsockname()
        with socket.create_connection(address, TIME) as sock:
            uri = parse_uri(f"ws://127.0.0.1:{address[1]}")
            sock.sendall(open_request(uri, new_key()).serialize())
            while sock.recv(2**16):
                pass
    assert of_connections(lines) == [*expected, "connection closed"]
