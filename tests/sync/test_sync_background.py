"""What happens on a connection while the application does something else: Pings, Close, keep-alive."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress

import pytest
from threaded_ends import TIME, Raw, client, echo, uri_of

from wsframe import Opcode, Ping
from wsframe.sync import ConcurrencyError, ConnectionClosedError, ConnectionClosedOK, State


def eventually(condition) -> None:
    deadline = time.monotonic() + TIME
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def send_for_ever(ws, message) -> None:
    while True:
        ws.send(message)


@pytest.fixture
def busy(running):
    """A server whose handler does not receive until the test is over."""
    gate = threading.Event()
    yield lambda **options: running(lambda ws: gate.wait(TIME), **options)
    gate.set()


def test_ping_gets_its_pong_while_nobody_receives(busy):
    with Raw(busy()) as raw:
        for data in (b"", b"one", b"two"):
            raw.send(Opcode.PING, data)
            assert raw.receive().data == data


def test_close_is_echoed_while_nobody_receives(busy):
    server = busy()
    with Raw(server) as raw:
        raw.send(Opcode.CLOSE, b"\x03\xe8")
        assert raw.receive().code == 1000
        assert raw.receive() is None


def test_messages_before_a_close_that_came_while_nobody_received(running):
    gate, got = threading.Event(), []

    def handler(ws):
        eventually(lambda: ws.state is State.CLOSED)
        got.extend(ws)
        gate.set()

    with client(running(handler)) as ws:
        ws.send("one")
        ws.send("two")
    assert gate.wait(TIME)
    assert got == ["one", "two"]


def test_a_violation_while_nobody_receives(busy):
    with Raw(busy()) as raw:
        raw.send(Opcode.CONTINUATION, b"of nothing")
        assert raw.receive().code == 1002
        assert raw.receive() is None


def test_an_asyncio_client_of_websockets_gets_1009_for_a_message_that_it_is_still_sending(busy):
    websockets = pytest.importorskip("websockets.asyncio.client")
    exceptions = pytest.importorskip("websockets.exceptions")

    async def close_code(uri):
        async with websockets.connect(uri, compression=None, proxy=None) as ws:
            with suppress(exceptions.ConnectionClosed):
                await ws.send(bytes(2**24 + 1))
                await ws.recv()
        return ws.close_code

    assert asyncio.run(close_code(uri_of(busy()))) == 1009


def test_messages_before_a_violation_get_replies(running):
    with Raw(running(echo)) as raw:
        raw.sock.sendall(b"\x81\x81\0\0\0\0a" + b"\x81\x81\0\0\0\0b" + b"\x80\x80\0\0\0\0")
        assert [raw.receive(), raw.receive()] == ["a", "b"]
        assert raw.receive().code == 1002


def test_ping(running):
    with client(running(echo)) as ws:
        assert ws.latency == 0
        assert ws.ping().wait(TIME)
        assert ws.latency > 0
        first, second = ws.ping("first"), ws.ping(b"second")
        assert second.wait(TIME)
        assert first.is_set()
        ws.pong()
        ws.pong("unasked")
        ws.send("still here")
        assert ws.recv() == "still here"


def test_a_ping_whose_data_is_under_way(busy):
    with client(busy()) as ws:
        ws._pings[b"data"] = threading.Event(), time.monotonic(), False
        with pytest.raises(ConcurrencyError, match="already waiting for a pong with the same data"):
            ws.ping(b"data")
        with pytest.raises(ValueError, match="125"):
            ws.ping(bytes(126))
        with pytest.raises(TypeError):
            ws.ping(3.4)


def test_a_pong_that_never_comes(running):
    with client(running(lambda ws: ws.close())) as ws:
        with pytest.raises(ConnectionClosedOK):
            ws.recv()
        with pytest.raises(ConnectionClosedOK):
            ws.ping()
        with pytest.raises(ConnectionClosedOK):
            ws.pong()


def test_pings_are_set_when_the_connection_ends(running):
    gate = threading.Event()
    events = []

    def handler(ws):
        events.append(ws.ping(ack_on_close=True))
        events.append(ws.ping())
        gate.set()
        with pytest.raises(ConnectionClosedError):
            ws.recv()

    server = running(handler)
    with Raw(server) as raw:
        assert isinstance(raw.receive(), Ping)
        assert gate.wait(TIME)
    server.shutdown()
    assert [event.is_set() for event in events] == [True, False]


@pytest.mark.parametrize("receives", [True, False])
def test_keepalive_measures_latency(running, in_thread, receives):
    with client(running(echo), ping_interval=0.05) as ws:
        if receives:
            receiver = in_thread(ws.recv)
        eventually(lambda: ws.latency > 0)
        if receives:
            ws.send("message")
            assert receiver() == "message"


@pytest.mark.parametrize("receives", [True, False])
def test_keepalive_ends_a_connection_whose_peer_is_silent(running, receives):
    ended = []

    def handler(ws):
        if receives:
            with pytest.raises(ConnectionClosedError):
                ws.recv()
        eventually(lambda: ws.state is State.CLOSED)
        with pytest.raises(ConnectionClosedError) as raised:
            ws.send("message")
        ended.append(raised.value)

    server = running(handler, ping_interval=0.05, ping_timeout=0.05, close_timeout=0.05)
    with Raw(server) as raw:
        assert isinstance(raw.receive(), Ping)
        close = raw.receive()
        assert (close.code, close.reason) == (1011, "keepalive ping timeout")
        assert raw.receive() is None
    server.shutdown()
    assert ended[0].sent.reason == "keepalive ping timeout"


def test_keepalive_ends_a_connection_whose_peer_never_reads(running):
    ended = threading.Event()

    def handler(ws):
        with pytest.raises(ConnectionClosedError):
            send_for_ever(ws, bytes(2**20))
        ended.set()

    options = {"ping_interval": 0.1, "ping_timeout": 0.1, "close_timeout": 0.1, "compression": None}
    with Raw(running(handler, **options), receive_buffer=4096):
        assert ended.wait(TIME)


def test_keepalive_waits_for_an_application_that_is_behind(running):
    def handler(ws):
        eventually(lambda: not ws._has_room)
        ws._keepalive._interval = ws._keepalive._timeout = 0.02
        ws._background.notify()
        time.sleep(0.3)  # several intervals
        assert ws.state is State.OPEN
        ws._keepalive._interval = None
        echo(ws)

    server = running(handler, ping_interval=None, ping_timeout=None, max_queue=2, compression=None)
    with client(server, compression=None) as ws:
        for number in range(100):
            ws.send(f"{number}" + "x" * 1000)
        for number in range(100):
            assert ws.recv().startswith(f"{number}x")


def test_the_peer_goes_away_while_the_application_sends(running):
    ended = threading.Event()

    def handler(ws):
        with pytest.raises(ConnectionClosedError):
            send_for_ever(ws, bytes(2**16))
        ended.set()

    with Raw(running(handler)) as raw:
        raw.sock.recv(4096)
    assert ended.wait(TIME)
