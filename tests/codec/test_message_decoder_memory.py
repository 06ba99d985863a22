"""Streams that made other implementations hold too much or work too long, one test each, on every twin.

Nothing here reads a clock: tracemalloc counts the memory, and every step of that number while a
message grows is a copy at worst, so the sum of them bounds the work.
"""

from __future__ import annotations

import pytest
from support import frames
from support.feeding import verdict
from support.tracing import NOISE, traced
from support.twins import Impl

from wsframe import Ping, Role

SIDES = pytest.mark.parametrize("role", Role)
KIB, MIB = 2**10, 2**20
SLACK = 64 * KIB  # for objects that have nothing to do with the size of a message


def key_for(role: Role) -> bytes | None:
    return frames.KEY if role is Role.SERVER else None


@SIDES
@pytest.mark.parametrize("length", [2**32, 2**40, 2**63 - 1])
def test_case_11_announced_length_allocates_nothing(impl: Impl, role: Role, length: int) -> None:
    """Memory for what has not arrived: CWIST #119, aiohttp CVE-2026-54274."""
    head = frames.header(frames.BINARY, length, key=key_for(role))
    for make in (
        lambda: impl.MessageDecoder(role, max_message=None),
        lambda: impl.FrameDecoder(role, max_frame=None),
    ):
        with traced() as memory:
            decoder = make()
            assert decoder.feed(head) == []
            assert decoder.buffered == 0
            for n in range(1, 100):
                assert decoder.feed(b"x") == []
                assert decoder.buffered == n
            assert memory.peak() < SLACK


@SIDES
@pytest.mark.parametrize("opcode", [frames.TEXT, frames.BINARY])
def test_case_12_large_frame_in_small_reads_is_buffered_once(impl: Impl, role: Role, opcode: int) -> None:
    """aiohttp #13352 used 28 times the memory of the frame."""
    size = 4 * MIB
    step = 2048
    key = bytes(4) if role is Role.SERVER else None
    head = frames.header(opcode, size, key=key)
    piece = b"a" * step
    for make in (
        lambda: impl.MessageDecoder(role, max_message=size),
        lambda: impl.FrameDecoder(role, max_frame=size),
    ):
        with traced() as memory:
            decoder = make()
            decoder.feed(head)
            copied = last = 0
            for sent in range(step, size, step):
                assert decoder.feed(piece) == []
                now = memory.now()
                if now > last + NOISE:
                    copied, last = copied + now, now
                assert now <= 1.6 * sent + SLACK
            assert decoder.buffered == size - step
            [message] = decoder.feed(piece)
            assert memory.peak() <= 2.2 * size
            assert copied <= 12 * size, "the store grew in too many steps"
            assert memory.now() <= 1.1 * size, "the message is kept twice"
            assert decoder.buffered == 0
        assert len(message if isinstance(message, str | bytes) else message.payload) == size


def test_case_12_large_frame_in_single_bytes_takes_linear_time(impl: Impl) -> None:
    """aiohttp #13352: work that grows with the square of the size would not end here."""
    size = 256 * KIB if impl.pure else 4 * MIB
    feed = impl.MessageDecoder(Role.CLIENT, max_message=size).feed
    feed(frames.header(frames.TEXT, size))
    for _ in range(size - 4):
        feed(b"a")
    for byte in (b"\xc3", b"\xa9", b"\xc3"):
        assert feed(byte) == []
    assert feed(b"\xa9") == ["a" * (size - 4) + "éé"]


def test_case_12_single_bytes_leave_no_objects_behind(impl: Impl) -> None:
    """aiohttp #13352: each read of a byte left an object behind."""
    size = 64 * KIB
    decoder = impl.MessageDecoder(Role.CLIENT)
    decoder.feed(frames.header(frames.TEXT, size))
    with traced() as memory:
        for _ in range(size - 1):
            decoder.feed(b"a")
        assert decoder.buffered == size - 1
        assert memory.peak() <= 1.6 * size + 4 * KIB


@SIDES
def test_case_13_endless_fragments_reach_a_limit(impl: Impl, role: Role) -> None:
    """Fragments without an end, of one byte or none: ws CVE-2026-48779, #2331, PR #2329."""
    for payload, limits, ended in (
        (b"x", {"max_message": 1000}, (1009, "message larger than 1000 bytes")),
        (b"", {"max_fragments": 1000}, (1008, "message of more than 1000 fragments")),
        (b"x", {"max_fragments": 1000}, (1008, "message of more than 1000 fragments")),
    ):
        start = frames.frame(frames.BINARY, payload, fin=False, key=key_for(role))
        more = frames.frame(frames.CONTINUATION, payload, fin=False, key=key_for(role))
        with traced() as memory:
            decoder = impl.MessageDecoder(role, **limits)
            assert decoder.feed(start) == []
            for n in range(1, 1000):
                assert decoder.feed(more) == []
                assert decoder.error is None
                assert decoder.buffered == len(payload) * (n + 1)
            assert decoder.feed(more) == []
            assert verdict(decoder.error) == ended
            assert memory.peak() < SLACK


def test_case_13_fragments_are_limited_by_default(impl: Impl) -> None:
    """No limit has to be asked for: 2**17 fragments, 2**20 bytes."""
    start = frames.frame(frames.BINARY, fin=False)
    empty = frames.frame(frames.CONTINUATION, fin=False)
    decoder = impl.MessageDecoder(Role.CLIENT)
    decoder.feed(start + empty * (2**17 - 1))
    assert decoder.error is None
    decoder.feed(empty)
    assert verdict(decoder.error) == (1008, "message of more than 131072 fragments")

    full = frames.frame(frames.CONTINUATION, bytes(64 * KIB), fin=False)
    decoder = impl.MessageDecoder(Role.CLIENT)
    decoder.feed(start + full * 16)
    assert decoder.error is None
    assert decoder.buffered == MIB
    decoder.feed(full)
    assert verdict(decoder.error) == (1009, "message larger than 1048576 bytes")


@pytest.mark.parametrize("opcode", [frames.TEXT, frames.BINARY])
def test_case_14_many_large_fragments_take_linear_time(impl: Impl, opcode: int) -> None:
    """1024 fragments of 64 KiB: uvicorn #2917 copied all of them for each one."""
    count, size = 1024, 64 * KIB
    total = count * size
    start = frames.frame(opcode, b"a" * size, fin=False)
    more = frames.frame(frames.CONTINUATION, b"a" * size, fin=False)
    last = frames.frame(frames.CONTINUATION, b"a" * size)
    with traced() as memory:
        decoder = impl.MessageDecoder(Role.CLIENT, max_message=total)
        decoder.feed(start)
        copied = before = 0
        for _ in range(count - 2):
            assert decoder.feed(more) == []
            now = memory.now()
            if now > before + NOISE:
                copied, before = copied + now, now
        assert copied <= 12 * total, "the store grew in too many steps"
        [message] = decoder.feed(last)
        assert memory.peak() <= 2.6 * total
        assert memory.now() <= 1.1 * total
    assert len(message) == total


@SIDES
def test_case_15_pings_are_counted_and_not_kept(impl: Impl, role: Role) -> None:
    """A peer that pings and does not read made tinymux (#1083) and tyrus (#954) store the Pongs.

    The codec sends and keeps nothing; it counts them, so that the caller can limit the rate.
    """
    burst = frames.frame(frames.PING, b"12345678", key=key_for(role)) * 1000
    decoder = impl.MessageDecoder(role)
    for n in range(1, 91):
        pings = decoder.feed(burst)
        assert len(pings) == 1000
        assert pings[0] == pings[-1] == Ping(b"12345678")
        assert decoder.controls == n * 1000
        assert decoder.buffered == 0
    del pings
    with traced() as memory:
        for _ in range(10):
            assert len(decoder.feed(burst)) == 1000
            assert memory.now() < SLACK
    assert decoder.controls == 100_000


@SIDES
@pytest.mark.parametrize("bad", [b"\xff", b"\x83\x80"])
def test_memory_is_freed_after_an_error(impl: Impl, role: Role, bad: bytes) -> None:
    """A failed decoder keeps neither the message nor the reads that it came in."""
    key = key_for(role)
    start = frames.frame(frames.TEXT, b"a" * MIB, fin=False, key=key)
    if bad == b"\xff":
        bad = frames.frame(frames.CONTINUATION, bad, key=key)
    with traced() as memory:
        decoder = impl.MessageDecoder(role, max_message=2 * MIB)
        decoder.feed(start)
        assert decoder.buffered == MIB
        decoder.feed(frames.frame(frames.PING, key=key) * 3 + bad)
        assert decoder.error is not None
        assert decoder.buffered == 0
        assert memory.now() < SLACK


@SIDES
def test_memory_is_freed_after_a_close(impl: Impl, role: Role) -> None:
    """What follows a Close frame is discarded, and so is what came before it in vain."""
    key = key_for(role)
    start = frames.frame(frames.TEXT, b"a" * MIB, fin=False, key=key)
    with traced() as memory:
        decoder = impl.MessageDecoder(role)
        decoder.feed(start)
        decoder.feed(frames.frame(frames.CLOSE, key=key))
        assert decoder.closed
        assert decoder.buffered == 0
        for _ in range(10):
            assert decoder.feed(start) == []
        assert memory.now() < SLACK
