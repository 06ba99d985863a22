"""Random conversations with connections of websockets.legacy, accelerated and as they are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from support import legacy_pairs, loops
from support.conversations import WISHES, conversations, parsed
from support.frames import CLOSE, KEY, PING, TEXT, compressed, frame
from support.websockets_applications import react_to_all

STYLES = ("iterate", "recv", "slow", "tasks", "late")
HELLO = frame(TEXT, b"hello", key=KEY)


async def messages(ws: Any, style: str) -> Any:
    if style == "iterate":
        async for message in ws:
            yield message
    else:
        while True:
            yield await ws.recv()


def both(kind: Any, pieces: list[bytes], style: str, **options: Any) -> Any:
    """Let a peer send these pieces and then close; return the observations."""
    goodbye = frame(CLOSE, b"\x03\xe8", key=None if kind.is_client else KEY)

    async def main() -> Any:
        seen: list[Any] = []
        async with legacy_pairs.pair(kind, seen=seen, **options) as (connection, peer):
            talking = asyncio.ensure_future(
                react_to_all(connection, messages(connection, style), style, seen)
            )
            for piece in [*pieces, goodbye]:
                await peer.send([piece])
            ended = await peer.leave()
            connection.transport.abort()  # where nobody reads any more, nobody knows
            await asyncio.wait_for(talking, 20)
            seen.append((connection.close_rcvd, connection.close_sent))
        return seen, parsed(bytes(peer.received)), ended

    return legacy_pairs.both(main, factory=loops.timers_when_idle)


setup = st.fixed_dictionaries(
    {
        "deflate": st.booleans(),
        "max_size": st.sampled_from([2**20, 50, 0, None]),
        "max_queue": st.sampled_from([16, 1, None]),
    }
)
USUAL = {"deflate": False, "max_size": 2**20, "max_queue": 16}


@given(conversations(KEY), st.sampled_from(STYLES), setup)
@settings(deadline=None)
@example([HELLO * 300], "iterate", USUAL)
@example([HELLO * 300], "recv", {**USUAL, "max_queue": 1})
@example([HELLO * 30 + frame(PING, b"?", key=KEY) + HELLO], "tasks", USUAL)
@example([HELLO * 15 + frame(TEXT, b"\xff", key=KEY) + HELLO], "iterate", USUAL)
@example([HELLO * 17 + frame(TEXT, b"\xff", key=KEY) + HELLO], "iterate", USUAL)
@example([HELLO * 40 + frame(PING, b"?", key=KEY) + HELLO * 9 + frame(CLOSE, b"", key=KEY)], "slow", USUAL)
@example([HELLO + frame(TEXT, b"x" * 60, key=KEY) + HELLO], "iterate", {**USUAL, "max_size": 50})
@example([HELLO + frame(TEXT, b"close", key=KEY) + HELLO], "slow", USUAL)
@example([HELLO + frame(TEXT, b"raise", key=KEY) + HELLO], "recv", USUAL)
@example([frame(TEXT, compressed(b"twice"), rsv=4, key=KEY) * 3 + HELLO], "late", {**USUAL, "deflate": True})
@example([HELLO + frame(TEXT, b"\xff" * 9, rsv=4, key=KEY) + HELLO], "recv", {**USUAL, "deflate": True})
@example([bytes([octet]) for octet in HELLO * 2], "iterate", USUAL)
def test_server_conversation_is_the_same(pieces: list[bytes], style: str, setup: dict[str, Any]) -> None:
    both(legacy_pairs.Server, pieces, style, **setup)


@given(conversations(None), st.sampled_from(STYLES), setup)
@settings(deadline=None)
def test_client_conversation_is_the_same(pieces: list[bytes], style: str, setup: dict[str, Any]) -> None:
    both(legacy_pairs.Client, pieces, style, **setup)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("command", sorted({*WISHES}))
def test_each_command_among_messages_gives_the_same_result(command: bytes, style: str) -> None:
    both(legacy_pairs.Server, [HELLO * 3 + frame(TEXT, command, key=KEY) + HELLO], style, **USUAL)


@pytest.mark.parametrize("style", STYLES)
def test_fast_path_handles_the_conversation(style: str) -> None:
    """The conversation takes place."""
    pieces = [HELLO * 3, frame(TEXT, b"twice", key=KEY) * 3]
    seen, sent, ended = both(legacy_pairs.Server, pieces, style, **USUAL)
    assert seen[:6] == [(str, "hello")] * 3 + [(str, "twice")] * 3
    assert seen[-2][1:] == (1000, "")
    assert len(sent) >= 8
    assert ended
