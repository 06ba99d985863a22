"""`max_queue`: reading pauses over so many messages that nobody has received."""

from __future__ import annotations

import asyncio

import pytest
from both_ends import Pair, local

from wsframe.asyncio import connect
from wsframe.asyncio._endpoint import HIGH_WATER


async def send_until_paused(pair: Pair, limit: int) -> int:
    """Send messages one by one until the other end stops reading; return how many."""
    for count in range(1, limit + 1):
        await pair.theirs.send("x")
        while pair.ours._queued < count:
            await asyncio.sleep(0)
        if not pair.ours.transport.is_reading():
            return count
    return limit


@pytest.mark.parametrize(
    ("max_queue", "pauses_at", "goes_on_at"),
    [(8, 9, 2), ((8, 5), 9, 5), ((None, 2), 9, 2), ((3, None), 4, 0), (0, 1, 0), ((8, 8), 9, 8)],
)
async def test_reading_pauses_and_resumes_at_max_queue(max_queue, pauses_at, goes_on_at):
    async with Pair(max_queue=max_queue) as pair:
        for _ in range(2):
            assert await send_until_paused(pair, 20) == pauses_at
            while not pair.ours.transport.is_reading():
                assert pair.ours._queued > goes_on_at
                await pair.ours.recv()
            assert pair.ours._queued == goes_on_at
            while pair.ours._queued:
                await pair.ours.recv()


@pytest.mark.parametrize("options", [{}, {"max_queue": 1000}])
async def test_bytes_over_high_water_pause_reading_too(options):
    async with Pair(**options) as pair:
        await pair.theirs.send("x")
        await pair.theirs.send(b"a" * HIGH_WATER)
        while pair.ours._queued < 2:
            await asyncio.sleep(0)
        assert not pair.ours.transport.is_reading()


async def test_max_queue_of_none_never_pauses_reading():
    async with Pair(max_queue=None) as pair:
        for _ in range(50):
            await pair.theirs.send(b"a" * HIGH_WATER)
        while pair.ours._queued < 50:
            await asyncio.sleep(0)
        assert pair.ours.transport.is_reading()


@pytest.mark.parametrize("wrong", ["16", 1.5, True, (1, 2, 3), (1, 2), -1, (4, -1), (None, -1)])
def test_invalid_max_queue_raises(wrong):
    for make in (lambda: connect("ws://127.0.0.1/", max_queue=wrong), lambda: local(print, max_queue=wrong)):
        with pytest.raises((TypeError, ValueError), match="max_queue must"):
            make()
