"""Frames that are longer than what one read brings: the same events, and no copy more than without us."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from support import frames
from support.sansio_websockets import SIDES, TUPLE_LIMITS, Trace, accelerated, both, key_for
from websockets.frames import Frame
from websockets.protocol import Protocol

from wsframe.accelerate.hosts.websockets.receive import LARGE_FRAME

SIZES = [LARGE_FRAME - 15, LARGE_FRAME - 14, LARGE_FRAME - 10, LARGE_FRAME, LARGE_FRAME + 1, 300_000]


def cut(data: bytes, size: int) -> list[tuple[str, bytes]]:
    return [("receive_data", data[at : at + size]) for at in range(0, len(data), size)]


def stream(side: Any, size: int) -> bytes:
    key = key_for(side)
    large = frames.frame(frames.BINARY, bytes(range(256)) * (size // 256 + 1), key=key)
    return (
        frames.frame(frames.TEXT, b"before", key=key)
        + frames.frame(frames.TEXT, b"x" * size, key=key)
        + frames.frame(frames.PING, b"between", key=key)
        + large * 2
        + frames.frame(frames.TEXT, b"y" * size, fin=False, key=key)
        + frames.frame(frames.CONTINUATION, b"z" * size, key=key)
        + frames.frame(frames.TEXT, b"after", key=key)
    )


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("read", [1 << 18, 65_536, 40_000, 9_999, 1_234])
def test_large_frames_give_the_same_events(side: Any, size: int, read: int) -> None:
    both(side, cut(stream(side, size), read))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "limit", [LARGE_FRAME - 1, LARGE_FRAME, 2 * LARGE_FRAME, (3 * LARGE_FRAME, LARGE_FRAME)]
)
def test_limits_apply_the_same_to_large_frames(side: Any, limit: Any) -> None:
    if isinstance(limit, tuple) and not TUPLE_LIMITS:
        pytest.skip("no limit of fragments")
    for size in (LARGE_FRAME - 1, LARGE_FRAME, LARGE_FRAME + 1):
        both(side, cut(stream(side, size), 30_000), max_size=limit)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "meanwhile",
    [
        [("receive_eof",)],
        [("send_close", 1000, "bye")],
        [("fail", 1011, "no")],
        [("send_ping", b"p")],
        [("send_text", b"t")],
    ],
    ids=lambda steps: steps[0][0],
)
@pytest.mark.parametrize("at", [1, 2, 5])
def test_calls_within_a_large_frame_give_the_same_result(side: Any, meanwhile: Any, at: int) -> None:
    steps: list[Any] = cut(stream(side, 200_000), 50_000)
    both(side, [*steps[:at], *meanwhile, *steps[at:]])


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("last", [b"\x83\x00", b"\xff" * 20, b"\x88\x01x"])
def test_violation_after_a_large_frame_is_reported_the_same(side: Any, last: bytes) -> None:
    data = frames.frame(frames.TEXT, b"x" * 200_000, key=key_for(side)) + last
    for read in (50_000, 70_001, len(data) - 1):
        both(side, cut(data, read))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("deflate", [False, True])
def test_large_compressed_frame_gives_the_same_events(side: Any, deflate: bool) -> None:
    data = frames.frame(frames.BINARY, frames.compressed(bytes(range(251)) * 9), rsv=4, key=key_for(side))
    data += frames.frame(frames.BINARY, b"x" * 100_000, key=key_for(side))
    both(side, cut(data + data, 30_000), deflate=deflate)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("first", [True, False], ids=["installed", "not installed"])
def test_install_or_uninstall_within_a_large_frame_loses_nothing(side: Any, first: bool) -> None:
    """`install` and `uninstall` between any two reads."""
    steps = cut(stream(side, 150_000), 40_000)
    protocol: Any
    traces = []
    for switching in (False, True):
        with accelerated(first):
            protocol = Protocol(side)
        run = Trace(protocol)
        for number, (name, data) in enumerate(steps):
            with accelerated(switching and number % 3 != 1):
                run.call(name, data)
        traces.append(run.seen)
    assert traces[0] == traces[1]


@pytest.mark.parametrize("side", SIDES)
def test_method_wrapped_within_a_large_frame_is_called(side: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    original, seen = Protocol.recv_frame, []

    def recv_frame(self: Any, frame: Frame) -> None:
        seen.append(len(frame.data))
        original(self, frame)

    steps = cut(stream(side, 150_000), 40_000)
    with accelerated():
        run = Trace(Protocol(side))
        for number, (name, data) in enumerate(steps):
            if number == 2:
                monkeypatch.setattr(Protocol, "recv_frame", recv_frame)
            run.call(name, data)
        monkeypatch.undo()
    assert seen[0] in (150_000, 150_016)
    assert len(seen) >= 6


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("size", "read"), [(5_000_000, 1 << 18), (300_000, 20), (300_000, 5_000)])
def test_large_frame_takes_no_more_memory_than_unaccelerated(side: Any, size: int, read: int) -> None:
    data = frames.frame(frames.BINARY, b"x" * size, key=key_for(side))
    peaks = []
    for yes in (False, True):
        with accelerated(yes):
            protocol: Any = Protocol(side, max_size=None)
            tracemalloc.start()
            try:
                for at in range(0, len(data), read):
                    protocol.receive_data(data[at : at + read])
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
            assert len(protocol.events_received()[0].data) == size
    assert peaks[1] < peaks[0] * 1.1 + 2**16
