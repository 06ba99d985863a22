"""A transport whose protocol is replaced passes the next data to the new one."""

from __future__ import annotations

import asyncio

from both_ends import Pair
from raw_peer import frame

from wsframe import Opcode
from wsframe.asyncio import connect, serve


class Other(asyncio.Protocol):
    def __init__(self):
        self.received = asyncio.get_running_loop().create_future()

    def data_received(self, data):
        if not self.received.done():
            self.received.set_result(data)


async def test_next_read_goes_to_the_protocol_of_set_protocol():
    async with Pair(compression=None) as pair:
        await pair.theirs.send("x")
        assert await pair.ours.recv() == "x"  # it reads its socket itself from now on, where it can
        other, transport = Other(), pair.ours.transport
        transport.set_protocol(other)
        data = frame(Opcode.TEXT, "for the other")
        pair.theirs.transport.write(data)
        assert await asyncio.wait_for(other.received, 10) == data
        assert not pair.ours._queued
        transport.set_protocol(pair.ours)
        await pair.theirs.send("y")
        assert await asyncio.wait_for(pair.ours.recv(), 10) == "y"


async def test_server_leaves_a_connection_alone_whose_protocol_was_replaced():
    taken = asyncio.get_running_loop().create_future()

    async def handler(ws):
        ws.transport.set_protocol(Other())
        taken.set_result(ws.transport)

    server = await serve(handler, "127.0.0.1", 0)
    ws = await connect("ws://{}:{}".format(*server.sockets[0].getsockname()), proxy=None)
    transport = await taken
    server.close()
    await asyncio.wait_for(server.wait_closed(), 10)
    assert not server.connections
    transport.write(b"\x81\x0anot closed")
    assert await asyncio.wait_for(ws.recv(), 10) == "not closed"
    transport.abort()
    await asyncio.wait_for(ws.wait_closed(), 10)
