"""take_frame and take_message remove complete, valid frames from a buffer; all else stays in it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, strategies as st
from support import frames
from support.frames import BINARY, CLOSE, CONTINUATION, KEY, PING, PONG, TEXT, frame, header
from support.twins import Impl

SIZES = (0, 1, 125, 126, 65535, 65536, 70000)
BROKEN = {
    "reserved opcode": frame(3, b"x", key=KEY),
    "fragmented control": frame(PING, b"x", fin=False, key=KEY),
    "long control": frame(PING, bytes(126), key=KEY),
    "length not minimal, 16 bits": frame(TEXT, bytes(125), form=16, key=KEY),
    "length not minimal, 64 bits": frame(TEXT, bytes(126), form=64, key=KEY),
    "length above 2**63 - 1": header(TEXT, 2**63, key=KEY) + bytes(20),
    "length of 2**64 - 1": header(TEXT, 2**64 - 1, key=KEY) + bytes(20),
    "length of 2**63 - 1": header(TEXT, 2**63 - 1, key=KEY) + bytes(20),
}


@pytest.mark.parametrize("rest", [b"", b"\x81", frame(TEXT, b"next", key=KEY)])
@pytest.mark.parametrize("key", [KEY, None])
@pytest.mark.parametrize("size", SIZES)
def test_complete_frames_leave_the_buffer(impl: Impl, size: int, key: bytes | None, rest: bytes) -> None:
    payload = bytes(i % 100 for i in range(size))
    buffer = bytearray(frame(BINARY, payload, key=key) + rest)
    assert impl.take_frame(buffer, key is not None) == (0x82, payload)
    assert buffer == rest
    buffer = bytearray(frame(BINARY, payload, key=key) + rest)
    taken = impl.take_message(buffer, key is not None)
    assert taken == payload and type(taken) is bytes
    assert buffer == rest
    buffer = bytearray(frame(TEXT, payload, key=key) + rest)
    assert impl.take_message(buffer, key is not None) == payload.decode()
    assert buffer == rest


@pytest.mark.parametrize("text", ["", "a", "é" * 40, "日本" * 40, "\U0001f600" * 40, "aé日\U0001f600" * 99])
def test_texts_of_every_width_are_decoded(impl: Impl, text: str) -> None:
    buffer = bytearray(frame(TEXT, text.encode(), key=KEY))
    assert impl.take_message(buffer, True) == text
    assert not buffer


@pytest.mark.parametrize("key", [KEY, None])
@pytest.mark.parametrize("size", [0, 1, 126, 65536])
def test_incomplete_frames_stay_in_the_buffer(impl: Impl, size: int, key: bytes | None) -> None:
    whole = frame(TEXT, bytes(size), key=key)
    for end in {*range(16), size // 2, len(whole) - 1} & {*range(len(whole))}:
        buffer = bytearray(whole[:end])
        assert impl.take_frame(buffer, key is not None) is None
        assert impl.take_message(buffer, key is not None) is None
        assert buffer == whole[:end]


@pytest.mark.parametrize("name", BROKEN)
def test_invalid_frames_stay_in_the_buffer(impl: Impl, name: str) -> None:
    buffer = bytearray(BROKEN[name])
    assert impl.take_frame(buffer, True) is None
    assert impl.take_message(buffer, True) is None
    assert buffer == BROKEN[name]


@pytest.mark.parametrize("masked", [True, False])
def test_frames_masked_the_wrong_way_stay_in_the_buffer(impl: Impl, masked: bool) -> None:
    wrong = frame(TEXT, b"hello", key=None if masked else KEY)
    buffer = bytearray(wrong)
    assert impl.take_frame(buffer, masked) is None
    assert impl.take_message(buffer, masked) is None
    assert buffer == wrong


@pytest.mark.parametrize(
    ("opcode", "fin", "rsv"),
    [
        (TEXT, False, 0),
        (BINARY, False, 0),
        (CONTINUATION, True, 0),
        (CONTINUATION, False, 0),
        (TEXT, True, 4),
        (BINARY, True, 1),
        (PING, True, 0),
        (PONG, True, 0),
        (CLOSE, True, 0),
    ],
)
def test_take_message_leaves_other_frames_to_take_frame(impl: Impl, opcode: int, fin: bool, rsv: int) -> None:
    data = frame(opcode, b"hello", fin=fin, rsv=rsv, key=KEY)
    buffer = bytearray(data)
    assert impl.take_message(buffer, True) is None
    assert buffer == data
    assert impl.take_frame(buffer, True) == (data[0], b"hello")
    assert not buffer


def test_invalid_text_stays_in_the_buffer(impl: Impl) -> None:
    data = frame(TEXT, b"hello \xed\xa0\x80", key=KEY)
    buffer = bytearray(data)
    assert impl.take_message(buffer, True) is None
    assert buffer == data


def test_buffer_that_is_not_a_bytearray_raises_type_error(impl: Impl) -> None:
    for take in (impl.take_frame, impl.take_message):
        for wrong in (None, b"", memoryview(bytearray(8)), "text"):
            with pytest.raises(TypeError, match=r"^buffer must be a bytearray, not "):
                take(wrong, True)


def test_exported_buffer_raises_and_is_not_shortened(impl: Impl) -> None:
    data = frame(TEXT, b"hello", key=KEY)
    buffer = bytearray(data)
    with memoryview(buffer), pytest.raises(BufferError):
        impl.take_message(buffer, True)
    assert buffer == data


@given(st.binary(max_size=64), st.booleans())
@example(b"", False)
@example(b"\x81", False)
def test_twins_agree_on_any_bytes(impl: Impl, pure: Impl, data: bytes, masked: bool) -> None:
    for name in ("take_frame", "take_message"):
        buffer, expected = bytearray(data), bytearray(data)
        assert getattr(impl, name)(buffer, masked) == getattr(pure, name)(expected, masked)
        assert buffer == expected
    buffer = bytearray(data)
    found, end = impl.cut_frames(data, 0, masked, 2**63 - 1)
    assert [impl.take_frame(buffer, masked) for _ in found] == found
    assert impl.take_frame(buffer, masked) is None
    assert buffer == data[end:]


@given(
    st.lists(
        st.builds(
            frames.frame,
            st.sampled_from([CONTINUATION, TEXT, BINARY, PING, CLOSE]),
            st.binary(max_size=130),
            fin=st.booleans(),
            rsv=st.sampled_from([0, 0, 4]),
            key=st.just(KEY),
        ),
        max_size=8,
    )
)
def test_twins_agree_on_any_stream_of_frames(impl: Impl, pure: Impl, stream: list[bytes]) -> None:
    data = b"".join(stream)
    assert impl.cut_frames(data, 0, True, 100) == pure.cut_frames(data, 0, True, 100)
    buffer, expected = bytearray(data), bytearray(data)
    while True:
        message = impl.take_message(buffer, True)
        assert message == pure.take_message(expected, True)
        assert buffer == expected
        if message is None:
            message = impl.take_frame(buffer, True)
            assert message == pure.take_frame(expected, True)
        if message is None:
            break
