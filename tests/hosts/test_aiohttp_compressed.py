"""aiohttp, accelerated, compresses with its own compressor, and messages keep their order."""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from support.unhurried import unhurried

pytest.importorskip("aiohttp")

from aiohttp import WSMsgType, web
from aiohttp.http_websocket import WebSocketWriter

from wsframe import accelerate, mask, parse_header
from wsframe.accelerate.hosts._shared.coalesce import ENABLED
from wsframe.accelerate.hosts.aiohttp.kinds import compresses, compressor_has_lock

NEW = hasattr(WebSocketWriter, "_get_compressor")  # 3.13.2: the writer has the lock, not the compressor
pytestmark = pytest.mark.skipif(not compresses(), reason="before 3.9.4 aiohttp compresses without a lock")
in_threads = pytest.mark.skipif(
    not NEW and not compressor_has_lock(), reason="aiohttp 3.8 compresses in no thread"
)
TAIL = b"\0\0\xff\xff"
LARGE = random.Random(1).randbytes(200_000)  # compressed in a thread


@pytest.fixture(params=[True, False], ids=["accelerated", "plain"])
def accelerated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    unhurried(monkeypatch)
    if request.param:
        accelerate.install("aiohttp")
    try:
        yield request.param
    finally:
        accelerate.uninstall("aiohttp")


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return False


class Protocol:
    _paused = False

    async def _drain_helper(self) -> None: ...


def socket_of(transport: Transport, **options: Any) -> web.WebSocketResponse:
    ws: Any = web.WebSocketResponse()
    ws._writer = WebSocketWriter(Protocol(), transport, **{"compress": 15, **options})  # type: ignore[arg-type]
    ws._loop = asyncio.get_running_loop()
    return ws  # type: ignore[no-any-return]


def lock_of(ws: Any) -> asyncio.Lock:
    lock: asyncio.Lock = ws._writer._send_lock if NEW else ws._writer._compressobj._compress_lock
    return lock


def messages(written: list[bytes], takes_over: bool = True) -> list[tuple[int, bytes]]:
    """Take the frames apart: the first byte, and the message."""
    data, found = b"".join(written), []
    inflater = zlib.decompressobj(-15)
    while data:
        header = parse_header(data)
        assert header is not None
        end = header.size + header.length
        payload = data[header.size : end]
        if header.mask_key:
            payload = mask(payload, header.mask_key)
        if header.rsv:
            if not takes_over:
                inflater = zlib.decompressobj(-15)
            payload = inflater.decompress(payload + TAIL)
        found.append((data[0], payload))
        data = data[end:]
    return found


def test_pushes_of_an_iteration_leave_in_two_writes(accelerated: bool) -> None:
    async def main() -> None:
        transport = Transport()
        ws = socket_of(transport)
        for number in range(5):
            await ws.send_str(f"message {number}")
        await ws.send_bytes(b"the last")
        if accelerated and ENABLED:
            assert len(transport.written) == 1
        await asyncio.sleep(0)
        assert len(transport.written) == (2 if accelerated and ENABLED else 6)
        expected = [(0xC1, b"message %d" % number) for number in range(5)]
        assert messages(transport.written) == [*expected, (0xC2, b"the last")]

    asyncio.run(main())


def test_control_frames_and_direct_writes_flush_first(accelerated: bool) -> None:
    async def main() -> None:
        transport = Transport()
        ws = socket_of(transport)
        for text in ("one", "two"):
            await ws.send_str(text)
        await ws.ping(b"ping")
        for text in ("three", "four"):
            await ws.send_str(text)
        await ws.send_str("five", compress=9)
        transport.write(b"\x8a\0")
        assert [first for first, _ in messages(transport.written)] == [0xC1] * 2 + [0x89] + [0xC1] * 3 + [
            0x8A
        ]

    asyncio.run(main())


@pytest.mark.parametrize("use_mask", [False, True])
@pytest.mark.parametrize("notakeover", [False, True])
def test_messages_are_what_the_library_makes_of_them(
    accelerated: bool, use_mask: bool, notakeover: bool
) -> None:
    texts = ["", "a", "é" * 100, "x" * 20_000, "é" * 10_000, "", "\N{GRINNING FACE}" * 4096, "end"]

    async def main() -> None:
        transport = Transport()
        ws = socket_of(transport, use_mask=use_mask, notakeover=notakeover)
        for text in texts:
            await ws.send_str(text)
            await ws.send_bytes(text.encode())
        await asyncio.sleep(0)
        sent = [(first, text.encode()) for text in texts for first in (0xC1, 0xC2)]
        assert messages(transport.written, takes_over=not notakeover) == sent

    asyncio.run(main())


@in_threads
def test_a_message_compressed_in_a_thread_is_not_overtaken(accelerated: bool) -> None:
    async def main() -> list[int]:
        transport = Transport()
        ws = socket_of(transport)
        await ws.send_str("first")
        large = asyncio.ensure_future(ws.send_bytes(LARGE))
        while not lock_of(ws).locked():
            await asyncio.sleep(0)
        small = [asyncio.ensure_future(ws.send_str(f"{number}")) for number in range(3)]
        await asyncio.gather(large, *small)
        await ws.send_str("last")
        await asyncio.sleep(0)
        found = messages(transport.written)
        assert (0xC2, LARGE) in found
        return [len(message) for _, message in found]

    assert asyncio.run(main()) == [5, len(LARGE), 1, 1, 1, 4]


@in_threads
def test_a_task_that_waits_for_the_lock_is_not_overtaken(accelerated: bool) -> None:
    """Between the release of the lock and the wake-up of who waits for it, it is free."""

    async def main() -> None:
        transport = Transport()
        ws = socket_of(transport)
        await ws.send_str("first")
        await lock_of(ws).acquire()
        waiting = asyncio.ensure_future(ws.send_str("waits"))
        await asyncio.sleep(0)
        lock_of(ws).release()
        await ws.send_str("comes later")
        await waiting
        await asyncio.sleep(0)
        assert [message for _, message in messages(transport.written)] == [b"first", b"waits", b"comes later"]

    asyncio.run(main())


@pytest.mark.skipif(not NEW, reason="before 3.13.2 the compressor has the limit")
def test_size_compressed_at_once_is_that_of_the_library(
    accelerated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who lowers it has longer messages compressed in a thread."""
    calls = []
    from aiohttp._websocket import writer as writing

    original = WebSocketWriter._send_compressed_frame_async_locked

    async def locked(self: Any, *args: Any) -> None:
        calls.append(args[1])
        await original(self, *args)

    monkeypatch.setattr(WebSocketWriter, "_send_compressed_frame_async_locked", locked)
    monkeypatch.setattr(writing, "WEBSOCKET_MAX_SYNC_CHUNK_SIZE", 10)

    async def main() -> None:
        ws = socket_of(Transport())
        await ws.send_str("x" * 10)
        await ws.send_str("é" * 6)
        await ws.send_bytes(b"x" * 11)

    asyncio.run(main())
    assert calls == [WSMsgType.TEXT, WSMsgType.BINARY]
