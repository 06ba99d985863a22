"""An unread connection takes no more memory than docs/explanation/security.md says."""

from __future__ import annotations

import asyncio
import os
import re
import tracemalloc
from pathlib import Path

import pytest
from both_ends import local
from raw_peer import compressed_frame, frame, open_raw

from wsframe import Opcode
from wsframe.asyncio._endpoint import HIGH_WATER, READ_SIZE

MAX_MESSAGE = 2**20
SENT = 2**20
SECURITY = Path(__file__).parents[2] / "docs" / "explanation" / "security.md"

FLOODS = {
    "messages of 1 MiB, compressed to 1 KiB": compressed_frame(b"a" * MAX_MESSAGE),
    "messages of 1 byte, compressed": compressed_frame(b"x"),
    "messages of 500 empty DEFLATE streams": frame(Opcode.TEXT, b"\x03\x00" * 500, rsv=4),
    "messages of 1 byte, not compressed": frame(Opcode.TEXT, b"x"),
}


def documented(flood):
    row = re.search(rf"^\| {re.escape(flood)} \| (\d+) MiB \|$", SECURITY.read_text(), re.MULTILINE)
    assert row is not None, "docs/explanation/security.md does not name it"
    return int(row[1]) * 2**20


@pytest.mark.parametrize("flood", FLOODS)
async def test_unread_connection_takes_no_more_memory_than_documented(flood):
    one = FLOODS[flood]
    async with local(lambda ws: ws.wait_closed(), ping_interval=None, close_timeout=1) as server:
        _, writer = await open_raw(server, compression=True)
        while not server._all_connections:
            await asyncio.sleep(0)
        (ws,) = server._all_connections
        data = one * (SENT // len(one))
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            writer.transport.get_extra_info("socket").setblocking(False)
            sent = 0
            for _ in range(300):
                sent += push(writer, data[sent:])
                await asyncio.sleep(0.001)
            peak = (
                tracemalloc.get_traced_memory()[1] - before - READ_SIZE
            )  # slices of `data`, in this process
        finally:
            tracemalloc.stop()
        assert ws._queued
        assert peak <= 2 * MAX_MESSAGE + HIGH_WATER
        assert peak <= documented(flood) + HIGH_WATER
        ws.transport.abort()
        writer.close()


def push(writer, data):
    """Give the system what it takes."""
    try:
        return os.write(writer.get_extra_info("socket").fileno(), data[:READ_SIZE])
    except BlockingIOError:
        return 0
