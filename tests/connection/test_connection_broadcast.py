"""One message for many connections."""

from __future__ import annotations

from support.sansio_pairs import deflated_pair

from wsframe import Role
from wsframe.connection import Broadcast, SansIOConnection
from wsframe.deflate import Parameters


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
