"""`send` acts when it is awaited, and messages leave in that order."""

from __future__ import annotations

import asyncio
import inspect
import random
import sys
import threading

import pytest
from both_ends import Pair, address, local

from wsframe import backend
from wsframe.asyncio import ConnectionClosed, connect

both = pytest.mark.parametrize("compression", [None, "deflate"])


@both
async def test_gather_returns_the_exception_of_a_closed_peer_and_reaches_the_others(compression):
    peers = []

    async def handler(ws):
        peers.append(ws)
        await ws.wait_closed()

    async with local(handler, compression=compression) as server:
        clients = [await connect(address(server), compression=compression) for _ in range(3)]
        while len(peers) < 3:
            await asyncio.sleep(0)
        await clients[1].close()
        await peers[1].wait_closed()
        results = await asyncio.gather(*(ws.send("hi") for ws in peers), return_exceptions=True)
        assert [isinstance(result, ConnectionClosed) for result in results] == [False, True, False]
        assert [await clients[n].recv() for n in (0, 2)] == ["hi", "hi"]
        task = asyncio.create_task(peers[1].send("x"))
        with pytest.raises(ConnectionClosed):
            await task
        for client in clients:
            await client.close()


async def test_send_raises_when_it_is_awaited_and_not_before():
    async with Pair() as pair:
        wrong = pair.ours.send(7)
        with pytest.raises(TypeError):
            await wrong
        await pair.ours.close()
        late = pair.ours.send("x")
        with pytest.raises(ConnectionClosed):
            await late


@both
@pytest.mark.parametrize("debug", [False, True])
async def test_threads_send_through_run_coroutine_threadsafe(compression, debug):
    loop = asyncio.get_running_loop()
    loop.set_debug(debug)
    loop.slow_callback_duration = 60
    messages, count = 60, 4
    async with Pair(compression=compression) as pair:
        errors = []

        def work(number):
            rng = random.Random(number)
            for i in range(messages):
                text = f"{number}:{i}:" + chr(97 + rng.randrange(26)) * rng.choice([5, 200, 90_000])
                try:
                    asyncio.run_coroutine_threadsafe(pair.ours.send(text), loop).result(30)
                except BaseException as exc:  # told below
                    errors.append(exc)
                    return

        threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        last = dict.fromkeys(range(count), -1)
        for _ in range(messages * count):
            number, i, text = (await asyncio.wait_for(pair.theirs.recv(), 20)).split(":", 2)
            assert int(i) == last[int(number)] + 1
            assert len(set(text)) == 1
            last[int(number)] = int(i)
        while any(thread.is_alive() for thread in threads):
            await asyncio.sleep(0.001)
        assert not errors


async def test_a_cancelled_task_sends_nothing():
    async with Pair() as pair:
        task = asyncio.create_task(pair.ours.send("never"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await pair.ours.send("next")
        assert await pair.theirs.recv() == "next"


@both
async def test_no_message_overtakes_one_that_waits_for_the_peer(compression):
    async with Pair(compression=compression) as pair:
        rng = random.Random(1)
        count, tasks = 400, []

        async def produce():
            for i in range(count):
                payload = b"%08d" % i + rng.randbytes(rng.choice([10, 40_000]))
                tasks.append(asyncio.create_task(pair.ours.send(payload)))
                await asyncio.sleep(0)

        producer = asyncio.create_task(produce())
        got = []
        while len(got) < count:
            got.append(int((await asyncio.wait_for(pair.theirs.recv(), 20))[:8]))
            if len(got) % 50 == 0:
                await asyncio.sleep(0.001)
        await producer
        await asyncio.gather(*tasks)
        assert got == list(range(count))


async def test_order_is_kept_among_fragmented_large_and_small_messages():
    async with Pair(compression="deflate") as pair:
        large = "compressible " * 40_000

        async def parts(name):
            for number in range(3):
                yield f"{name}{number}"
                await asyncio.sleep(0)

        messages = ["a", parts("b"), large, "c", ["d", "e"], large, parts("f"), "g"]
        tasks = [asyncio.create_task(pair.ours.send(message)) for message in messages]
        wanted = ["a", "b0b1b2", large, "c", "de", large, "f0f1f2", "g"]
        assert [await asyncio.wait_for(pair.theirs.recv(), 20) for _ in wanted] == wanted
        await asyncio.gather(*tasks)


async def test_send_waits_for_a_slow_peer_and_raises_on_loss():
    async with Pair(compression=None) as pair:
        pair.theirs.transport.pause_reading()

        async def pour():
            while True:
                await pair.ours.send(b"x" * 100_000)

        pouring = [asyncio.create_task(pour()) for _ in range(3)]
        while not pair.ours.congested:
            await asyncio.sleep(0)
        size = pair.ours.transport.get_write_buffer_size()
        await asyncio.sleep(0.05)
        assert pair.ours.transport.get_write_buffer_size() <= size + 2 * 100_100
        pair.ours.transport.abort()
        results = await asyncio.gather(*pouring, return_exceptions=True)
        assert all(isinstance(result, ConnectionClosed) for result in results)


@pytest.mark.parametrize("message", [None, 5, object()])
async def test_wrong_message_type_is_a_type_error_that_says_what_to_pass(message):
    async with Pair() as pair:
        with pytest.raises(TypeError, match=r"^message must be str, bytes-like or an iterable"):
            await pair.ours.send(message)
        await pair.ours.send("after")
        assert await pair.theirs.recv() == "after"


async def test_send_is_a_coroutine_function_for_inspect():
    """Starlette's BackgroundTask asks, older ones ask asyncio."""
    async with Pair() as pair:
        if sys.version_info < (3, 14):  # deprecated there
            assert asyncio.iscoroutinefunction(pair.ours.send)
        if not hasattr(inspect, "markcoroutinefunction") and backend != "py":
            pytest.skip("only CPython 3.12 and newer let a compiled function say so")
        assert inspect.iscoroutinefunction(pair.ours.send)
        assert inspect.iscoroutinefunction(type(pair.ours).send)


async def test_encoding_error_reaches_the_sender_of_that_message():
    async with Pair(compression="deflate", max_size=None) as pair:
        large = asyncio.create_task(pair.ours.send("words " * 200_000))
        await asyncio.sleep(0)
        wrong = asyncio.create_task(pair.ours.send("\ud800"))
        await asyncio.sleep(0)
        pair.ours.send_nowait("behind")
        with pytest.raises(UnicodeEncodeError):
            await wrong
        await large
        assert await pair.theirs.recv() == "words " * 200_000
        assert await pair.theirs.recv() == "behind"
