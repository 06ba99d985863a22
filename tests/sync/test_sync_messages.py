"""Messages there and back: over TCP, TLS and Unix sockets, whole, in fragments, compressed."""

from __future__ import annotations

import socket
import ssl
import sys
import threading

import pytest
from threaded_ends import Raw, client, echo, serving, uri_of

from wsframe import Opcode, encode_text
from wsframe.deflate import ClientPolicy
from wsframe.sync import ConnectionClosedError, connect, serve, unix_connect, unix_serve

MESSAGES = ["", "text", "\N{SNOWMAN}" * 1000, b"", b"\x00\xff", bytes(range(256)) * 2000]


@pytest.mark.parametrize("compression", ["deflate", None])
def test_messages_come_back_as_they_are(running, compression):
    with client(running(echo), compression=compression) as ws:
        for message in MESSAGES:
            ws.send(message)
            assert ws.recv() == message


def test_a_burst_comes_back_in_order(running):
    with client(running(echo), compression=None) as ws:
        messages = [f"message {number}" for number in range(5000)]
        for message in messages:
            ws.send(message)
        assert [ws.recv() for _ in messages] == messages


def test_replies_to_a_burst_leave_while_the_handler_does_not_receive(running):
    def handler(ws):
        for _ in range(3):
            ws.send(ws.recv())
        gate.wait(30)

    gate = threading.Event()
    with Raw(running(handler)) as raw:
        raw.sock.sendall(b"".join(encode_text(text, masked=True) for text in "abcdefg"))
        assert [raw.receive() for _ in range(3)] == ["a", "b", "c"]
        gate.set()


def test_large_messages(running):
    with client(running(echo, max_size=2**24), max_size=2**24, compression=None) as ws:
        message = bytes(2**23)
        ws.send(message)
        assert ws.recv() == message


@pytest.mark.parametrize(
    ("kind", "decode", "result"),
    [("text", False, b"text"), (b"text", True, "text"), ("text", True, "text"), (b"text", False, b"text")],
)
def test_decode(running, kind, decode, result):
    with client(running(echo)) as ws:
        ws.send(kind)
        assert ws.recv(decode=decode) == result


def test_bytes_that_are_no_text_close_the_connection(running):
    with client(running(echo)) as ws:
        ws.send(b"\xff")
        with pytest.raises(ConnectionClosedError) as raised:
            ws.recv(decode=True)
        assert raised.value.sent.code == 1007
        assert isinstance(raised.value.__cause__, UnicodeDecodeError)


def test_text_as_binary_and_back(running):
    with client(running(echo)) as ws:
        ws.send("text", text=False)
        assert ws.recv() == b"text"
        ws.send(bytearray(b"text"), text=True)
        assert ws.recv() == "text"


@pytest.mark.parametrize("fragments", [["a", "b", "c"], [b"a", bytearray(b"b"), memoryview(b"c")], ["one"]])
@pytest.mark.parametrize("compression", ["deflate", None])
def test_fragments(running, fragments, compression):
    with client(running(echo), compression=compression) as ws:
        ws.send(iter(fragments))
        whole = type(fragments[0])().join(fragments)
        assert ws.recv() == whole
        ws.send([])  # sends nothing
        ws.send("next")
        assert ws.recv() == "next"


@pytest.mark.parametrize("wrong", [{"a": 1}, 1, None, [1], ["a", b"b"]])
def test_wrong_message_types_raise_type_error(running, wrong):
    with client(running(echo)) as ws, pytest.raises(TypeError):
        ws.send(wrong)


def test_half_a_message_cannot_be_taken_back(running):
    def fragments():
        yield "a"
        yield "b"
        raise ValueError("no more")

    with client(running(echo)) as ws:
        with pytest.raises(ValueError, match="no more"):
            ws.send(fragments())
        with pytest.raises(ConnectionClosedError) as raised:
            ws.recv()
        assert raised.value.sent.code == 1011


def test_iteration_ends_with_the_connection(running):
    def handler(ws):
        ws.send("one")
        ws.send(b"two")

    with client(running(handler)) as ws:
        assert list(ws) == ["one", b"two"]
        assert (ws.close_code, ws.close_reason) == (1000, "")


def test_a_message_over_the_limit_closes_the_connection(running):
    with client(running(echo, max_size=10)) as ws:
        ws.send("x" * 10)
        assert ws.recv() == "x" * 10
        ws.send("x" * 11)
        with pytest.raises(ConnectionClosedError) as raised:
            ws.recv()
        assert raised.value.rcvd.code == 1009


def test_a_bomb_is_inflated_bit_by_bit(running):
    """What one read inflates to is bounded, whatever it is."""
    got = []

    def handler(ws):
        got.extend(len(message) for message in ws)

    server = running(handler, max_size=2**21)
    with client(server, compression=ClientPolicy()) as ws:
        for _ in range(40):
            ws.send(bytes(2**20))
    server.shutdown()
    assert got == [2**20] * 40


def test_a_ping_amid_a_fragmented_message(running):
    with Raw(running(echo)) as raw:
        raw.send(Opcode.TEXT, b"a", fin=False)
        raw.send(Opcode.PING, b"ping")
        raw.send(Opcode.CONTINUATION, b"b")
        assert raw.receive().data == b"ping"
        assert raw.receive() == "ab"


def test_tls(running, contexts):
    theirs, ours = contexts
    server = running(echo, ssl=theirs, compression=None)
    with connect(uri_of(server, scheme="wss"), ssl=ours, compression=None, proxy=None) as ws:
        for message in MESSAGES:
            ws.send(message)
            assert ws.recv() == message
        assert ws.ping().wait(30)
        assert ws.socket.version().startswith("TLS")
    assert ws.close_code == 1000


def test_tls_in_both_directions_at_once(running, contexts, in_thread):
    theirs, ours = contexts
    server = running(echo, ssl=theirs, compression=None)
    with connect(uri_of(server, scheme="wss"), ssl=ours, compression=None, proxy=None) as ws:
        messages = [bytes([number % 256]) * 10_000 for number in range(500)]
        sending = in_thread(lambda: [ws.send(message) for message in messages])
        assert [ws.recv() for _ in messages] == messages
        sending()


def test_a_certificate_nobody_trusts(running, contexts):
    server = running(echo, ssl=contexts[0])
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(uri_of(server, scheme="wss"), proxy=None)


def test_no_tls_where_it_is_expected(running, contexts):
    server = running(echo, ssl=contexts[0], open_timeout=30)
    with socket.create_connection(server.socket.getsockname()) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while sock.recv(4096):
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")
def test_unix_sockets(tmp_path):
    path = str(tmp_path / "socket")
    with serving(unix_serve(echo, path)), unix_connect(path) as ws:
        ws.send("hello")
        assert ws.recv() == "hello"
        assert ws.request.headers["Host"] == "localhost"


def test_sockets_of_the_application():
    with socket.create_server(("127.0.0.1", 0)) as listening, serving(serve(echo, sock=listening)) as server:
        sock = socket.create_connection(server.socket.getsockname())
        with connect("ws://nowhere.invalid/", sock=sock) as ws:
            ws.send("hello")
            assert ws.recv() == "hello"
