"""One call of feed inflates no more than its budget allows; the rest is kept and decoded by later calls."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from support import frames, strategies as some
from support.feeding import Outcome, feed, verdict
from support.inflating import Deflater, ZlibInflater
from support.tracing import traced
from support.twins import Impl

from wsframe import Close, Ping, ProtocolError, Role
from wsframe._spec import DEFLATED_COST, FRAME_COST, MAX_MESSAGES, STREAM_COST
from wsframe.deflate import Deflate
from wsframe.deflate.codec import MAX_STREAMS

RSV1 = 4
EMPTY_STREAM = b"\x03\x00"  # a final block, empty


def compressed(data: bytes, opcode: int = frames.BINARY) -> bytes:
    return frames.frame(opcode, data, rsv=RSV1)


def alone(message: bytes) -> bytes:
    """A frame that any inflater can read."""
    return compressed(Deflater().deflate(message))


def decoder_of(impl: Impl, **options: Any) -> Any:
    return impl.MessageDecoder(Role.CLIENT, deflate=Deflate(Role.CLIENT), **options)


def feed_within(decoder: Any, pieces: list[bytes], budgets: list[int]) -> Outcome:
    """Feed piece by piece, each with budgets, until nothing is unread."""
    messages: list[Any] = []
    budget = cycle(budgets)
    for piece in pieces:
        messages += decoder.feed(piece, next(budget))
        while decoder.unread:
            before = decoder.unread
            messages += decoder.feed(b"", next(budget))
            assert decoder.unread < before
        if decoder.error is not None:
            break
    return Outcome(messages, verdict(decoder.error), decoder.closed, decoder.buffered, decoder.controls)


@st.composite
def compressed_streams(draw: st.DrawFn, role: Role) -> bytes:
    """Compressed messages that share a window, in fragments, amid messages of all kinds."""
    deflater = Deflate(Role.SERVER if role is Role.CLIENT else Role.CLIENT)
    parts = []
    for text in draw(st.lists(some.texts(), min_size=1, max_size=5)):
        data = deflater.deflate(text.encode())
        cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
        for i, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(data)], strict=True)):
            parts.append(
                frames.frame(
                    frames.CONTINUATION if i else frames.TEXT,
                    data[start:end],
                    fin=i == len(cuts),
                    rsv=0 if i else RSV1,
                    key=draw(some.key_of(role)),
                )
            )
            if draw(st.booleans()):
                parts.append(draw(some.controls(role)).data)
        parts.append(draw(st.one_of(st.just(b""), some.whole_messages(role).map(lambda one: one.data))))
    parts.append(draw(st.one_of(st.just(b""), some.wild_streams(role, st.sampled_from([0, 4])))))
    return b"".join(parts)


@given(data=st.data(), role=st.sampled_from(Role))
@settings(max_examples=settings.default.max_examples * 2)
def test_budget_does_not_change_messages_or_errors(impl: Impl, data: st.DataObject, role: Role) -> None:
    """The same messages, the same violation after them, the same state."""
    stream = data.draw(compressed_streams(role))
    pieces = data.draw(some.cuttings_of(stream))
    budgets = data.draw(st.lists(st.integers(0, 5000), min_size=1, max_size=4))
    expected = feed(impl.MessageDecoder(role, max_message=5000, deflate=Deflate(role)), pieces)
    limited = impl.MessageDecoder(role, max_message=5000, deflate=Deflate(role))
    assert feed_within(limited, pieces, budgets) == expected


def test_used_up_budget_stops_decoding_after_a_frame(impl: Impl) -> None:
    decoder = decoder_of(impl)
    frame = alone(bytes(1000))
    assert decoder.feed(frame * 5, 1) == [bytes(1000)]
    assert decoder.unread == len(frame) * 4
    assert decoder.buffered == 0
    cost = 1000 + FRAME_COST + DEFLATED_COST * (len(frame) - 2)
    assert decoder.inflated == cost
    assert decoder.feed(b"", 2 * cost) == [bytes(1000)] * 2
    assert decoder.feed(b"", cost + 1) == [bytes(1000)] * 2
    assert decoder.unread == 0
    assert decoder.feed(b"", 0) == []


def test_budget_of_0_decodes_one_frame_per_call(impl: Impl) -> None:
    """One frame a call, so that whoever asks again comes to the end."""
    decoder = decoder_of(impl)
    got = [decoder.feed(alone(b"a") * 3, 0), decoder.feed(b"", 0), decoder.feed(b"", 0)]
    assert got == [[b"a"]] * 3
    assert decoder.unread == 0


@pytest.mark.parametrize("budget", [None, 10**6, 2**63 - 1, 2**64, 10**30, True + 10**6])
def test_unused_budget_decodes_everything(impl: Impl, budget: int | None) -> None:
    decoder = decoder_of(impl)
    assert decoder.feed(alone(b"a") * 9, budget) == [b"a"] * 9
    assert decoder.unread == 0


def test_uncompressed_messages_do_not_use_the_budget(impl: Impl) -> None:
    decoder = decoder_of(impl)
    stream = (frames.frame(frames.BINARY, bytes(300)) + frames.frame(frames.TEXT)) * 100
    assert len(decoder.feed(stream, 0)) == 200
    assert (decoder.inflated, decoder.unread) == (0, 0)
    # Those behind a compressed one wait, for it used the budget up.
    assert decoder.feed(alone(b"a") + stream, 0) == [b"a"]
    assert len(decoder.feed(b"", 0)) == 200


def test_new_data_is_decoded_after_unread_data(impl: Impl) -> None:
    decoder = decoder_of(impl)
    stream = b"".join(map(alone, [b"a", b"b", b"c"]))
    assert decoder.feed(stream[:-2], 0) == [b"a"]
    assert decoder.feed(bytearray(stream[-2:]), 0) == [b"b"]
    assert decoder.feed(memoryview(frames.frame(frames.PING, b"!")), 0) == [b"c"]
    assert decoder.feed(b"") == [Ping(b"!")]


def test_close_discards_unread_data(impl: Impl) -> None:
    decoder = decoder_of(impl)
    assert decoder.feed(alone(b"a") + frames.close(1000) + alone(b"b") * 9, 0) == [b"a"]
    assert decoder.unread
    assert decoder.feed(b"", 0) == [Close(1000)]
    assert (decoder.closed, decoder.unread) == (True, 0)
    assert decoder.feed(alone(b"c"), 0) == []
    assert decoder.unread == 0


def test_violation_is_reported_after_the_unread_messages(impl: Impl) -> None:
    decoder = decoder_of(impl)
    stream = alone(b"a") * 3 + frames.frame(3) + alone(b"b") * 9
    got = []
    for piece in (stream, b"", b""):
        assert decoder.error is None
        got += decoder.feed(piece, 0)
    assert got == [b"a"] * 3
    assert decoder.feed(b"", 0) == []
    assert verdict(decoder.error) == (1002, "reserved opcode 0x3")
    assert decoder.unread == 0
    with pytest.raises(ProtocolError):
        decoder.feed(b"", 0)


def test_incomplete_frame_does_not_count_as_unread(impl: Impl) -> None:
    decoder = decoder_of(impl)
    frame = alone(bytes(range(256)) * 4)
    assert decoder.feed(frame[:-1], 0) == []
    assert decoder.unread == 0
    assert decoder.buffered > 0
    assert decoder.feed(frame[-1:], 0) == [bytes(range(256)) * 4]


def test_fragments_and_streams_use_the_budget(impl: Impl) -> None:
    decoder = decoder_of(impl)
    decoder.feed(frames.frame(frames.BINARY, b"", fin=False, rsv=RSV1))
    for _ in range(10):
        decoder.feed(frames.frame(frames.CONTINUATION, b"", fin=False))
    assert decoder.inflated == 11 * FRAME_COST
    decoder.feed(frames.frame(frames.CONTINUATION, EMPTY_STREAM * 5))
    assert decoder.inflated == 12 * FRAME_COST + 4 * STREAM_COST + DEFLATED_COST * len(EMPTY_STREAM * 5)
    before = decoder.inflated
    streams = EMPTY_STREAM * MAX_STREAMS
    decoder.feed(compressed(streams))
    spent = FRAME_COST + (MAX_STREAMS - 1) * STREAM_COST + DEFLATED_COST * len(streams)
    assert decoder.inflated == before + spent


def test_inflater_without_a_stream_count_costs_per_byte(impl: Impl) -> None:
    decoder = impl.MessageDecoder(Role.CLIENT, deflate=ZlibInflater())
    decoder.feed(compressed(EMPTY_STREAM * 5))
    assert decoder.inflated == FRAME_COST + DEFLATED_COST * len(EMPTY_STREAM * 5)


def test_control_frames_and_fragments_use_the_budget_but_messages_do_not(impl: Impl) -> None:
    decoder = decoder_of(impl)
    decoder.feed(frames.frame(frames.BINARY, b"x") * 10)
    assert decoder.inflated == 0
    decoder.feed(frames.frame(frames.PING, b"x") + frames.frame(frames.BINARY, b"", fin=False))
    assert decoder.inflated == 2 * FRAME_COST


@pytest.mark.parametrize("kind", ["pings", "messages"])
def test_call_with_a_budget_returns_a_bounded_number_of_messages(impl: Impl, kind: str) -> None:
    decoder = decoder_of(impl)
    frame = frames.frame(frames.PING if kind == "pings" else frames.BINARY, b"")
    got = decoder.feed(frame * 10_000, 2**18)
    assert len(got) == (2**18 // FRAME_COST if kind == "pings" else MAX_MESSAGES)
    while decoder.unread:
        got += decoder.feed(b"", 2**18)
    assert len(got) == 10_000


def test_empty_deflate_blocks_use_the_budget_within_a_frame(impl: Impl) -> None:
    """Blocks that yield no byte cost zlib time."""
    decoder = decoder_of(impl)
    stored = b"\x00\x00\x00\xff\xff"  # an empty block
    frame = compressed(stored * 40_000)
    assert decoder.feed(frame, 2**18) == []
    assert decoder.unread > 2**16
    while decoder.unread:
        got = decoder.feed(b"", 2**18)
    assert got == [b""]


@pytest.mark.parametrize(
    "frame",
    [alone(bytes(2**20)), alone(b"a"), compressed(EMPTY_STREAM * MAX_STREAMS)],
    ids=["bombs", "messages of a byte", "empty streams"],
)
def test_decompression_bombs_are_inflated_over_several_calls(impl: Impl, frame: bytes) -> None:
    """256 KiB of them, a budget of 1 MiB: no call yields, or does, much more than that."""
    budget = 2**20
    decoder = decoder_of(impl)
    count = 2**18 // len(frame)
    data = frame * count
    got = 0
    while data or decoder.unread:
        before = decoder.inflated
        messages = decoder.feed(data, budget)
        data = b""
        got += len(messages)
        assert sum(map(len, messages)) <= budget + 2**20
        assert decoder.inflated - before < budget + 2**20 + FRAME_COST + DEFLATED_COST * len(frame)
    assert got == count


def test_continuing_does_not_copy_the_unread_data(impl: Impl) -> None:
    """However much is unread: many small steps are linear."""
    decoder = decoder_of(impl)
    decoder.feed(alone(b"a") * 200_000, 0)
    size = decoder.unread
    with traced() as memory:
        for _ in range(1000):
            assert decoder.feed(b"", 0) == [b"a"]
        assert memory.peak() < size / 10  # what the inflater takes
    assert decoder.unread < size


@pytest.mark.parametrize(
    ("budget", "error"),
    [
        (-1, ValueError("budget must not be negative")),
        (-(10**30), ValueError("budget must not be negative")),
        (1.0, TypeError("budget must be int, not float")),
        ("1", TypeError("budget must be int, not str")),
    ],
)
def test_invalid_budget_raises_before_data_is_consumed(impl: Impl, budget: Any, error: Exception) -> None:
    """It is refused before a byte is taken."""
    decoder = decoder_of(impl)
    with pytest.raises(type(error), match=f"^{error}$"):
        decoder.feed(alone(b"a"), budget)
    assert decoder.feed(alone(b"a")) == [b"a"]
