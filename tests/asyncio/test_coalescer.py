"""What a connection has pending: order, full sockets, forks, and the end, on real transports."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from typing import Any

import pytest
from support.processes import environment

from wsframe import backend
from wsframe._backend import Coalescer
from wsframe._sockets import iteration_of, socket_of

compiled = pytest.mark.skipif(
    backend == "py" or sys.platform == "win32", reason="nothing is sent past the transport"
)


class Protocol(asyncio.Protocol):
    """One that writes through a coalescer, as a connection does."""

    def connection_made(self, transport: Any) -> None:
        loop = asyncio.get_running_loop()
        self.lost = loop.create_future()
        self.direct = transport
        self.out = out = Coalescer()
        out.transport = transport
        out._transport_write = transport.write
        out._call_soon = loop.call_soon
        out._iteration = iteration_of(loop)
        out._gap = 60
        out._use_socket(*socket_of(transport))

    def connection_lost(self, exc: Exception | None) -> None:
        self.out._use_socket(-1)
        self.out._discard_pending()
        self.lost.set_result(exc)


@contextlib.asynccontextmanager
async def pair() -> Any:
    """A protocol and the raw socket of its peer."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    transport, protocol = await loop.create_connection(Protocol, sock=ours)
    try:
        yield protocol.out, theirs, protocol
    finally:
        theirs.close()
        transport.abort()
        await asyncio.wait([protocol.lost])


FLUSHED_AFTER = 0.0005  # seconds after which the flusher may send what is pending: WSF_AGE of coalescer.h


def received(theirs: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(BlockingIOError):
        while piece := theirs.recv(2**20):
            data += piece
    return data


async def all_of(theirs: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await asyncio.get_running_loop().sock_recv(theirs, 2**16)
    return data


async def test_first_write_is_sent_at_once_and_later_ones_are_coalesced():
    async with pair() as (out, theirs, _):
        in_time = 0
        while in_time < 2:
            begun = time.perf_counter()
            for data in (b"a", b"b", b"c"):
                out._write(data)
            first, pending = received(theirs), out._pending_size
            if time.perf_counter() - begun > FLUSHED_AFTER:  # the machine is busy: all may have been sent
                await asyncio.sleep(0.01)
                received(theirs)
                continue
            in_time += 1
            assert (first, pending) == (b"a", 2)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert (received(theirs), out._pending_size) == (b"bc", 0)


@pytest.mark.parametrize("before", [0, 1, 2], ids=["nothing", "one write", "pending bytes"])
async def test_writes_of_others_to_the_transport_are_not_overtaken(before):
    large = b"x" * 1_000_000
    async with pair() as (out, theirs, protocol):
        direct = protocol.direct  # kept from before, so that nothing is flushed when it is used
        for _ in range(before):
            out._write(b"a")
        if before == 2:
            out.flush()
        direct.write(large)
        out._write(b"b")
        out._write(b"c")
        got = received(theirs)  # so that the socket has room
        out.flush()
        out._write(b"d")
        expected = before * b"a" + large + b"bcd"
        assert got + await all_of(theirs, len(expected) - len(got)) == expected


async def test_accessing_the_transport_flushes():
    async with pair() as (out, theirs, _):
        for data in (b"a", b"b"):
            out._write(data)
        assert out.transport.get_write_buffer_size() == 0
        assert received(theirs) == b"ab"
        out._write(b"c")
        out.transport.write(b"d")
        out._write(b"e")
        out.transport.write_eof()
        assert await all_of(theirs, 3) == b"cde"


async def test_order_is_kept_when_the_socket_is_full():
    async with pair() as (out, theirs, _):
        expected = b""
        for number in range(3000):
            data = b"%04d" % number * (1 + number * 7919 % 50)
            expected += data
            if number % 31:
                out._write(data)
            else:
                out.transport.write(data)
            if number % 100 == 0:
                await asyncio.sleep(0)
        assert await all_of(theirs, len(expected)) == expected


@compiled
async def test_pending_data_is_flushed_while_the_loop_is_blocked():
    async with pair() as (out, theirs, _):
        theirs.settimeout(20)
        for data in (b"a", b"b", b"c"):
            out._write(data)
        assert theirs.recv(1) == b"a"
        got = b""
        while got != b"bc":  # this blocks the loop
            got += theirs.recv(2)
        out._write(b"d")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (theirs.recv(9), out._pending_size) == (b"d", 0)


@compiled
async def test_data_the_socket_does_not_accept_goes_to_the_transport():
    """Also where the thread has sent a part of it."""
    async with pair() as (out, theirs, _):
        expected = b"a" + bytes(range(256)) * 200
        out._write(b"a")
        out._write(expected[1:])
        theirs.settimeout(20)
        got = theirs.recv(1)
        got += theirs.recv(1)  # from the thread
        theirs.setblocking(False)
        assert out.transport.get_write_buffer_size() > 0
        assert got + await all_of(theirs, len(expected) - 2) == expected


@compiled
async def test_lost_peer_is_reported_by_the_transport():
    async with pair() as (out, theirs, protocol):
        out._write(b"a")
        out._write(b"b")
        theirs.close()
        out._write(b"c")
        await asyncio.wait_for(protocol.lost, 20)
        assert out._pending_size == 0


async def test_unread_data_is_buffered_by_the_transport_alone():
    async with pair() as (out, _, protocol):
        for _ in range(100):
            out._write(bytes(10_000))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert out._pending_size == 0
        assert 900_000 < out.transport.get_write_buffer_size() <= 1_000_000
        assert not protocol.lost.done()


async def test_closing_the_transport_flushes_pending_data():
    async with pair() as (out, theirs, protocol):
        for data in (b"a", b"b"):
            out._write(data)
        out.transport.close()
        await protocol.lost
        assert received(theirs) == b"ab"
        with contextlib.suppress(RuntimeError):  # of uvloop: it is closed
            out._write(b"c")
        assert out._pending_size == 0


FORKS = """
import os
threads = []
def count():  # runs last: the hook of who came first
    with open("/proc/self/stat") as file:
        threads.append(int(file.read().rpartition(") ")[2].split()[17]))
os.register_at_fork(before=count)
import asyncio, socket, sys, time
from wsframe.asyncio import connect, serve

async def pushes(ws):
    for _ in range(3):
        for number in range(3):
            await ws.send(f"{number}")
        time.sleep(0.01)  # the thread runs
        child = os.fork()
        if not child:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

async def main():
    async with serve(pushes, "127.0.0.1", 0, compression=None) as server:
        uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(uri, compression=None) as ws:
            print(*[await ws.recv() for _ in range(9)])

asyncio.run(main())
print(*threads)
"""


@compiled
@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
def test_no_thread_runs_while_the_process_forks():
    """CPython warns of it, which is an error here; and what was pending arrives once."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORKS],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("0 1 2 0 1 2 0 1 2\n1 1 1\n", "")
