"""A peer that does not read costs a bounded amount."""

from __future__ import annotations

import asyncio

import pytest
from both_ends import Pair, local

from wsframe.asyncio import ConnectionClosed, State, broadcast, connect


@pytest.mark.parametrize("how", ["broadcast", "send_nowait"])
async def test_a_peer_that_never_reads_is_closed_with_1013(how):
    async with Pair(compression=None, max_unsent=300_000, close_timeout=0.2) as pair:
        pair.theirs.transport.pause_reading()
        try:
            for _ in range(1000):
                if how == "broadcast":
                    broadcast([pair.ours], b"x" * 100_000)
                else:
                    pair.ours.send_nowait(b"x" * 100_000)
                await asyncio.sleep(0)
                assert pair.ours.transport.get_write_buffer_size() <= 300_000 + 2 * 100_100
        except ConnectionClosed:
            assert how == "send_nowait"
        assert pair.ours.state is not State.OPEN
        assert pair.ours.protocol.sent.code == 1013
        await asyncio.wait_for(pair.ours.wait_closed(), 10)


@pytest.mark.parametrize("how", ["broadcast", "send_nowait"])
async def test_messages_for_a_peer_that_never_reads_may_be_dropped(how):
    async with Pair(compression=None, max_unsent=300_000, slow_peer="drop") as pair:
        pair.theirs.transport.pause_reading()
        for number in range(200):
            message = b"%03d" % number + b"x" * 100_000
            if how == "broadcast":
                broadcast([pair.ours], message)
            else:
                pair.ours.send_nowait(message)
            await asyncio.sleep(0)
        assert pair.ours.transport.get_write_buffer_size() <= 300_000 + 2 * 100_100
        assert pair.ours.state is State.OPEN
        pair.theirs.transport.resume_reading()
        first = [int((await pair.theirs.recv())[:3]) for _ in range(4)]
        assert first == [0, 1, 2, 3]  # what was queued arrives


async def test_max_unsent_of_none_has_no_limit():
    async with Pair(compression=None, max_unsent=None) as pair:
        pair.theirs.transport.pause_reading()
        for _ in range(100):
            broadcast([pair.ours], b"x" * 100_000)
        assert pair.ours.state is State.OPEN
        assert pair.ours.transport.get_write_buffer_size() > 2**22


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"max_unsent": -1}, ValueError),
        ({"max_unsent": "1"}, TypeError),
        ({"max_unsent": True}, TypeError),
        ({"slow_peer": "wait"}, ValueError),
        ({"slow_peer": None}, ValueError),
    ],
    ids=str,
)
async def test_invalid_slow_peer_options_raise(options, error):
    for make in (lambda: local(print, **options), lambda: connect("ws://127.0.0.1:1", **options)):
        with pytest.raises(error):
            make()


@pytest.mark.parametrize("size", [2**23, 2**24])
async def test_awaited_sends_do_not_count_towards_max_unsent(size):
    """A peer that takes a large message is not too slow for the small ones that are broadcast meanwhile."""
    async with Pair(compression=None, max_size=None) as pair:
        sending = asyncio.create_task(pair.ours.send(bytes(size)))
        await asyncio.sleep(0)
        assert pair.ours.congested
        for number in range(3):
            broadcast([pair.ours], f"tick {number}")
            pair.ours.send_nowait(f"tock {number}")
        assert len(await pair.theirs.recv()) == size
        await sending
        assert [await pair.theirs.recv() for _ in range(2)] == ["tick 0", "tock 0"]
        assert pair.ours.state is State.OPEN
