"""Keep-alive: a peer is alive while bytes arrive, and gets what was sent before it is cut off."""

from __future__ import annotations

import asyncio

from both_ends import Pair, local
from raw_peer import frame, open_raw

from wsframe import MessageDecoder, Opcode, Pong, Role
from wsframe.asyncio import State

QUICK = {"ping_interval": 0.05, "ping_timeout": 0.1, "close_timeout": 0.2}


async def only_connection(server):
    while not server._all_connections:
        await asyncio.sleep(0)
    (ws,) = server._all_connections
    return ws


async def test_bytes_of_a_slow_frame_keep_the_connection_alive():
    got = asyncio.get_running_loop().create_future()

    async def handler(ws):
        got.set_result(await ws.recv())

    async with local(handler, compression=None, **QUICK) as server:
        _, writer = await open_raw(server)
        data = frame(Opcode.BINARY, bytes(50))
        for octet in data:  # no Pong is sent meanwhile
            writer.write(bytes([octet]))
            await asyncio.sleep(0.02)
        assert await asyncio.wait_for(got, 10) == bytes(50)
        writer.close()


async def test_silent_peer_is_closed_with_1011():
    async with local(lambda ws: ws.wait_closed(), compression=None, **QUICK) as server:
        _, writer = await open_raw(server)
        ws = await only_connection(server)
        await asyncio.wait_for(ws.wait_closed(), 10)
        assert ws.protocol.sent.code == 1011
        writer.close()


async def test_paused_reading_does_not_time_out_the_peer():
    async with Pair(compression=None, **QUICK) as pair:
        pair.theirs._keepalive.stop()
        for _ in range(30):
            await pair.theirs.send(b"x" * 10_000)
        while pair.ours._reading:
            await asyncio.sleep(0.001)
        pair.theirs.transport.pause_reading()  # no Pong either
        await asyncio.sleep(1)
        assert pair.ours.state is State.OPEN
        for _ in range(30):
            assert await pair.ours.recv() == b"x" * 10_000
        await asyncio.wait_for(pair.ours.wait_closed(), 10)  # now it is silent indeed
        assert pair.ours.protocol.sent.code == 1011


async def test_peer_that_floods_pings_and_never_reads_is_closed():
    """Reading stops because of the peer, not because of the application: that is no sign of life."""
    async with local(lambda ws: ws.wait_closed(), compression=None, **QUICK) as server:
        _, writer = await open_raw(server, receive_buffer=4096)
        ws = await only_connection(server)
        writer.transport.pause_reading()
        pings = frame(Opcode.PING, b"p" * 125) * 1000

        async def flood():
            while not writer.transport.is_closing():
                writer.write(pings)
                await writer.drain()

        flooding = asyncio.create_task(flood())
        await asyncio.wait_for(ws.wait_closed(), 20)
        writer.transport.abort()
        await asyncio.gather(flooding, return_exceptions=True)


async def test_peer_that_sends_messages_and_never_reads_is_closed():
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    async with local(echo, compression=None, **QUICK) as server:
        _, writer = await open_raw(server, receive_buffer=4096)
        ws = await only_connection(server)
        writer.transport.pause_reading()
        messages = frame(Opcode.BINARY, bytes(10_000)) * 10

        async def flood():
            while not writer.transport.is_closing():
                writer.write(messages)
                await writer.drain()

        flooding = asyncio.create_task(flood())
        await asyncio.wait_for(ws.wait_closed(), 20)
        writer.transport.abort()
        await asyncio.gather(flooding, return_exceptions=True)


async def test_sent_data_arrives_before_a_silent_peer_is_aborted():
    size = 3_000_000
    async with local(lambda ws: ws.wait_closed(), compression=None, **QUICK) as server:
        reader, writer = await open_raw(server, receive_buffer=2**16)
        ws = await only_connection(server)
        ws.send_nowait(b"x" * size)
        decoder, got = MessageDecoder(Role.CLIENT, max_message=None), []
        while not any(isinstance(event, bytes) for event in got):
            data = await reader.read(2**15)  # slowly, and without a Pong
            assert data, "cut off"
            got += decoder.feed(data)
            await asyncio.sleep(0.005)
        writer.close()


async def test_pong_in_time_keeps_the_connection_open():
    async with local(lambda ws: ws.wait_closed(), compression=None, **QUICK) as server:
        reader, writer = await open_raw(server)
        ws = await only_connection(server)
        decoder = MessageDecoder(Role.CLIENT)
        for _ in range(5):
            (ping,) = decoder.feed(await reader.read(100))
            writer.write(frame(Opcode.PONG, ping.data))
        assert ws.state is State.OPEN and ws.latency > 0
        assert not isinstance(ping, Pong)
        writer.close()
