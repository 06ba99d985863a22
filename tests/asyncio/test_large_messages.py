"""Large messages are compressed with time for the loop in between, or not at all."""

from __future__ import annotations

import asyncio
import random

import pytest
from both_ends import Pair

from wsframe.asyncio import ConnectionClosed


async def test_the_loop_goes_on_while_a_large_message_is_compressed():
    async with Pair(compression="deflate", max_message=None) as pair:
        message = bytes(range(256)) * 2**12 + random.Random(1).randbytes(2**20) + b"text " * 2**20
        iterations = 0

        async def count():
            nonlocal iterations
            while True:
                iterations += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        before = iterations
        await pair.ours.send(message)
        during = iterations - before
        counting.cancel()
        assert during >= len(message) // 2**16
        assert await pair.theirs.recv() == message
        # Contexts are still those of both sides.
        for text in ("x" * 1000, "y" * 1000):
            await pair.ours.send(text)
            assert await pair.theirs.recv() == text


async def test_messages_sent_by_others_meanwhile_leave_the_contexts_whole():
    async with Pair(compression="deflate", max_message=None) as pair:
        large = "some words " * 200_000
        texts = [f"{number} and more words {number} " * 50 for number in range(20)]
        sending = asyncio.create_task(pair.ours.send(large))
        for text in texts:
            await asyncio.sleep(0)
            pair.ours.send_nowait(text)
        await sending
        await pair.ours.send(texts[0])
        got = [await pair.theirs.recv() for _ in range(len(texts) + 2)]
        got.remove(large)
        assert got == [*texts, texts[0]]


@pytest.mark.parametrize("size", [2**16, 2**20])
async def test_a_large_message_whose_samples_do_not_shrink_leaves_uncompressed(size):
    async with Pair(compression="deflate", max_message=None) as pair:
        noise = random.Random(2).randbytes(size)
        frames = [*pair.ours.protocol.send_in_steps(noise)]
        assert frames[-1][0] == 0x82 and len(frames[-1]) == size + 10  # no RSV1
        assert pair.ours.protocol.send(noise)[0] == 0x82
        await pair.ours.send(noise)
        assert await pair.theirs.recv() == noise


async def test_closing_amid_a_large_message_raises_in_its_send():
    async with Pair(compression="deflate", max_message=None) as pair:
        sending = asyncio.create_task(pair.ours.send("words " * 2**20))
        await asyncio.sleep(0)
        pair.ours.close_nowait()
        with pytest.raises(ConnectionClosed):
            await sending
