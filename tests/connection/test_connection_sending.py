"""Messages to bytes, whole, in fragments and compressed (RFC 6455, 5.4 to 5.6; RFC 7692)."""

from __future__ import annotations

import random

import pytest
from support.sansio_pairs import deflated_pair, pair

from wsframe.deflate import Parameters


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
