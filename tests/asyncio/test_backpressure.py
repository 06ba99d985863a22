"""What a peer sends and nobody receives is bounded, counted by its inflated size."""

from __future__ import annotations

import asyncio

import pytest
from both_ends import local
from raw_peer import compressed_frame, deflated, frame, open_raw

from wsframe import Opcode
from wsframe.asyncio import Listener
from wsframe.asyncio._endpoint import HIGH_WATER

MAX_MESSAGE = 2**20
MANY = 2**18  # bytes of frames


async def only_connection(server):
    while not server._all_connections:
        await asyncio.sleep(0)
    (ws,) = server._all_connections
    return ws


def empty_streams(count):
    """A message of so many empty DEFLATE streams."""
    return frame(Opcode.TEXT, b"\x03\x00" * count, rsv=4)


KINDS = {
    "bombs": compressed_frame(b"a" * MAX_MESSAGE),
    "tiny": compressed_frame(b"x"),
    "empty streams": empty_streams(500),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_queue_stays_bounded_if_one_read_inflates_to_much(kind):
    one = KINDS[kind]
    count = MANY // len(one)
    async with local(lambda ws: ws.wait_closed(), ping_interval=None, close_timeout=1) as server:
        _, writer = await open_raw(server, compression=True)
        ws = await only_connection(server)
        biggest, decode_more = 0, ws._decode_more

        writer.write(one * count)
        for _ in range(200):
            before = ws._queued
            await asyncio.sleep(0)
            biggest = max(biggest, ws._queued - before)
            await asyncio.sleep(0.001)
        assert ws.protocol.error is None
        assert 0 < ws._queued < count
        held = ws._queued * len(ws._pop()) if kind == "bombs" else 0
        assert held <= 2 * MAX_MESSAGE + HIGH_WATER
        assert decode_more is not None
        ws.transport.abort()
        writer.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_all_compressed_messages_arrive_despite_backpressure(kind):
    one = KINDS[kind]
    count = {"bombs": 40, "tiny": 2000, "empty streams": 400}[kind]
    got = 0
    done = asyncio.get_running_loop().create_future()

    async def handler(ws):
        nonlocal got
        async for _ in ws:
            got += 1
            if got == count:
                done.set_result(None)

    async with local(handler, ping_interval=None, close_timeout=1) as server:
        _, writer = await open_raw(server, compression=True)
        for _ in range(0, count, 20):
            writer.write(one * 20)
        await asyncio.wait_for(done, 25)
        writer.write(frame(Opcode.CLOSE, b"\x03\xe8"))
        ws = await only_connection(server)
        await asyncio.wait_for(ws.wait_closed(), 20)
        assert ws.close_code == 1000
        writer.close()


async def test_listener_yields_to_the_loop_between_inflated_messages():
    count, events = 40, []

    class Collect(Listener):
        def on_message(self, ws, message):
            events.append("message")

        def on_close(self, ws):
            events.append("close")

    async with local(Collect, ping_interval=None, close_timeout=1) as server:
        _, writer = await open_raw(server, compression=True)
        ws = await only_connection(server)
        writer.write(KINDS["bombs"] * count + frame(Opcode.CLOSE, b"\x03\xe8"))
        while "close" not in events:
            events.append("iteration")
            await asyncio.sleep(0)
        assert events.count("message") == count
        longest = max(map(len, "".join(event[0] for event in events).split("i")))
        assert longest <= 2
        assert ws.close_code == 1000
        writer.close()


async def test_receiving_a_large_message_resumes_reading():
    async with local(lambda ws: ws.wait_closed(), ping_interval=None, close_timeout=1) as server:
        _, writer = await open_raw(server, compression=True)
        ws = await only_connection(server)
        writer.write(KINDS["bombs"] * 10)
        for _ in range(10):
            assert len(await asyncio.wait_for(ws.recv(), 20)) == MAX_MESSAGE
        while ws._decoder.unread or not ws._reading:
            await asyncio.sleep(0)
        writer.write(frame(Opcode.TEXT, "last"))
        assert await asyncio.wait_for(ws.recv(), 20) == "last"
        ws.transport.abort()
        writer.close()


async def test_violation_is_reported_after_the_messages_before_it():
    async with local(lambda ws: ws.wait_closed(), ping_interval=None, close_timeout=1) as server:
        _, writer = await open_raw(server, compression=True)
        ws = await only_connection(server)
        writer.write(KINDS["bombs"] * 5 + frame(Opcode.TEXT, b"\xff") + KINDS["bombs"])
        for _ in range(5):
            assert len(await asyncio.wait_for(ws.recv(), 20)) == MAX_MESSAGE
        await asyncio.wait_for(ws.wait_closed(), 20)
        assert ws.protocol.error.close_code == 1007
        writer.close()


def test_bomb_of_these_tests_compresses_below_2000_bytes():
    assert len(deflated(b"a" * MAX_MESSAGE)) < 2000
