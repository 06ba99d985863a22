"""cut_frames: whole, valid frames off a buffer, up to the first one that is not wanted."""

from __future__ import annotations

import pytest
from support.frames import BINARY, CONTINUATION, KEY, PING, TEXT, frame

LIMIT = 2**20
WANTED = b"\x81\xc1"


def frames_of(*parts: tuple[int, bytes], rsv: int = 0) -> bytes:
    return b"".join(frame(opcode, payload, key=KEY, rsv=rsv) for opcode, payload in parts)


def test_all_frames_are_cut_without_a_filter(impl):
    data = frames_of((TEXT, b"a"), (PING, b"b"), (BINARY, b"c" * 200))
    assert impl.cut_frames(data, 0, True, LIMIT) == (
        [(0x81, b"a"), (0x89, b"b"), (0x82, b"c" * 200)],
        len(data),
    )


@pytest.mark.parametrize(
    "other", [frames_of((BINARY, b"x")), frames_of((PING, b"x")), frames_of((CONTINUATION, b"x"))]
)
def test_cutting_stops_before_a_frame_with_another_first_byte(impl, other):
    head = frames_of((TEXT, b"a"), (TEXT, b"")) + frames_of((TEXT, b"deflated"), rsv=4)
    data = head + other + frames_of((TEXT, b"z"))
    assert impl.cut_frames(data, 0, True, LIMIT, WANTED) == (
        [(0x81, b"a"), (0x81, b""), (0xC1, b"deflated")],
        len(head),
    )


def test_empty_filter_cuts_nothing(impl):
    assert impl.cut_frames(frames_of((TEXT, b"a")), 0, True, LIMIT, b"") == ([], 0)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, None])
def test_at_most_count_frames_are_cut(impl, count):
    parts = [frames_of((TEXT, b"a")), frames_of((BINARY, b"b" * 200)), frames_of((TEXT, b""))]
    frames = [(0x81, b"a"), (0x82, b"b" * 200), (0x81, b"")]
    expected = (frames[:count], len(b"".join(parts[:count])))
    assert impl.cut_frames(b"".join(parts), 0, True, LIMIT, WANTED + b"\x82", count) == expected


@pytest.mark.parametrize("count", ["1", 1.0])
def test_count_of_a_wrong_type_raises_type_error(impl, count):
    with pytest.raises(TypeError):
        impl.cut_frames(frames_of((TEXT, b"a")), 0, True, LIMIT, WANTED, count)


@pytest.mark.parametrize("firsts", ["\x81", 0x81])
def test_filter_of_a_wrong_type_raises_type_error(impl, firsts):
    with pytest.raises(TypeError):
        impl.cut_frames(frames_of((TEXT, b"a")), 0, True, LIMIT, firsts)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_cut_payloads_outlive_the_buffer(impl, kind):
    data = bytearray(frames_of((TEXT, b"abc")))
    frames, end = impl.cut_frames(kind(data), 0, True, LIMIT)
    data[:] = bytes(len(data))
    assert (frames, end) == ([(0x81, b"abc")], len(data))
    assert type(frames[0][1]) is bytes
