"""One connection without I/O: its states, its replies, its end (RFC 6455, 5 to 7)."""

from __future__ import annotations

import random

import pytest

from wsframe import Close, CloseCode, Opcode, Ping, Pong, Role, encode_frame
from wsframe.connection import (
    Broadcast,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    SansIOConnection,
    State,
    close_body,
)
from wsframe.deflate import Deflate, Parameters
from wsframe.deflate.codec import DEFAULT_PARAMETERS

KEY = b"\x01\x02\x03\x04"


def pair(**options):
    return SansIOConnection(Role.SERVER, **options), SansIOConnection(Role.CLIENT, **options)


def flush(sender: SansIOConnection, receiver: SansIOConnection) -> list:
    """Carry what one side queued to the other."""
    data = b"".join(sender.outgoing)
    sender.outgoing.clear()
    return receiver.receive(data)


@pytest.mark.parametrize("message", ["", "text", "Grüße 日本 😀", b"", b"\x00\xff", "x" * 70000])
def test_messages_go_both_ways(message):
    server, client = pair()
    assert server.receive(client.send(message)) == [message]
    assert client.receive(server.send(message)) == [message]


def test_bytes_like_messages_are_binary():
    server, client = pair()
    assert server.receive(client.send(bytearray(b"ab")) + client.send(memoryview(b"cd"))) == [b"ab", b"cd"]


def test_only_the_client_masks():
    server, client = pair()
    assert client.send("x")[1] & 0x80
    assert not server.send("x")[1] & 0x80
    assert client.send("x")[2:6] != client.send("x")[2:6]


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


def test_single_fragment_is_sent_as_an_unfragmented_message():
    server, client = pair()
    assert server.receive(b"".join(client.send_fragments([b"one"]))) == [b"one"]
    assert b"".join(client.send_fragments([])) == b""


def test_mixing_text_and_binary_fragments_raises_type_error():
    _, client = pair()
    with pytest.raises(TypeError, match="all str or all bytes-like"):
        list(client.send_fragments(["a", b"b"]))


def test_sending_between_fragments_raises_runtime_error():
    _, client = pair()
    client.send_fragment("a", final=False)
    with pytest.raises(RuntimeError, match="fragmented message"):
        client.send("b")
    client.send_fragment("c", final=True)
    client.send("d")


def test_client_can_start_the_closing_handshake():
    server, client = pair()
    assert server.receive(client.close(1000, "bye")) == [Close(1000, "bye")]
    assert (server.state, server.ends_tcp) == (State.CLOSING, True)
    assert (client.state, client.ends_tcp) == (State.CLOSING, False)
    assert flush(server, client) == [Close(1000, "bye")]
    assert not client.ends_tcp  # the server does (7.1.1)
    for side in server, client:
        side.receive_eof()
        assert (side.close_code, side.close_reason) == (1000, "bye")
        assert isinstance(side.closed_error(), ConnectionClosedOK)


def test_server_can_start_the_closing_handshake():
    server, client = pair()
    client.receive(server.close(4000, "app"))
    assert not server.ends_tcp
    flush(client, server)
    assert server.ends_tcp and not client.ends_tcp
    server.receive_eof()
    assert server.close_code == 4000
    assert type(server.closed_error()) is ConnectionClosedError


def test_simultaneous_closes_need_no_further_close_frame():
    server, client = pair()
    from_server, from_client = server.close(1000), client.close(1001)
    server.receive(from_client)
    client.receive(from_server)
    assert server.outgoing == client.outgoing == []
    assert server.ends_tcp
    assert (server.received, client.received) == (Close(1001), Close(1000))


def test_messages_before_the_close_of_the_peer_are_delivered():
    server, client = pair()
    late = client.send("late")
    client.receive(server.close())
    assert server.receive(late) == ["late"]
    assert flush(client, server) == [Close(1000)]


def test_empty_close_is_echoed_as_an_empty_close():
    server, client = pair()
    server.receive(client.close(1005))
    assert server.outgoing == [b"\x88\x00"]
    client.receive(server.outgoing[0])
    client.receive_eof()
    assert client.close_code == CloseCode.NO_STATUS_RCVD


def test_end_of_stream_without_close_is_1006():
    server, _ = pair()
    assert server.close_code is None
    server.receive_eof()
    assert (server.state, server.close_code, server.close_reason) == (State.CLOSED, 1006, "")


@pytest.mark.parametrize(
    "call", [lambda c: c.send("x"), lambda c: c.ping(), lambda c: c.pong(), lambda c: c.close()]
)
def test_nothing_is_sent_after_close(call):
    server, client = pair()
    server.close()
    with pytest.raises(ConnectionClosed, match="sent 1000"):
        call(server)
    client.receive_eof()
    with pytest.raises(ConnectionClosed, match="no close frame"):
        call(client)


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


def test_violation_after_our_close_sends_no_second_close():
    server, _ = pair()
    server.close()
    server.receive(b"\x81\x01x")
    server.fail()
    assert server.outgoing == [] and server.error is not None and server.ends_tcp


def test_data_after_close_is_discarded():
    server, client = pair()
    data = client.send("late")
    assert server.receive(client.close() + data) == [Close(1000)]
    assert server.receive(data) == []


@pytest.mark.parametrize("code", [0, 999, 1004, 1006, 1015, 2999, 5000])
def test_close_codes_that_must_not_be_sent_raise_value_error(code):
    with pytest.raises(ValueError, match=str(code)):
        close_body(code, "")


def test_close_reason_over_123_bytes_raises_value_error():
    assert len(close_body(1000, "é" * 61 + "x")) == 125
    with pytest.raises(ValueError, match="123 bytes"):
        close_body(1000, "é" * 62)
    with pytest.raises(ValueError, match="needs a close code"):
        close_body(1005, "why")


def test_refused_close_leaves_the_connection_open():
    server, _ = pair()
    with pytest.raises(ValueError, match="1006"):
        server.close(1006)
    assert server.state is State.OPEN and server.outgoing == []


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


# permessage-deflate


def deflated_pair(parameters=DEFAULT_PARAMETERS, min_size=0):
    return (
        SansIOConnection(Role.SERVER, deflate=Deflate(Role.SERVER, parameters, min_size=min_size)),
        SansIOConnection(Role.CLIENT, deflate=Deflate(Role.CLIENT, parameters, min_size=min_size)),
    )


@pytest.mark.parametrize("takeover", [True, False])
def test_compressed_messages_and_fragments_round_trip(takeover):
    server, client = deflated_pair(Parameters(not takeover, not takeover))
    for _ in range(3):
        for message in ["text " * 100, b"bin" * 100, ""]:
            assert server.receive(client.send(message)) == [message]
            assert client.receive(server.send(message)) == [message]
        data = b"".join(client.send_fragments(["one " * 50, "two " * 50]))
        assert data[0] & 0x40
        assert server.receive(data) == ["one " * 50 + "two " * 50]


def test_small_messages_are_not_compressed():
    server, client = deflated_pair(min_size=100)
    assert not client.send("x" * 99)[0] & 0x40
    assert client.send("x" * 100)[0] & 0x40
    assert server.encodes_directly is False


def test_random_compressed_traffic_round_trips():
    rng = random.Random(7)
    server, client = deflated_pair()
    for _ in range(200):
        message = rng.choice(["a", "b", "long "]) * rng.randrange(2000)
        assert server.receive(client.send(message)) == [message]


# Broadcast


def test_broadcast_is_encoded_once():
    servers = [SansIOConnection(Role.SERVER) for _ in range(3)]
    sending = Broadcast("hello")
    frames = [sending.frame_for(server) for server in servers]
    assert frames[0] is frames[1] is frames[2]
    assert SansIOConnection(Role.CLIENT).receive(frames[0]) == ["hello"]


def test_broadcast_skips_closing_and_fragmenting_connections():
    closing, amid = SansIOConnection(Role.SERVER), SansIOConnection(Role.SERVER)
    closing.close()
    amid.send_fragment("x", final=False)
    sending = Broadcast(b"hello")
    assert sending.frame_for(closing) is None
    assert sending.frame_for(amid) is None


def test_broadcast_to_clients_masks_each_with_its_own_key():
    clients = [SansIOConnection(Role.CLIENT) for _ in range(2)]
    sending = Broadcast("hello")
    first, second = (sending.frame_for(client) for client in clients)
    assert first[2:6] != second[2:6]
    assert SansIOConnection(Role.SERVER).receive(first + second) == ["hello", "hello"]


def test_compressed_broadcast_is_shared_and_keeps_contexts_valid():
    pairs = [deflated_pair() for _ in range(3)]
    for number, (server, client) in enumerate(pairs):
        assert client.receive(server.send(f"before {number} " * 20)) == [f"before {number} " * 20]
    sending = Broadcast("to all " * 50)
    frames = [sending.frame_for(server) for server, _ in pairs]
    assert frames[0] is frames[1] is frames[2] and frames[0][0] & 0x40
    for number, (server, client) in enumerate(pairs):
        assert client.receive(frames[number]) == ["to all " * 50]
        assert client.receive(server.send(f"after {number} " * 20)) == [f"after {number} " * 20]


def test_compressed_broadcast_groups_by_parameters():
    wide, narrow = deflated_pair(), deflated_pair(Parameters(False, False, 9, 9))
    sending = Broadcast("to all " * 50)
    first, second = sending.frame_for(wide[0]), sending.frame_for(narrow[0])
    assert first is not second
    assert wide[1].receive(first) == narrow[1].receive(second) == ["to all " * 50]
