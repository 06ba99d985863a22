"""Random conversations with connections of websockets.asyncio, accelerated and as they are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from support.conversations import WISHES, conversations, parsed
from support.frames import CLOSE, KEY, PING, TEXT, compressed, frame
from support.pairs import Peer
from support.raw_peer import run
from support.sansio_websockets import MAJOR
from support.websockets_applications import react_to_all
from websockets.asyncio.connection import Connection
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.protocol import CLIENT, SERVER, Protocol, State

STYLES = ("iterate", "recv", "text", "bytes", "streaming", "slow", "tasks", "late")
HELLO = frame(TEXT, b"hello", key=KEY)


async def messages(ws: Any, style: str) -> AsyncIterator[Any]:
    if style == "iterate":
        async for message in ws:
            yield message
    while style == "streaming":
        yield "".join([str(part) async for part in ws.recv_streaming()])
    decode = {"text": True, "bytes": False}.get(style)
    while True:
        yield await ws.recv(decode)


async def converse(side: Any, pieces: list[bytes], style: str, **options: Any) -> Any:
    """Let a peer send these pieces and then close; return the observations."""
    seen: list[Any] = []
    ours, theirs = socket.socketpair()
    protocol: Any = Protocol(side, max_size=options["max_size"])
    if options["deflate"]:
        protocol.extensions = [PerMessageDeflate(False, False, 15, 15)]
    connection = Connection(protocol, ping_interval=None, max_queue=options["max_queue"])
    await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, ours)
    talking = asyncio.ensure_future(react_to_all(connection, messages(connection, style), style, seen))
    peer = await Peer.over(theirs, seen)
    await peer.send([*pieces, frame(CLOSE, b"\x03\xe8", key=KEY if side is SERVER else None)])
    ended = await peer.leave()
    connection.transport.abort()  # where nobody reads any more, nobody knows
    await asyncio.wait_for(talking, 20)
    return seen, parsed(bytes(peer.received)), ended


def both(*args: Any, **options: Any) -> Any:
    """Return the observations, which must not depend on the acceleration."""

    async def main() -> Any:
        return await converse(*args, **options)

    before, after = run(main, yes=False), run(main, yes=True)
    assert after == before
    return after


setup = st.fixed_dictionaries(
    {
        "deflate": st.booleans(),
        "max_size": st.sampled_from([2**20, 50, None]),
        "max_queue": st.sampled_from([16, 1] if MAJOR < 14 else [16, 1, None]),
    }
)
USUAL = {"deflate": False, "max_size": 2**20, "max_queue": 16}


@given(conversations(KEY), st.sampled_from(STYLES), setup)
@settings(deadline=None)
@example([HELLO * 300], "iterate", USUAL)
@example([HELLO * 300], "recv", {**USUAL, "max_queue": 1})
@example([HELLO * 30 + frame(PING, b"?", key=KEY) + HELLO], "tasks", USUAL)
@example([HELLO + frame(TEXT, b"x" * 60, key=KEY) + HELLO], "iterate", {**USUAL, "max_size": 50})
@example([HELLO + frame(TEXT, b"close", key=KEY) + HELLO], "slow", USUAL)
@example([HELLO + frame(TEXT, b"raise", key=KEY) + HELLO], "recv", USUAL)
@example([frame(TEXT, compressed(b"twice"), rsv=4, key=KEY) * 3 + HELLO], "late", {**USUAL, "deflate": True})
@example([bytes([octet]) for octet in HELLO * 2], "iterate", USUAL)
def test_server_conversation_is_the_same(pieces: list[bytes], style: str, setup: dict[str, Any]) -> None:
    both(SERVER, pieces, style, **setup)


@given(conversations(None), st.sampled_from(STYLES), setup)
@settings(deadline=None)
def test_client_conversation_is_the_same(pieces: list[bytes], style: str, setup: dict[str, Any]) -> None:
    both(CLIENT, pieces, style, **setup)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("command", sorted({*WISHES}))
def test_each_command_among_messages_gives_the_same_result(command: bytes, style: str) -> None:
    both(SERVER, [HELLO * 3 + frame(TEXT, command, key=KEY) + HELLO], style, **USUAL)


@pytest.mark.parametrize("style", STYLES)
def test_fast_path_handles_the_conversation(style: str) -> None:
    """The conversation takes place."""
    seen, sent, ended = both(SERVER, [HELLO * 3, frame(TEXT, b"twice", key=KEY) * 3], style, **USUAL)
    hello, twice = (b"hello", b"twice") if style == "bytes" else ("hello", "twice")
    assert [message for _, message in seen[:6]] == [hello] * 3 + [twice] * 3
    assert seen[-1] == (State.CLOSED, 1000, "")
    assert len(sent) >= 8
    assert ended
