"""What a connection replies to control frames and violations (RFC 6455, 5.5 and 7.1.7)."""

from __future__ import annotations

from support.sansio_pairs import flush, pair

from wsframe import Close, Opcode, Ping, Pong, encode_frame

KEY = b"\x01\x02\x03\x04"


def test_ping_gets_a_pong_with_the_same_data():
    server, client = pair()
    assert server.receive(client.ping(b"data")) == [Ping(b"data")]
    assert flush(server, client) == [Pong(b"data")]
    assert client.outgoing == []


def test_ping_between_fragments_is_delivered_before_the_message():
    server, client = pair()
    stream = client.send_fragments(["one ", "two ", "three"])
    data = next(stream) + client.ping(b"!") + b"".join(stream)
    assert server.receive(data) == [Ping(b"!"), "one two three"]


def test_violation_sends_its_code_and_discards_the_rest():
    server, client = pair()
    good = client.send("good")
    assert server.receive(good + b"\x81\x01x" + good) == ["good"]
    assert server.error is not None and not server.ends_tcp
    assert client.receive(server.send("reply")) == ["reply"]
    server.fail()
    assert server.ends_tcp
    assert flush(server, client) == [Close(1002, "frame from a client must be masked")]
    assert server.receive(good) == []
    error = server.closed_error()
    assert error.__cause__ is server.error


def test_case_15_pongs_are_as_many_bytes_as_pings():
    """A flood of Pings in one read makes no more output than it took input."""
    server, _ = pair()
    ping = encode_frame(Opcode.PING, b"", mask_key=KEY)
    for _ in range(100):
        server.receive(ping * 1000)
        assert sum(map(len, server.outgoing)) == 2000
        server.outgoing.clear()


def test_message_over_max_message_fails_with_1009():
    server, client = pair(max_message=10)
    server.receive(client.send("x" * 11))
    server.fail()
    assert server.sent == Close(1009, "message larger than 10 bytes")
