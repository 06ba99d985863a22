"""Messages returned in fragments, as they arrive, and limits of frames."""

from __future__ import annotations

import random
import zlib
from typing import Any

import pytest
from support import frames
from support.inflating import Deflater
from support.tracing import traced
from support.twins import Impl

from wsframe import Fragment, Ping, ProtocolError, Role
from wsframe._errors import PayloadTooBig, TooManyFragments
from wsframe.deflate import Deflate

BIG = bytes(range(256)) * 64
TEXT = "aé€😊" * 500


def stream_of(*, key: bytes | None = None) -> bytes:
    """Messages of all kinds, with a Ping inside one."""
    text = TEXT.encode()
    return b"".join(
        (
            frames.frame(frames.TEXT, b"", key=key),
            frames.frame(frames.BINARY, BIG, key=key),
            frames.frame(frames.TEXT, text[:1001], fin=False, key=key),
            frames.frame(frames.PING, b"p", key=key),
            frames.frame(frames.CONTINUATION, text[1001:1003], fin=False, key=key),
            frames.frame(frames.CONTINUATION, b"", fin=False, key=key),
            frames.frame(frames.CONTINUATION, text[1003:], key=key),
            frames.frame(frames.BINARY, b"", fin=False, key=key),
            frames.frame(frames.CONTINUATION, b"", key=key),
            frames.frame(frames.TEXT, "last é".encode(), key=key),
        )
    )


MESSAGES: list[Any] = ["", BIG, Ping(b"p"), TEXT, b"", "last é"]


def joined(events: list[Any]) -> list[Any]:
    """Join fragments to messages."""
    out: list[Any] = []
    parts: list[Any] = []
    for event in events:
        if isinstance(event, Fragment):
            parts.append(event.data)
            if event.final:
                out.append(parts[0][:0].join(parts))
                parts.clear()
        else:
            out.append(event)
    assert not parts
    return out


def cuts_of(stream: bytes, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    pieces = []
    while stream:
        size = chance.choice((1, 2, 5, 100, 3000))
        pieces.append(stream[:size])
        stream = stream[size:]
    return pieces


@pytest.mark.parametrize("key", [None, frames.KEY])
@pytest.mark.parametrize("seed", range(4))
def test_streamed_fragments_add_up_to_the_messages(impl: Impl, key: bytes | None, seed: int) -> None:
    decoder = impl.MessageDecoder(Role.CLIENT if key is None else Role.SERVER)
    decoder.streaming = 2
    events: list[Any] = []
    pieces = cuts_of(stream_of(key=key), seed) if seed else [stream_of(key=key)]
    for piece in pieces:
        new = decoder.feed(piece)
        assert decoder.buffered <= 3
        events += new
    assert joined(events) == MESSAGES
    assert all(isinstance(event, (Fragment, Ping)) for event in events)
    assert decoder.controls == len(events)


def test_parts_of_a_frame_are_returned_as_they_are_read(impl: Impl) -> None:
    decoder = impl.MessageDecoder(Role.CLIENT)
    decoder.streaming = 1
    stream = frames.frame(frames.TEXT, "é".encode() * 4) + frames.frame(frames.TEXT, b"next")
    assert decoder.feed(stream[:3]) == []
    assert decoder.feed(stream[3:7]) == [Fragment("éé", False)]
    assert decoder.streaming == 1
    assert decoder.feed(stream[7:]) == [Fragment("éé", True), "next"]
    assert decoder.streaming == 0


def test_buffered_data_is_the_first_part_when_streaming_starts(impl: Impl) -> None:
    decoder = impl.MessageDecoder(Role.CLIENT)
    assert decoder.feed(frames.frame(frames.BINARY, b"ab", fin=False)) == []
    decoder.streaming = 1
    parts = decoder.feed(frames.frame(frames.CONTINUATION, b"cd", fin=False))
    assert parts == [Fragment(b"ab", False), Fragment(b"cd", False)]
    decoder.streaming = 0  # too late for this one
    assert decoder.feed(frames.frame(frames.CONTINUATION, b"e")) == [Fragment(b"e", True)]
    assert decoder.feed(frames.frame(frames.BINARY, b"f", fin=False)) == []
    assert decoder.feed(frames.frame(frames.CONTINUATION, b"g")) == [b"fg"]


def test_streaming_can_be_switched_off_before_the_payload(impl: Impl) -> None:
    decoder = impl.MessageDecoder(Role.CLIENT)
    decoder.streaming = 1
    assert decoder.feed(frames.header(frames.BINARY, 2)) == []
    decoder.streaming = 0
    assert decoder.feed(b"ab") == [b"ab"]


@pytest.mark.parametrize("cut", [1, 7, 4096])
def test_compressed_messages_are_streamed(impl: Impl, cut: int) -> None:
    deflater = Deflater()
    payloads = [TEXT.encode(), b"a" * 100_000]
    stream = b""
    for opcode, payload in zip((frames.TEXT, frames.BINARY), payloads, strict=True):
        data = deflater.deflate(payload)
        stream += frames.frame(opcode, data[:40], fin=False, rsv=4)
        stream += frames.frame(frames.CONTINUATION, data[40:])
    decoder = impl.MessageDecoder(Role.CLIENT, deflate=Deflate(Role.CLIENT))
    decoder.streaming = 2
    events: list[Any] = []
    for start in range(0, len(stream), cut):
        events += decoder.feed(stream[start : start + cut])
    assert joined(events) == [TEXT, payloads[1]]


@pytest.mark.parametrize("bad", [b"ab\xff", b"ab\xe2\x82", b"\xed\xa0\x80"], ids=["byte", "cut", "surrogate"])
@pytest.mark.parametrize("cut", [1, 100])
def test_invalid_utf_8_in_a_stream_fails_with_1007(impl: Impl, bad: bytes, cut: int) -> None:
    decoder = impl.MessageDecoder(Role.CLIENT)
    decoder.streaming = 2
    stream = frames.frame(frames.TEXT, b"good ", fin=False) + frames.frame(frames.CONTINUATION, bad)
    events: list[Any] = []
    for start in range(0, len(stream), cut):
        if decoder.error is None:
            events += decoder.feed(stream[start : start + cut])
    assert decoder.error is not None
    assert decoder.error.close_code == 1007
    assert "".join(event.data for event in events).startswith("good ")


def test_message_limit_applies_across_streamed_fragments(impl: Impl) -> None:
    decoder = impl.MessageDecoder(Role.CLIENT, max_message=10, max_fragments=2)
    decoder.streaming = 2
    decoder.feed(frames.frame(frames.BINARY, b"abcd", fin=False))
    for _ in range(3):  # no more than they are kept
        decoder.feed(frames.frame(frames.CONTINUATION, b"e", fin=False))
    assert decoder.error is None
    decoder.feed(frames.header(frames.CONTINUATION, 4))
    assert str(decoder.error) == "message larger than 10 bytes"


def test_streamed_message_of_any_size_takes_bounded_memory(impl: Impl) -> None:
    decoder = impl.MessageDecoder(Role.CLIENT, max_message=None)
    decoder.streaming = 1
    decoder.feed(frames.header(frames.BINARY, 2**40))
    piece = bytes(2**16)
    size = 0
    with traced() as memory:
        for _ in range(100):
            size += sum(len(part.data) for part in decoder.feed(piece))
        assert memory.peak() < 4 * len(piece)
    assert size == 100 * len(piece)


@pytest.mark.parametrize("compression", [False, True])
def test_max_frame_limits_each_frame(impl: Impl, compression: bool) -> None:
    options = {"max_frame": 100, "deflate": Deflate(Role.CLIENT) if compression else None}
    decoder = impl.MessageDecoder(Role.CLIENT, **options)
    deflater = Deflater()

    def frame(opcode: int, payload: bytes, fin: bool) -> bytes:
        rsv = 4 if compression and opcode else 0
        return frames.frame(opcode, deflater.deflate(payload) if compression else payload, fin=fin, rsv=rsv)

    assert decoder.feed(frame(frames.BINARY, b"a" * 100, True)) == [b"a" * 100]
    if not compression:
        assert decoder.feed(frame(frames.BINARY, b"a" * 90, False)) == []
        assert decoder.feed(frame(frames.CONTINUATION, b"b" * 90, True)) == [b"a" * 90 + b"b" * 90]
    assert decoder.feed(frame(frames.BINARY, b"a" * 101, True)) == []
    assert isinstance(decoder.error, PayloadTooBig)
    assert (decoder.error.close_code, str(decoder.error)) == (1009, "frame larger than 100 bytes")


def test_limit_errors_have_their_own_types(impl: Impl) -> None:
    for stream, options, kind in (
        (frames.header(frames.BINARY, 11), {"max_message": 10}, PayloadTooBig),
        (
            frames.frame(frames.BINARY, b"a", fin=False) + frames.header(0, 1),
            {"max_fragments": 1},
            TooManyFragments,
        ),
    ):
        decoder = impl.MessageDecoder(Role.CLIENT, **options)
        decoder.feed(stream)
        assert type(decoder.error) is kind
        assert isinstance(decoder.error, ProtocolError)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("compressed", [False, True])
def test_bytes_that_arrived_before_streaming_are_returned_by_the_next_call(
    impl: Impl, role: Role, compressed: bool
) -> None:
    """Also by a call without bytes: nothing need arrive for what is there."""
    key = b"mask" if role is Role.SERVER else None
    text = "aé€".encode()
    first, rest = text[:5], text[5:]  # amid a character
    rsv = 0
    if compressed:
        deflater = zlib.compressobj(wbits=-15)
        first, rest = (deflater.compress(one) + deflater.flush(zlib.Z_SYNC_FLUSH) for one in (first, rest))
        rest, rsv = rest.removesuffix(b"\x00\x00\xff\xff"), 4
    decoder = impl.MessageDecoder(role, deflate=Deflate(role) if compressed else None)
    assert decoder.feed(frames.frame(frames.TEXT, first, fin=False, rsv=rsv, key=key)) == []
    decoder.streaming = 1
    assert decoder.feed(b"") == [Fragment("aé", False)]
    assert decoder.feed(b"") == []
    assert decoder.feed(frames.frame(frames.CONTINUATION, rest, key=key)) == [Fragment("€", True)]
    assert decoder.streaming == 0


@pytest.mark.parametrize("compressed", [False, True])
def test_a_large_frame_is_returned_in_large_parts(impl: Impl, compressed: bool) -> None:
    """Not one for each step of inflating, which is small because of bombs."""
    data = random.Random(1).randbytes(300_000).hex().encode()
    deflater = Deflater()
    payload = deflater.deflate(data) if compressed else data
    decoder = impl.MessageDecoder(Role.CLIENT, deflate=Deflate(Role.CLIENT) if compressed else None)
    decoder.streaming = 1
    frame = frames.frame(frames.TEXT, payload, rsv=4 if compressed else 0)
    parts: list[Any] = []
    for at in range(0, len(frame), 2**17):
        parts += decoder.feed(frame[at : at + 2**17])
    assert "".join(part.data for part in parts).encode() == data
    assert len(parts) <= 15
    assert [part.final for part in parts] == [False] * (len(parts) - 1) + [True]
