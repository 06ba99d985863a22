"""Closing, from either side, whatever is unread or still on its way."""

from __future__ import annotations

import asyncio
import random
import socket
import sys
from contextlib import suppress

import pytest
from both_ends import Pair, address, local
from raw_peer import KEY, compressed_frame, frame, open_raw
from rawclient import request_to

from wsframe import Close, MessageDecoder, Opcode, Role
from wsframe.asyncio import ConnectionClosed, ConnectionClosedOK, State, connect

SOON = 25  # seconds; far below the close time-out of the tests, far above what closing takes


async def feed(ws):
    """Send what compresses to a half: of what compresses well, the buffers of the system take for seconds."""
    with suppress(ConnectionClosed):
        while True:
            await ws.send(random.randbytes(500).hex())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell what is on its way")
async def test_the_last_large_message_reaches_a_slow_but_steady_reader():
    size = 8_000_000

    async def handler(ws):
        await ws.send(b"x" * size)

    async with local(handler, compression=None, close_timeout=0.2, ping_interval=None) as server:
        reader, writer = await open_raw(server, receive_buffer=2**16)
        decoder, got = MessageDecoder(Role.CLIENT, max_message=None), []
        while len(got) < 2:
            data = await reader.read(2**16)
            assert data, "cut off"
            got += decoder.feed(data)
            await asyncio.sleep(0.006)
        assert len(got[0]) == size
        assert got[1] == Close(1000, "")
        writer.close()


async def test_close_timeout_ends_a_peer_that_never_reads():
    async def handler(ws):
        await ws.send(b"x" * 8_000_000)

    async with local(handler, compression=None, close_timeout=0.2, ping_interval=None) as server:
        _, writer = await open_raw(server, receive_buffer=2**16)
        writer.transport.pause_reading()
        while not server._all_connections:
            await asyncio.sleep(0)
        (ws,) = server._all_connections
        ws.close_nowait()
        await asyncio.wait_for(ws.wait_closed(), 10)
        assert ws.close_code == 1006
        writer.close()


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_closing_a_fast_feed_ends_once_the_peer_has_closed(compression):
    async with local(feed, compression=compression, close_timeout=1000) as server:
        ws = await connect(address(server), compression=compression, close_timeout=1000)
        await ws.recv()
        while ws._reading:  # more is unread than is to be
            await asyncio.sleep(0.001)
        await asyncio.wait_for(ws.close(), SOON)
        assert ws.close_code == 1000


async def test_server_can_close_while_a_client_floods_it():
    async with Pair(compression=None, close_timeout=1000) as pair:
        flooding = asyncio.create_task(feed(pair.theirs))
        while pair.ours._reading:
            await asyncio.sleep(0.001)
        await asyncio.wait_for(pair.ours.close(4001, "enough"), SOON)
        await flooding
        await pair.theirs.wait_closed()
        assert (pair.ours.close_code, pair.theirs.close_code) == (4001, 4001)


async def test_close_finds_the_close_frame_behind_unread_messages():
    async with Pair(compression=None, close_timeout=1000) as pair:
        for _ in range(100):
            await pair.theirs.send("x" * 10_000)
        pair.theirs.close_nowait(4002)
        await asyncio.wait_for(pair.ours.close(4003), SOON)
        assert pair.ours.close_code == 4002


async def test_queued_messages_can_be_received_after_close():
    async with Pair(compression=None) as pair:
        for number in range(20):
            await pair.theirs.send(str(number))
        while pair.ours._queued < 20:
            await asyncio.sleep(0)
        await pair.ours.close()
        assert [await pair.ours.recv() for _ in range(20)] == [str(number) for number in range(20)]
        with pytest.raises(ConnectionClosedOK):
            await pair.ours.recv()


async def test_messages_after_close_are_dropped_over_high_water():
    async with local(lambda ws: ws.wait_closed(), compression=None, close_timeout=1000) as server:
        _reader, writer = await open_raw(server)
        while not server._all_connections:
            await asyncio.sleep(0)
        (ws,) = server._all_connections
        ws.close_nowait()
        for _ in range(100):
            writer.write(frame(Opcode.BINARY, bytes(100_000)))
            await writer.drain()
        assert ws._queued <= 2
        writer.write(frame(Opcode.CLOSE, b"\x03\xe8"))
        await asyncio.wait_for(ws.wait_closed(), SOON)
        assert ws.close_code == 1000
        writer.close()


async def test_close_completes_during_a_flood_of_compressed_messages():
    async with local(lambda ws: ws.wait_closed(), compression="deflate", close_timeout=1000) as server:
        _reader, writer = await open_raw(server, compression=True)
        while not server._all_connections:
            await asyncio.sleep(0)
        (ws,) = server._all_connections
        bomb = compressed_frame(b"a" * 2**20)
        writer.write(bomb * 100)
        while not ws._queued:
            await asyncio.sleep(0)
        ws.close_nowait()
        writer.write(frame(Opcode.CLOSE, b"\x03\xe8"))
        await asyncio.wait_for(ws.wait_closed(), 20)
        assert ws.close_code == 1000
        assert ws._queued <= 3
        writer.close()


async def test_client_detects_eof_behind_a_close_and_unread_messages():
    """The server ends TCP; a client that had stopped reading must still notice."""
    async with Pair(compression=None, close_timeout=1000) as pair:
        pair.theirs._high_water = 1000
        pair.theirs.transport.pause_reading()
        for _ in range(20):
            pair.ours.send_nowait("x" * 1000)
        pair.ours.close_nowait(4000)
        while pair.ours.transport.get_write_buffer_size():
            await asyncio.sleep(0.001)
        pair.theirs.transport.resume_reading()  # one read brings all of it
        await asyncio.wait_for(pair.theirs.wait_closed(), SOON)
        assert pair.theirs.close_code == 4000
        assert len([message async for message in received(pair.theirs)]) == 20


async def received(ws):
    with suppress(ConnectionClosed):
        while True:
            yield await ws.recv()


async def test_large_last_message_arrives_before_the_close():
    async with Pair(compression="deflate", max_size=None) as pair:
        noise = random.Random(3).randbytes(3_000_000)
        sending = asyncio.create_task(pair.ours.send(noise))
        assert await asyncio.wait_for(pair.theirs.recv(), 20) == noise
        await sending
        await pair.ours.close()
        await pair.theirs.wait_closed()
        assert pair.theirs.close_code == 1000


VIOLATIONS = {
    "reserved opcode": (b"\x83\x80" + KEY, 1002),
    "text that is not UTF-8": (frame(Opcode.TEXT, b"\xff"), 1007),
    "message over max_size": (frame(Opcode.BINARY, b"x" * 2**17), 1009),
}


def close_received_after_sending(address, request, data):
    """Send all of this to a server before anything is read; return the last frame of what it sent."""
    with socket.create_connection(address, 30) as sock:
        sock.sendall(request)
        sock.sendall(data)
        received = b"".join(iter(lambda: sock.recv(2**16), b""))
    return MessageDecoder(Role.CLIENT).feed(received.partition(b"\r\n\r\n")[2])[-1]


@pytest.mark.parametrize("name", VIOLATIONS)
async def test_close_code_of_a_violation_reaches_a_peer_that_is_still_sending(name):
    violation, code = VIOLATIONS[name]

    async def handler(ws):
        with suppress(ConnectionClosed):
            await ws.recv()

    async with local(handler, compression=None, max_size=2**16, close_timeout=1000) as server:
        address, request = server.sockets[0].getsockname(), request_to(server)
        data = violation + frame(Opcode.BINARY, b"x" * 3_000_000)
        close = await asyncio.to_thread(close_received_after_sending, address, request, data)
        assert close.code == code


async def test_a_client_of_websockets_gets_1009_for_a_message_that_it_is_still_sending():
    websockets = pytest.importorskip("websockets.asyncio.client")
    exceptions = pytest.importorskip("websockets.exceptions")

    async with local(lambda ws: ws.wait_closed(), compression=None, max_size=2**20) as server:
        async with websockets.connect(address(server), compression=None, proxy=None) as ws:
            with suppress(exceptions.ConnectionClosed):
                await ws.send(bytes(2**24 + 1))
                await ws.recv()
        assert ws.close_code == 1009


@pytest.mark.parametrize("send", ["send", "ping", "pong", "fragments", "large"])
@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_send_while_closing_raises_when_closed_and_tells_how(send, compression):
    async with Pair(compression=compression) as pair:
        ws = pair.ours
        calls = {
            "send": lambda: ws.send("late"),
            "ping": ws.ping,
            "pong": ws.pong,
            "fragments": lambda: ws.send(["a", "b"]),
            "large": lambda: ws.send(bytes(2**20)),
        }
        ws.close_nowait()
        with pytest.raises(ConnectionClosedOK) as caught:
            await calls[send]()
        assert ws.state is State.CLOSED
        assert caught.value.rcvd == caught.value.sent == Close(1000, "")


async def test_send_while_closing_ends_with_the_close_timeout():
    async with local(lambda ws: ws.wait_closed(), close_timeout=0.2, ping_interval=None) as server:
        _, writer = await open_raw(server)
        while not server._all_connections:
            await asyncio.sleep(0)
        (ws,) = server._all_connections
        ws.close_nowait()
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(ws.send("late"), SOON)
        assert caught.value.rcvd is None
        writer.close()
