"""The end of a server: open connections, opening ones, handlers, and threads that call shutdown."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from threaded_ends import TIME, Raw, client, echo, serving

from wsframe.sync import ConnectionClosedError, ConnectionClosedOK, InvalidStatus, State, connect, serve


def test_open_connections_are_closed(running):
    server = running(echo)
    clients = [client(server) for _ in range(5)]
    for ws in clients:
        ws.send("hello")
        ws.recv()
    assert len(server.connections) == 5
    server.shutdown()
    for ws in clients:
        with pytest.raises(ConnectionClosedOK) as raised:
            ws.recv()
        assert raised.value.rcvd.code == 1001
    assert server.connections == set()
    assert server.socket_closed.is_set()
    with pytest.raises(ConnectionRefusedError):
        connect(f"ws://127.0.0.1:{clients[0].request.headers['Host'].rpartition(':')[2]}/", proxy=None)


def test_code_and_reason(running):
    server = running(echo)
    with client(server) as ws:
        server.shutdown(code=1012, reason="restarting")
        with pytest.raises(ConnectionClosedError) as raised:
            ws.recv()
        assert (raised.value.rcvd.code, raised.value.rcvd.reason) == (1012, "restarting")
    with pytest.raises(ValueError, match="must not be sent"):
        server.shutdown(code=1005 + 1)


def test_open_connections_may_be_left_open(running, in_thread):
    server = running(echo)
    with client(server) as ws:
        ws.send("one")
        ws.recv()
        stopping = in_thread(server.shutdown, close_connections=False)
        assert server.socket_closed.wait(TIME)
        ws.send("two")
        assert ws.recv() == "two"
    stopping()


def test_handshakes_under_way_get_503(running, in_thread):
    asked = threading.Event()

    def process_request(ws, request):
        asked.set()
        ws.server.socket_closed.wait(TIME)

    server = running(echo, process_request=process_request)
    opening = in_thread(client, server)
    assert asked.wait(TIME)
    server.shutdown()
    with pytest.raises(InvalidStatus, match="503"):
        opening()


def test_a_request_that_is_not_whole_gets_503(running):
    server = running(echo, open_timeout=1000)
    with socket.create_connection(server.socket.getsockname()) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        deadline = time.monotonic() + TIME
        while not server._connections and time.monotonic() < deadline:
            time.sleep(0.001)
        server.shutdown()
        assert sock.recv(4096).startswith(b"HTTP/1.1 503 ")


def test_handlers_are_waited_for(running, in_thread):
    gate, done = threading.Event(), []

    def handler(ws):
        with pytest.raises(ConnectionClosedOK):
            ws.recv()
        gate.wait(TIME)
        done.append(True)

    server = running(handler)
    with client(server):
        stopping = in_thread(server.shutdown)
        assert server.socket_closed.wait(TIME)
        assert not done
        gate.set()
        stopping()
        assert done


def test_shutdown_by_a_handler(running):
    server = running(lambda ws: ws.server.shutdown())
    with client(server) as ws, pytest.raises(ConnectionClosedOK):
        ws.recv()
    assert server.socket_closed.wait(TIME)


def test_shutdown_by_several_threads(running, in_thread):
    server = running(echo)
    with client(server):
        for done in [in_thread(server.shutdown) for _ in range(4)]:
            done()


def test_a_server_that_never_served():
    with serve(echo, "127.0.0.1", 0) as server:
        assert server.fileno() == server.socket.fileno() > 0
    assert server.fileno() == -1
    with pytest.raises(RuntimeError, match="the server is closed"):
        server.serve_forever()


def test_a_server_serves_once():
    with serving(serve(echo, "127.0.0.1", 0)) as server:
        client(server).close()  # it serves
        with pytest.raises(RuntimeError, match="serves already"):
            server.serve_forever()
        client(server).close()


def test_peer_that_never_replies_does_not_block_the_server(running):
    server = running(echo, close_timeout=0.2)
    with Raw(server):
        server.shutdown()


def test_the_state_of_a_client_whose_server_is_gone(running, in_thread):
    server = running(echo)
    with client(server) as ws:
        ws.send("hello")
        assert ws.recv() == "hello"
        server.shutdown()
        with pytest.raises(ConnectionClosedOK):
            ws.recv()
        with pytest.raises(ConnectionClosedOK):
            ws.send("nobody there")
        assert ws.state is State.CLOSED
