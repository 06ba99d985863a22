"""Handshakes and compressed messages with websockets and wsproto, either side, with all parameters."""

from __future__ import annotations

from typing import Any

import peers
import pytest
from hypothesis import given, strategies as st
from peers import Ours, Websockets, Wsproto
from support.feeding import cut_at_random

from wsframe import Role
from wsframe.deflate import ClientPolicy, ServerPolicy

booleans = st.booleans()


def maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *values])


def settings(server_bits: Any, client_bits: Any) -> dict[str, st.SearchStrategy[Any]]:
    return {
        "server_no_context_takeover": booleans,
        "client_no_context_takeover": booleans,
        "server_max_window_bits": server_bits,
        "client_max_window_bits": client_bits,
    }


OWN, ANY = range(9, 16), range(8, 16)
modules = st.sampled_from(["zlib", "zlib-ng", "isal"])

# Told to use a window of 256 bytes, clients of either library fail.
our_server = st.none() | st.builds(ServerPolicy, module=modules, **settings(maybe(*OWN), maybe(*OWN)))
# Some servers of websockets take an offer of that for their own window, and fail.
our_client = st.none() | st.builds(ClientPolicy, module=modules, **settings(maybe(*OWN), maybe(True, *OWN)))
websockets_server = st.none() | st.fixed_dictionaries(settings(maybe(*OWN), maybe(*ANY)))
websockets_client = st.none() | st.fixed_dictionaries(settings(maybe(*ANY), maybe(True, *OWN)))
# wsproto has bits of 8 accepted for a compressor of its own, and fails on them later.
wsproto_settings = st.none() | st.fixed_dictionaries(settings(maybe(*OWN), maybe(*OWN)))

payloads = st.binary(max_size=30) | st.builds(
    lambda piece, times: piece * times, st.binary(min_size=1, max_size=20), st.integers(0, 500)
)
messages = st.lists(st.lists(payloads, min_size=1, max_size=4), min_size=1, max_size=4)


@pytest.fixture(autouse=True)
def _modules() -> None:
    pytest.importorskip("isal")
    pytest.importorskip("zlib_ng")


def meet(client: Any, server: Any) -> None:
    client.finish(server.respond(client.request()))
    assert client.subprotocol == server.subprotocol == "a"
    ours, theirs = (client, server) if isinstance(client, Ours) else (server, client)
    assert (ours.deflate is not None) is theirs.compressed


def converse(client: Any, server: Any, exchange: list[list[bytes]], seed: int) -> None:
    """After the handshake each side sends all messages; the other must receive them unchanged."""
    meet(client, server)
    expected = [b"".join(fragments) for fragments in exchange]
    for sender, receiver in ((client, server), (server, client)):
        data = b"".join(sender.send(fragments) for fragments in exchange)
        assert receiver.receive(cut_at_random(data, seed)) == expected


@given(policy=our_client, theirs=websockets_server, exchange=messages, seed=st.integers(0, 99))
def test_our_client_exchanges_messages_with_a_websockets_server(
    policy: Any, theirs: Any, exchange: list[list[bytes]], seed: int
) -> None:
    converse(Ours(Role.CLIENT, policy), Websockets(Role.SERVER, theirs), exchange, seed)


@given(policy=our_server, theirs=websockets_client, exchange=messages, seed=st.integers(0, 99))
def test_our_server_exchanges_messages_with_a_websockets_client(
    policy: Any, theirs: Any, exchange: list[list[bytes]], seed: int
) -> None:
    converse(Websockets(Role.CLIENT, theirs), Ours(Role.SERVER, policy), exchange, seed)


@given(policy=our_client, theirs=wsproto_settings, exchange=messages, seed=st.integers(0, 99))
def test_our_client_exchanges_messages_with_a_wsproto_server(
    policy: Any, theirs: Any, exchange: list[list[bytes]], seed: int
) -> None:
    if theirs and policy and policy.client_max_window_bits is None:
        # It would use its own setting without saying so in its response.
        theirs = {**theirs, "client_max_window_bits": None}
    converse(Ours(Role.CLIENT, policy), Wsproto(Role.SERVER, theirs), exchange, seed)


@given(policy=our_server, theirs=wsproto_settings, exchange=messages, seed=st.integers(0, 99))
def test_our_server_exchanges_messages_with_a_wsproto_client(
    policy: Any, theirs: Any, exchange: list[list[bytes]], seed: int
) -> None:
    converse(Wsproto(Role.CLIENT, theirs), Ours(Role.SERVER, policy), exchange, seed)


def test_both_sides_agree_on_the_same_parameters() -> None:
    """The parameters themselves, where the RFC leaves no choice."""
    client = Ours(Role.CLIENT, ClientPolicy(server_no_context_takeover=True, server_max_window_bits=10))
    server = Websockets(Role.SERVER, {"client_max_window_bits": 11, "client_no_context_takeover": True})
    meet(client, server)
    (theirs,) = server.protocol.extensions
    assert client.deflate.parameters == (
        theirs.local_no_context_takeover,
        theirs.remote_no_context_takeover,
        theirs.local_max_window_bits,
        theirs.remote_max_window_bits,
    )
    assert client.deflate.parameters == (True, True, 10, 11)


def test_websockets_and_wsframe_parse_the_test_uri_alike() -> None:
    assert peers.websockets_uri(peers.URI).resource_name == peers.parse_uri(peers.URI).path
