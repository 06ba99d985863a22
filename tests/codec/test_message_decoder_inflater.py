"""The seam for permessage-deflate (RFC 7692): what a decoder asks of an Inflater, and of one that errs."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from support import frames
from support.feeding import cuttings, feed, outcome, verdict
from support.inflating import BAD_DATA, Deflater, ZlibInflater
from support.tracing import NOISE, traced
from support.twins import Impl

from wsframe import Ping, ProtocolError, Role

RSV1 = 4


class Stub:
    """An Inflater that returns what a function returns."""

    def __init__(self, inflate: Callable[[bytes, bool, int], Any]) -> None:
        self.inflate = inflate


def compressed(payload: bytes, opcode: int = frames.TEXT, key: bytes | None = None) -> bytes:
    return frames.frame(opcode, payload, rsv=RSV1, key=key)


def decoder_with(impl: Impl, inflate: Callable[[bytes, bool, int], Any], **options: Any) -> Any:
    return impl.MessageDecoder(Role.CLIENT, deflate=Stub(inflate), **options)


@pytest.mark.parametrize("role", Role)
def test_compressed_messages_share_one_context(impl: Impl, role: Role) -> None:
    """Compressed and uncompressed messages, whole and in fragments, with control frames in between."""
    key = frames.KEY if role is Role.SERVER else None
    rng = random.Random(7692)
    stream, expected, deflater = b"", [], Deflater()
    for n in range(30):
        text = "".join(rng.choices("ab é€😊", k=rng.randrange(200)))
        message: str | bytes = text if n % 2 else text.encode()
        opcode = frames.TEXT if n % 2 else frames.BINARY
        data = deflater.deflate(text.encode()) if n % 5 else text.encode()
        rsv = RSV1 if n % 5 else 0
        cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(4)))
        for i, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(data)], strict=True)):
            last = i == len(cuts)
            stream += frames.frame(
                frames.CONTINUATION if i else opcode,
                data[start:end],
                fin=last,
                rsv=0 if i else rsv,
                key=key,
            )
            if not last:
                stream += frames.frame(frames.PING, b"!", key=key)
                expected.append(Ping(b"!"))
        expected.append(message)
    for pieces in cuttings(stream):
        got = feed(impl.MessageDecoder(role, deflate=ZlibInflater()), pieces)
        assert (got.messages, got.error, got.buffered) == (expected, None, 0)


def test_inflate_is_called_with_data_final_flag_and_room(impl: Impl) -> None:
    """Unmasked bytes in order, `final` once at the very end, and the room that is left."""
    asked: list[tuple[bytes, bool, int]] = []

    def inflate(data: bytes, final: bool, max_length: int) -> bytes:
        asked.append((data, final, max_length))
        return data * 2

    decoder = impl.MessageDecoder(Role.SERVER, max_message=100, deflate=Stub(inflate))
    start = frames.frame(frames.BINARY, b"abc", fin=False, rsv=RSV1, key=frames.KEY)
    assert decoder.feed(start) == []
    assert decoder.buffered == 6
    assert decoder.feed(frames.frame(frames.PING, b"x", key=frames.KEY)) == [Ping(b"x")]
    end = frames.frame(frames.CONTINUATION, b"defg", key=frames.KEY)
    assert decoder.feed(end[:-1]) == []
    assert decoder.feed(end[-1:]) == [b"abcabcdefdefgg"]
    assert asked == [(b"abc", False, 100), (b"def", False, 94), (b"g", True, 88)]
    asked.clear()
    assert decoder.feed(frames.frame(frames.BINARY, b"plain", key=frames.KEY)) == [b"plain"]
    assert asked == []
    assert decoder.feed(compressed(b"", key=frames.KEY)) == [""]
    assert asked == [(b"", True, 100)]


@pytest.mark.parametrize("over", [0, 1])
def test_message_limit_applies_to_inflated_data(impl: Impl, over: int) -> None:
    """And a bomb is stopped while it is inflated, at one byte too many."""
    limit = 10**6
    data = compressed(Deflater().deflate(bytes(limit + over)), frames.BINARY)
    assert len(data) < limit / 500
    for pieces in cuttings(data, seeds=2):
        inflater = ZlibInflater()
        decoder = impl.MessageDecoder(Role.CLIENT, max_message=limit, deflate=inflater)
        got = feed(decoder, pieces)
        if over:
            assert got == ([], (1009, f"message larger than {limit} bytes"), False, 0, 0)
        else:
            assert got == ([bytes(limit)], None, False, 0, 0)
        assert all(0 <= max_length <= limit for _, _, max_length in inflater.asked)


def test_message_limit_ignores_the_compressed_size(impl: Impl) -> None:
    """Compressed it may be larger than the message is allowed to be."""
    noise = random.Random(1).randbytes(1000)
    data = Deflater().deflate(noise)
    assert len(data) > len(noise)
    decoder = impl.MessageDecoder(Role.CLIENT, max_message=1000, deflate=ZlibInflater())
    assert decoder.feed(compressed(data, frames.BINARY)) == [noise]


def test_decompression_bomb_in_small_reads_takes_linear_time(impl: Impl) -> None:
    """Each read of a byte yields a thousand; the store must not grow by so little each time."""
    size = 2**20
    data = compressed(Deflater().deflate(bytes(size)), frames.BINARY)
    inflater = ZlibInflater()
    decoder = impl.MessageDecoder(Role.CLIENT, max_message=size, deflate=inflater)
    with traced() as memory:
        copied = before = 0
        for i in range(len(data) - 1):
            assert decoder.feed(data[i : i + 1]) == []
            inflater.asked.clear()
            now = memory.now()
            if now > before + NOISE:
                copied, before = copied + now, now
        assert copied <= 12 * size, "the store grew in too many steps"
    assert decoder.feed(data[-1:]) == [bytes(size)]


@pytest.mark.parametrize(
    ("stream", "good"),
    [
        (frames.frame(frames.TEXT, fin=False, rsv=RSV1) + frames.frame(frames.CONTINUATION, rsv=RSV1), 2),
        (frames.frame(frames.TEXT, fin=False) + frames.frame(frames.CONTINUATION, rsv=RSV1), 2),
        (frames.frame(frames.PING, rsv=RSV1), 0),
        (frames.frame(frames.CLOSE, rsv=RSV1), 0),
        (frames.frame(frames.TEXT, rsv=2), 0),
        (frames.frame(frames.TEXT, rsv=1), 0),
        (frames.frame(frames.TEXT, rsv=5), 0),
    ],
    ids=["continuation", "continuation of plain", "ping", "close", "rsv2", "rsv3", "rsv1 and rsv3"],
)
def test_misplaced_reserved_bits_are_errors_with_an_inflater(impl: Impl, stream: bytes, good: int) -> None:
    """RFC 7692, 6: RSV1 on the first frame of a message alone; the other bits mean nothing still."""
    decoder = impl.MessageDecoder(Role.CLIENT, deflate=ZlibInflater())
    assert decoder.feed(stream[:good]) == []
    assert decoder.error is None
    assert decoder.feed(stream[good:]) == []
    assert verdict(decoder.error) == (1002, "reserved bits must be 0")


def test_inflated_text_must_be_valid_utf_8(impl: Impl) -> None:
    """UTF-8 is checked after inflating (RFC 7692, 6.2), as soon as it is impossible."""
    bad = Deflater().deflate(b"ok\xff")
    got = outcome(lambda: impl.MessageDecoder(Role.CLIENT, deflate=ZlibInflater()), compressed(bad))
    assert got == ([], (1007, "text message is not valid utf-8"), False, 0, 0)
    decoder = decoder_with(impl, lambda data, final, max_length: b"\xe2\x28")
    decoder.feed(frames.frame(frames.TEXT, b"x", fin=False, rsv=RSV1))
    assert verdict(decoder.error) == (1007, "text message is not valid utf-8")


def test_protocol_error_of_the_inflater_is_that_of_the_decoder(impl: Impl) -> None:
    """The Inflater's own verdict is the decoder's, messages before it are delivered."""
    stream = frames.frame(frames.TEXT, b"before") + compressed(b"\xff\xff\xff\xff")
    decoder = impl.MessageDecoder(Role.CLIENT, deflate=ZlibInflater())
    assert decoder.feed(stream) == ["before"]
    assert verdict(decoder.error) == BAD_DATA
    with pytest.raises(ProtocolError):
        decoder.feed(b"")


@pytest.mark.parametrize(
    "raised", [ValueError("x"), OSError(5, "y"), RecursionError("z"), MemoryError()], ids=repr
)
def test_exception_of_the_inflater_fails_with_1011(impl: Impl, raised: Exception) -> None:
    def inflate(data: bytes, final: bool, max_length: int) -> bytes:
        raise raised

    decoder = decoder_with(impl, inflate)
    assert decoder.feed(frames.frame(frames.TEXT, b"before") + compressed(b"x")) == ["before"]
    assert verdict(decoder.error) == (1011, "cannot inflate the message")
    assert decoder.error.__cause__ is raised


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_interrupt_in_the_inflater_stops_the_decoder(impl: Impl, raised: type[BaseException]) -> None:
    """The interrupt propagates; the decoder, whose state is unknown, raises from then on."""

    def inflate(data: bytes, final: bool, max_length: int) -> bytes:
        raise raised

    decoder = decoder_with(impl, inflate)
    with pytest.raises(raised):
        decoder.feed(compressed(b"x"))
    assert verdict(decoder.error) == (1011, "decoding was interrupted")
    assert decoder.buffered == 0
    with pytest.raises(ProtocolError, match="decoding was interrupted"):
        decoder.feed(frames.frame(frames.TEXT, b"after"))


@pytest.mark.parametrize(
    "result", [None, 5, "text", [1, 2], object()], ids=lambda value: type(value).__name__
)
def test_inflater_returning_no_buffer_fails_with_1011(impl: Impl, result: object) -> None:
    for fin in (True, False):
        decoder = decoder_with(impl, lambda data, final, max_length: result)
        assert decoder.feed(frames.frame(frames.BINARY, b"x", fin=fin, rsv=RSV1)) == []
        assert verdict(decoder.error) == (1011, "cannot inflate the message")
        assert type(decoder.error.__cause__) is TypeError


class Bytes(bytes):
    pass


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, Bytes])
def test_inflater_may_return_any_buffer(impl: Impl, kind: Any) -> None:
    for opcode, expected in ((frames.BINARY, b"abc"), (frames.TEXT, "abc")):
        decoder = decoder_with(impl, lambda data, final, max_length: kind(b"abc"))
        [got] = decoder.feed(compressed(b"x", opcode))
        assert got == expected
        assert type(got) is type(expected)
    decoder = decoder_with(impl, lambda data, final, max_length: memoryview(b"abcabc")[::2])
    assert decoder.feed(compressed(b"x", frames.BINARY)) == [b"acb"]


@pytest.mark.parametrize("size", [11, 12, 1000, 10**7])
def test_inflater_returning_too_much_fails_with_1009(impl: Impl, size: int) -> None:
    """Whatever its promise, no message larger than the limit comes through."""
    for fin in (True, False):
        decoder = decoder_with(impl, lambda data, final, max_length: bytes(size), max_message=10)
        assert decoder.feed(frames.frame(frames.BINARY, b"x", fin=fin, rsv=RSV1)) == []
        assert verdict(decoder.error) == (1009, "message larger than 10 bytes")
        assert decoder.buffered == 0


def test_feed_called_by_the_inflater_raises_runtime_error(impl: Impl) -> None:
    """It gets a RuntimeError; if that propagates, the message fails with 1011."""
    decoders: list[Any] = []
    heard = []

    def inflate(data: bytes, final: bool, max_length: int) -> bytes:
        with pytest.raises(RuntimeError, match=r"^feed is already running$") as caught:
            decoders[0].feed(frames.frame(frames.TEXT, b"inner"))
        heard.append(caught.value)
        return data

    decoders.append(decoder_with(impl, inflate))
    assert decoders[0].feed(compressed(b"outer") + frames.frame(frames.TEXT, b"next")) == ["outer", "next"]
    assert len(heard) == 1

    reentrant = decoder_with(impl, lambda data, final, max_length: reentrant.feed(data))
    assert reentrant.feed(compressed(b"outer")) == []
    assert verdict(reentrant.error) == (1011, "cannot inflate the message")
    assert type(reentrant.error.__cause__) is RuntimeError


def test_inflater_sees_the_current_state_of_the_decoder(impl: Impl) -> None:
    seen = []

    def inflate(data: bytes, final: bool, max_length: int) -> bytes:
        seen.append((decoder.error, decoder.closed, decoder.buffered, decoder.controls))
        return data

    decoder = decoder_with(impl, inflate)
    ping = frames.frame(frames.PING)
    start = frames.frame(frames.TEXT, b"abc", fin=False, rsv=RSV1)
    assert decoder.feed(ping + start + frames.frame(frames.CONTINUATION, b"d")) == [Ping(), "abcd"]
    assert seen == [(None, False, 0, 1), (None, False, 3, 1)]


def test_inflater_without_inflate_fails_when_it_is_needed(impl: Impl) -> None:
    """It is called only for a compressed message, and fails then."""
    decoder = impl.MessageDecoder(Role.CLIENT, deflate=object())
    assert decoder.feed(frames.frame(frames.TEXT, b"plain")) == ["plain"]
    assert decoder.feed(compressed(b"x")) == []
    assert verdict(decoder.error) == (1011, "cannot inflate the message")
    assert type(decoder.error.__cause__) is AttributeError


def test_inflater_may_feed_another_decoder(impl: Impl) -> None:
    """Feeding another decoder from inside inflate is allowed."""
    inner = impl.MessageDecoder(Role.CLIENT)
    got: list[Any] = []

    def inflate(data: bytes, final: bool, max_length: int) -> bytes:
        got.extend(inner.feed(frames.frame(frames.BINARY, data)))
        return data

    assert decoder_with(impl, inflate).feed(compressed(b"abc")) == ["abc"]
    assert got == [b"abc"]


def test_compressed_stream_decodes_alike_however_it_is_split(impl: Impl) -> None:
    """All at once and byte by byte lead to the same, through fragments that end inside a code point."""
    data = Deflater().deflate("é€😊".encode() * 20)
    stream = b"".join(
        frames.frame(
            frames.CONTINUATION if i else frames.TEXT,
            data[i : i + 3],
            fin=i + 3 >= len(data),
            rsv=0 if i else RSV1,
        )
        for i in range(0, len(data), 3)
    )
    got = outcome(lambda: impl.MessageDecoder(Role.CLIENT, deflate=ZlibInflater()), stream, seeds=20)
    assert got.messages == ["é€😊" * 20]
