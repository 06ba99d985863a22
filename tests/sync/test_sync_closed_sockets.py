"""A socket that the application closes, or the peer resets."""

from __future__ import annotations

import logging
import socket
import struct

import pytest
from threaded_ends import client, echo

from wsframe.sync import ClientConnection, ConnectionClosed, ConnectionClosedError

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends a reset


def test_a_handler_that_closes_its_socket_ends_the_connection(running, caplog):
    caplog.set_level(logging.ERROR)
    ended = []

    def handler(ws):
        ws.socket.close()
        for call in (ws.recv, lambda: ws.send("x")):
            with pytest.raises(ConnectionClosed) as raised:
                call()
            ended.append(raised.value)

    server = running(handler)
    with client(server) as ws, pytest.raises(ConnectionClosedError):
        ws.recv()
    server.shutdown()
    assert [type(error.__cause__) for error in ended] == [OSError, OSError]
    assert not caplog.records


def test_a_handler_that_closes_its_socket_may_return_at_once(running, caplog):
    caplog.set_level(logging.ERROR)
    server = running(lambda ws: ws.socket.close())
    with client(server) as ws, pytest.raises(ConnectionClosedError):
        ws.recv()
    server.shutdown()
    assert not caplog.records


def test_every_call_after_a_reset_has_its_cause(running):
    def handler(ws):
        ws.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        ws.recv()
        ws.socket.close()

    with client(running(handler)) as ws:
        ws.send("x")
        for call in (ws.recv, lambda: ws.send("x"), lambda: ws.send(["x", "y"]), ws.ping, ws.pong):
            with pytest.raises(ConnectionClosedError) as raised:
                call()
            assert isinstance(raised.value.__cause__, ConnectionResetError)


def test_iteration_calls_a_recv_of_the_application(running):
    class Ours(ClientConnection):
        def recv(self, timeout=None, decode=None):
            return super().recv(timeout, decode).upper()

    def three(ws):
        for word in ("a", "b", "c"):
            ws.send(word)

    with client(running(three), create_connection=Ours) as ws:
        assert list(ws) == ["A", "B", "C"]
    with client(running(echo)) as ws:
        ws.recv = lambda: "mine"
        assert next(iter(ws)) == "mine"
