"""A decoder that skips messages: it returns control frames and still validates headers."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from wsframe import Close, Opcode, Ping, Role, encode_frame
from wsframe._py.message_decoder import MessageDecoder as PureDecoder

KEY = b"mask"


def frame(opcode, payload=b"", **options):
    return encode_frame(opcode, payload, mask_key=KEY, **options)


def skipping(impl):
    decoder = impl.MessageDecoder(Role.SERVER, deflate=Inflating())
    decoder.skipping = True
    return decoder


class Inflating:
    def inflate(self, data, final, max_length):
        raise AssertionError("inflated what is skipped")


def test_skipping_drops_messages_and_returns_control_frames(impl):
    decoder = skipping(impl)
    data = (
        frame(Opcode.TEXT, "one")
        + frame(Opcode.TEXT, b"\xff")
        + frame(Opcode.BINARY, bytes(1000), rsv=4)
        + frame(Opcode.TEXT, "be", fin=False)
        + frame(Opcode.PING, b"p")
        + frame(Opcode.CONTINUATION, "gun")
        + frame(Opcode.CLOSE, b"\x03\xe8")
    )
    assert decoder.feed(data) == [Ping(b"p"), Close(1000, "")]
    assert decoder.closed and decoder.error is None and decoder.buffered == 0


def test_skipping_may_start_within_a_message(impl):
    decoder = impl.MessageDecoder(Role.SERVER)
    data = frame(Opcode.TEXT, "x" * 1000)
    assert (
        decoder.feed(frame(Opcode.BINARY, b"first", fin=False) + frame(Opcode.CONTINUATION, b"y" * 100)[:50])
        == []
    )
    assert decoder.buffered
    decoder.skipping = True
    assert decoder.feed(frame(Opcode.CONTINUATION, b"y" * 100)[50:] + data) == []
    assert decoder.buffered == 0 and decoder.error is None


@pytest.mark.parametrize(
    "data",
    [b"\x83\x80" + KEY, frame(Opcode.CONTINUATION), b"\x81\x00", frame(Opcode.TEXT, b"", rsv=2)],
    ids=["opcode", "continuation", "unmasked", "reserved"],
)
def test_skipped_frames_are_still_validated(impl, data):
    decoder = skipping(impl)
    decoder.feed(data)
    assert decoder.error is not None


FRAMES = st.lists(
    st.sampled_from(
        [
            frame(Opcode.TEXT, "text"),
            frame(Opcode.TEXT, "x" * 200),
            frame(Opcode.BINARY, b"\xff", fin=False),
            frame(Opcode.CONTINUATION, b"z"),
            frame(Opcode.PING, b"ping"),
            frame(Opcode.CLOSE),
        ]
    ),
    max_size=8,
)


@given(FRAMES, st.data())
def test_skipping_does_not_depend_on_how_the_stream_is_split(impl, frames, data):
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    whole, pieces = PureDecoder(Role.SERVER), impl.MessageDecoder(Role.SERVER)
    whole.skipping = pieces.skipping = True
    wanted, got = whole.feed(stream), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        if pieces.error is None:
            got += pieces.feed(stream[start:end])
    assert got == wanted
    assert str(pieces.error) == str(whole.error)
