"""Compressing a large message yields to the event loop in between, or is skipped."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest
from both_ends import Pair, address, local

from wsframe.asyncio import ConnectionClosed, broadcast, connect
from wsframe.deflate import Deflate


@contextlib.contextmanager
def counted_iterations():
    """A list that grows by one with each iteration of the loop."""
    iterations = []

    async def count():
        while True:
            iterations.append(None)
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    yield iterations
    counting.cancel()


async def test_compressing_a_large_message_yields_to_the_loop():
    async with Pair(compression="deflate", max_size=None) as pair:
        message = bytes(range(256)) * 2**12 + random.Random(1).randbytes(2**20) + b"text " * 2**20
        with counted_iterations() as iterations:
            await pair.ours.send(message)
        assert len(iterations) >= len(message) // 2**16
        assert await pair.theirs.recv() == message
        # Contexts are still those of both sides.
        for text in ("x" * 1000, "y" * 1000):
            await pair.ours.send(text)
            assert await pair.theirs.recv() == text


@pytest.mark.parametrize("size", [2**16, 2**20])
async def test_incompressible_large_message_is_sent_uncompressed(size):
    async with Pair(compression="deflate", max_size=None) as pair:
        noise = random.Random(2).randbytes(size)
        frames = [*pair.ours.protocol.send_in_steps(noise)]
        assert frames[-1][0] == 0x82 and len(frames[-1]) == size + 10  # no RSV1
        assert pair.ours.protocol.send(noise)[0] == 0x82
        await pair.ours.send(noise)
        assert await pair.theirs.recv() == noise


LARGE = "".join(random.Random(4).choices("abcdefgh \n", k=900_000))


@pytest.mark.parametrize("how", ["close", "return", "server"])
async def test_close_waits_for_a_large_message_in_progress(how):
    task = None

    async def handler(ws):
        nonlocal task
        task = asyncio.create_task(ws.send(LARGE))
        small = asyncio.create_task(ws.send("behind"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if how == "close":
            await ws.close()
        elif how == "server":
            ws.server.close()
        await small

    async with local(handler, compression="deflate", max_size=None) as server:
        async with connect(address(server), compression="deflate", max_size=None) as ws:
            assert await asyncio.wait_for(ws.recv(), 20) == LARGE
            assert await asyncio.wait_for(ws.recv(), 20) == "behind"
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(ws.recv(), 20)
        await task


@pytest.mark.parametrize("how", ["broadcast", "send_nowait"])
async def test_no_message_overtakes_a_large_message_in_progress(how):
    async with Pair(compression="deflate", max_size=None) as pair:
        sending = asyncio.create_task(pair.ours.send(LARGE))
        await asyncio.sleep(0)
        if how == "broadcast":
            broadcast([pair.ours], "small")
        else:
            pair.ours.send_nowait("small")
        await sending
        assert [await pair.theirs.recv(), await pair.theirs.recv()] == [LARGE, "small"]


async def test_compressing_a_large_fragment_yields_to_the_loop():
    async with Pair(compression="deflate", max_size=None) as pair:
        receiving = asyncio.create_task(pair.theirs.recv())
        with counted_iterations() as iterations:
            await pair.ours.send([LARGE, "", LARGE])
        assert await receiving == LARGE * 2
        assert len(iterations) >= 2 * len(LARGE) // 2**17


@pytest.mark.parametrize("how", ["close", "broadcast", "send_nowait"])
async def test_synchronous_calls_send_the_rest_of_a_message_uncompressed(how, monkeypatch):
    """The rest is sent uncompressed: compressing it would block the loop."""
    async with Pair(compression="deflate", max_size=None, max_unsent=None) as pair:
        steps = 0
        original = Deflate.deflate_in_steps

        def counted(self, data):
            nonlocal steps
            for piece in original(self, data):
                steps += 1
                yield piece

        monkeypatch.setattr(Deflate, "deflate_in_steps", counted)
        sending = asyncio.create_task(pair.ours.send(LARGE * 4))
        while not steps:
            await asyncio.sleep(0)
        if how == "close":
            pair.ours.close_nowait()
        elif how == "broadcast":
            broadcast([pair.ours], "small")
        else:
            pair.ours.send_nowait("small")
        assert steps == 1
        await sending
        assert await pair.theirs.recv() == LARGE * 4
        if how != "close":
            assert await pair.theirs.recv() == "small"
            for text in ("x" * 1000, "y" * 1000):  # the contexts are those of both sides
                await pair.ours.send(text)
                assert await pair.theirs.recv() == text
