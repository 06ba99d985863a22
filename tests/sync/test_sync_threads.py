"""One connection and several threads: order, errors, and nobody waits for ever."""

from __future__ import annotations

import socket
import sys
import threading
import time
from contextlib import suppress

import pytest
from threaded_ends import TIME, Raw, client, echo

from wsframe import Opcode, encode_frame
from wsframe.handshake import RequestReader, accept
from wsframe.sync import ConcurrencyError, ConnectionClosedError, ConnectionClosedOK, State, connect
from wsframe.sync._outbox import FairLock


def test_recv_gives_up_in_time_and_loses_nothing(running):
    gate = threading.Event()

    def handler(ws):
        gate.wait(TIME)
        ws.send("late")
        echo(ws)

    with client(running(handler)) as ws:
        with pytest.raises(TimeoutError, match=r"timed out in 0\.0s"):
            ws.recv(timeout=0)
        with pytest.raises(TimeoutError, match=r"timed out in 0\.1s"):
            ws.recv(timeout=0.05)
        gate.set()
        assert ws.recv(timeout=TIME) == "late"


def test_recv_with_timeout_0_returns_what_is_there(running):
    with client(running(lambda ws: (ws.send("a"), ws.send("b"), ws.recv()))) as ws:
        assert ws.recv() == "a"
        deadline = time.monotonic() + TIME
        while True:
            try:
                assert ws.recv(timeout=0) == "b"
                break
            except TimeoutError:
                assert time.monotonic() < deadline


def receiving(ws) -> None:
    """Wait until a thread receives."""
    deadline = time.monotonic() + TIME
    while not ws._receiving.locked() and time.monotonic() < deadline:
        time.sleep(0.001)


def test_two_threads_that_receive(running, in_thread):
    with client(running(echo)) as ws:
        first = in_thread(ws.recv)
        receiving(ws)
        with pytest.raises(
            ConcurrencyError, match="cannot call recv while another thread is already running"
        ):
            ws.recv()
        with pytest.raises(ConcurrencyError, match="cannot call recv_streaming while"):
            next(ws.recv_streaming())
        with pytest.raises(ConcurrencyError):
            next(iter(ws))
        ws.send("message")
        assert first() == "message"
        ws.send("next")
        assert ws.recv() == "next"


def test_threads_send_at_the_same_time(running, in_thread):
    got = []

    def handler(ws):
        got.extend(ws)

    server = running(handler)
    with client(server, compression=None) as ws:

        def send(name):
            for number in range(300):
                ws.send(f"{name} {number} " + "x" * (number % 50) * 100)

        for done in [in_thread(send, name) for name in range(5)]:
            done()
    server.shutdown()
    for name in range(5):
        mine = [message.split()[1] for message in got if message.startswith(f"{name} ")]
        assert mine == [str(number) for number in range(300)]


def test_the_lock_of_sending_is_given_to_who_has_waited_longest(in_thread):
    lock = FairLock()
    order = []
    lock.acquire()

    def take(number):
        with_lock = lock.acquire()
        order.append(number)
        lock.release()
        return with_lock

    waiting = []
    for number in range(10):
        waiting.append(in_thread(take, number))
        deadline = time.monotonic() + TIME
        while len(lock.waiters) <= number and time.monotonic() < deadline:
            time.sleep(0.001)
    assert not lock.acquire(timeout=0.01)
    assert not lock.try_acquire()
    lock.release()
    for done in waiting:
        assert done()
    assert order == list(range(10))
    assert lock.try_acquire()
    assert lock.locked()


def test_the_lock_of_sending_under_load(in_thread):
    lock, inside = FairLock(), []

    def work():
        for _ in range(2000):
            if lock.acquire(timeout=TIME):
                inside.append(1)
                assert len(inside) == 1
                inside.pop()
                lock.release()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for done in [in_thread(work) for _ in range(4)]:
            done()
    finally:
        sys.setswitchinterval(interval)
    assert not lock.locked()
    assert not lock.waiters


def interrupted():
    """Fragments of a message, the event that two of them were sent, and the one that the last waits for."""
    begun, gate = threading.Event(), threading.Event()

    def fragments():
        yield "a"
        yield "b"
        begun.set()
        gate.wait(TIME)
        yield "c"

    return begun, gate, fragments()


def test_fragments_of_two_threads_never_mix(running, in_thread):
    begun, gate, fragments = interrupted()
    with client(running(echo)) as ws:
        sending = in_thread(ws.send, fragments)
        assert begun.wait(TIME)
        with pytest.raises(
            ConcurrencyError, match="cannot call send while another thread is already running send"
        ):
            ws.send("whole")
        with pytest.raises(ConcurrencyError):
            ws.send(["d", "e"])
        assert ws.ping().wait(TIME)
        gate.set()
        sending()
        assert ws.recv() == "abc"
        ws.send("next")
        assert ws.recv() == "next"


def test_close_amid_fragments(running, in_thread):
    begun, gate, fragments = interrupted()
    with client(running(echo)) as ws:
        sending = in_thread(ws.send, fragments)
        assert begun.wait(TIME)
        ws.close()
        gate.set()
        with pytest.raises(ConnectionClosedError, match="close during fragmented message"):
            sending()


def test_close_while_another_thread_receives(running, in_thread):
    with client(running(echo)) as ws:
        receiver = in_thread(ws.recv)
        receiving(ws)
        ws.close()
        with pytest.raises(ConnectionClosedOK):
            receiver()


def test_close_while_another_thread_receives_and_the_peer_is_silent(in_thread):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve_once():
            sock = listening.accept()[0]
            request = RequestReader().feed(sock.recv(4096))
            sock.sendall(accept(request.method, request.http_version, request.headers.raw).response)
            return sock

        accepting = in_thread(serve_once)
        ws = connect("ws://{}:{}/".format(*listening.getsockname()), proxy=None, close_timeout=0.1)
        with accepting():
            receiver = in_thread(ws.recv)
            receiving(ws)
            ws.close()
            with pytest.raises(ConnectionClosedError, match="no close frame received"):
                receiver()
        assert (ws.state, ws.close_code) == (State.CLOSED, 1006)


def test_several_threads_close(running, in_thread):
    with client(running(echo)) as ws:
        for done in [in_thread(ws.close) for _ in range(5)]:
            done()
        ws.close()
        assert ws.state is State.CLOSED


def test_peer_that_never_reads_does_not_block_close(running, in_thread):
    closed = threading.Event()

    def handler(ws):
        sending = in_thread(send_much, ws)
        gate.wait(TIME)
        ws.close()
        closed.set()
        with pytest.raises(ConnectionClosedError):
            sending()

    def send_much(ws):
        while True:
            ws.send(bytes(2**20))
            gate.set()

    gate = threading.Event()
    with Raw(running(handler, close_timeout=0.2, compression=None), receive_buffer=4096):
        assert closed.wait(TIME)


def test_pings_of_a_peer_that_never_reads_do_not_fill_our_memory(running):
    """Nor do they hold the thread that receives."""
    stored = []

    def handler(ws):
        with pytest.raises(ConnectionClosedError):
            ws.recv()
        stored.append(len(ws._outbox.pending))

    server = running(handler, ping_interval=None)
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # of those it accepts, too
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    ping = encode_frame(Opcode.PING, bytes(125), mask_key=b"mask")
    with Raw(server, receive_buffer=4096) as raw:
        raw.sock.settimeout(0.3)
        with suppress(TimeoutError):
            while True:
                raw.sock.sendall(ping * 1000)
    server.shutdown()
    assert stored[0] < 2000


def test_messages_that_nobody_receives_are_not_read(running):
    gate = threading.Event()

    def handler(ws):
        gate.wait(TIME)
        echo(ws)

    server = running(handler, max_queue=4, compression=None)
    with Raw(server) as raw:
        raw.sock.settimeout(0.5)
        with suppress(TimeoutError):
            while True:
                raw.send(Opcode.BINARY, bytes(2**16))
        (connection,) = server.connections
        assert len(connection._messages) <= 6
        gate.set()
