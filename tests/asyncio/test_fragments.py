"""Messages sent in fragments: they do not mix, and are of one kind."""

from __future__ import annotations

import asyncio

import pytest
from both_ends import Pair

from wsframe.asyncio import ConnectionClosed, State, broadcast


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_message_waits_for_the_fragmented_message_in_progress(compression):
    async with Pair(compression=compression) as pair:
        go_on = asyncio.Event()

        async def parts(name):
            yield f"{name}0 "
            await go_on.wait()
            yield f"{name}1"

        tasks = [
            asyncio.create_task(pair.ours.send(message))
            for message in (parts("A"), parts("B"), "whole", b"octets")
        ]
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in tasks)
        go_on.set()
        await asyncio.gather(*tasks)
        got = [await pair.theirs.recv() for _ in tasks]
        assert got == ["A0 A1", "B0 B1", "whole", b"octets"]


@pytest.mark.parametrize(
    "fragments", [[b"a", "b"], ["a", b"\xff"], [None], [7], ["a", None], [[b"a"]]], ids=str
)
async def test_fragments_of_a_wrong_type_raise_before_sending(fragments):
    async with Pair() as pair:
        with pytest.raises(TypeError, match="fragment"):
            await pair.ours.send(fragments)
        assert pair.ours.state is State.OPEN
        await pair.ours.send("fine")
        assert await pair.theirs.recv() == "fine"


async def test_fragments_that_change_type_fail_with_1011():
    async with Pair() as pair:
        with pytest.raises(TypeError, match="all str or all bytes-like"):
            await pair.ours.send(["a", "b", b"c"])
        with pytest.raises(ConnectionClosed):
            await pair.theirs.recv()
        assert pair.theirs.close_code == 1011


async def test_cancelled_fragmented_message_does_not_block_later_ones():
    async with Pair() as pair:

        async def parts():
            await asyncio.Event().wait()
            yield "never"

        first = asyncio.create_task(pair.ours.send(parts()))
        second = asyncio.create_task(pair.ours.send("second"))
        await asyncio.sleep(0.01)
        first.cancel()
        await second
        assert await pair.theirs.recv() == "second"
        assert pair.ours._pending_sends == 0


async def test_no_message_overtakes_a_fragmented_one_before_its_first_fragment():
    async with Pair() as pair:
        more = asyncio.Event()

        async def fragments():
            await more.wait()
            yield "a"
            yield "b"

        tasks = [asyncio.create_task(pair.ours.send(message)) for message in (fragments(), "whole")]
        await asyncio.sleep(0.01)
        with pytest.raises(RuntimeError, match="a fragmented message is being sent"):
            pair.ours.send_nowait("late")
        broadcast([pair.ours], "passed over")
        more.set()
        await asyncio.gather(*tasks)
        await pair.ours.send("last")
        assert [await pair.theirs.recv() for _ in range(3)] == ["ab", "whole", "last"]
