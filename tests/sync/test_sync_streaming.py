"""Messages that are received in parts."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest
from threaded_ends import TIME, Raw, client, echo

from wsframe import Opcode
from wsframe.sync import ConcurrencyError, ConnectionClosedError, ConnectionClosedOK


@pytest.mark.parametrize("compression", ["deflate", None])
@pytest.mark.parametrize("message", ["text \N{SNOWMAN}" * 100_000, bytes(range(256)) * 4000, "", b""])
def test_a_message_arrives_in_parts(running, message, compression):
    server = running(echo, max_size=2**24, compression=compression)
    with client(server, max_size=2**24, compression=compression) as ws:
        for _ in range(2):
            ws.send(message)
            parts = list(ws.recv_streaming())
            assert type(message)().join(parts) == message
            ws.send("whole")
            assert ws.recv() == "whole"


def test_parts_are_there_before_the_message_is_whole(running):
    got = []

    def handler(ws):
        for part in ws.recv_streaming():
            got.append(part)
            ws.send(f"got {part}")

    server = running(handler)
    with Raw(server) as raw:
        raw.send(Opcode.TEXT, b"a", fin=False)
        assert raw.receive() == "got a"
        raw.send(Opcode.CONTINUATION, b"b", fin=False)
        assert raw.receive() == "got b"
        raw.send(Opcode.PING, b"amid")
        assert raw.receive().data == b"amid"
        raw.send(Opcode.CONTINUATION, b"c")
        assert raw.receive() == "got c"
    assert "".join(got) == "abc"


def test_pings_get_pongs_between_the_parts(running):
    def handler(ws):
        parts = ws.recv_streaming()
        ws.send(next(parts))
        assert ws.ping().wait(TIME)
        assert ws.latency > 0
        ws.send("".join(parts))

    server = running(handler)
    with Raw(server) as raw:
        raw.send(Opcode.TEXT, b"a", fin=False)
        assert raw.receive() == "a"
        raw.send(Opcode.PONG, raw.receive().data)
        raw.send(Opcode.CONTINUATION, b"b")
        assert raw.receive() == "b"


@pytest.mark.parametrize(
    ("message", "decode", "result"),
    [("\xe9" * 9, False, ("\xe9" * 9).encode()), (b"\xc3\xa9" * 9, True, "\xe9" * 9)],
)
def test_decode(running, message, decode, result):
    with client(running(echo)) as ws:
        ws.send(message)
        parts = list(ws.recv_streaming(decode=decode))
        assert type(result)().join(parts) == result


def test_bytes_that_are_no_text(running):
    with client(running(echo)) as ws:
        ws.send(b"\xff")
        with pytest.raises(ConnectionClosedError) as raised:
            list(ws.recv_streaming(decode=True))
        assert raised.value.sent.code == 1007


def test_a_message_that_was_received_whole_already(running):
    with client(running(lambda ws: (ws.send("a"), ws.send("b"), ws.recv()))) as ws:
        assert ws.recv() == "a"
        assert "".join(ws.recv_streaming()) == "b"


def test_parts_must_be_used_up(running):
    with client(running(echo), compression=None) as ws:
        ws.send("x" * 1000)
        ws.send(["a", "b"])
        assert ws.recv() == "x" * 1000
        parts = ws.recv_streaming()
        rest = next(parts)
        if rest != "ab":
            with pytest.raises(ConcurrencyError):
                ws.recv()
            with pytest.raises(ConcurrencyError):
                next(ws.recv_streaming())
        rest += "".join(parts)
        assert rest == "ab"
        ws.send("next")
        assert ws.recv() == "next"


def test_the_end_amid_a_message(running):
    def handler(ws):
        with pytest.raises(ConnectionClosedOK):
            list(ws.recv_streaming())
        with pytest.raises(ConnectionClosedOK):
            ws.recv()

    with Raw(running(handler)) as raw:
        raw.send(Opcode.TEXT, b"a", fin=False)
        raw.send(Opcode.CLOSE, b"\x03\xe8")
        assert raw.receive().code == 1000
        assert raw.receive() is None


def test_memory_is_bounded(running):
    """A peer that sends one endless message is not read from while nobody takes the parts."""
    stored = []

    def handler(ws):
        parts = ws.recv_streaming()
        next(parts)
        done.wait(TIME)
        stored.append(len(ws._messages))
        for _ in parts:
            pass

    done = threading.Event()
    server = running(handler, max_size=None, compression=None)
    with Raw(server) as raw:
        raw.sock.settimeout(0.5)
        raw.send(Opcode.BINARY, b"x", fin=False)
        with suppress(TimeoutError):
            while True:
                raw.send(Opcode.CONTINUATION, bytes(2**16), fin=False)
        done.set()
    server.shutdown()
    assert stored[0] < 64


def test_fragments_of_an_iterator_leave_at_once(running, in_thread):
    gate = threading.Event()

    def fragments():
        yield "a"
        assert gate.wait(TIME)
        yield "b"

    def handler(ws):
        ws.recv()
        ws.send(fragments())

    with client(running(handler)) as ws:
        parts = ws.recv_streaming()
        first = in_thread(next, parts)
        deadline = time.monotonic() + TIME
        while not ws.protocol.decoder.streaming and time.monotonic() < deadline:
            time.sleep(0.001)
        ws.send("go")
        assert first() == "a"
        gate.set()
        assert "".join(parts) == "b"


def test_a_part_that_arrived_before_the_call_comes_at_once(running):
    """A peer that waits for the reply to its first fragment gets it."""
    arrived = threading.Event()

    def handler(ws):
        assert arrived.wait(TIME)
        for part in ws.recv_streaming():
            ws.send(part)

    with Raw(running(handler)) as raw:
        raw.send(Opcode.TEXT, b"first", fin=False)
        raw.send(Opcode.PING, b"")
        assert raw.receive().data == b""
        arrived.set()
        assert raw.receive() == "first"
        raw.send(Opcode.CONTINUATION, b"last")
        assert raw.receive() == "last"
