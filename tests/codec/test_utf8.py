"""Text (RFC 6455, 8.1; RFC 3629): what is valid, how it is stored, and how soon what is not fails.

Every twin and kernel is held against CPython's own decoder.
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import pytest
from support import frames
from support.feeding import verdict
from support.twins import Impl

from wsframe import Role

INVALID = (1007, "text message is not valid utf-8")

# One code point for each length in UTF-8 and each storage width of str, and those at the edges.
EDGES = "\x00\x7f\x80\xe9\xff\u0100\u07ff\u0800\ud7ff\ue000\ufeff\uffff\U00010000\U0001f60a\U0010ffff"
TRICKY = (
    "\xe9\u20ac\U0001f60a",
    "a\xe9b\u20acc\U0001f60ad",
    "\U0010ffff\ud7ff\ue000\x7f\x80\u07ff\u0800\uffff\U00010000",
    "\u03ba\u1f79\u03c3\u03bc\u03b5",
    "\ufeff\ufeff",
    "\x00\xe9\x00",
)


def decoded(data: bytes) -> str | None:
    """What CPython makes of it; None when it is not valid."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def hopeless(data: bytes) -> bool:
    """Whether no continuation can make it valid."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return True
    # CPython waits for the third byte of a surrogate, though none is allowed.
    return data[-2:-1] == b"\xed" and data[-1] >= 0xA0 and decoded(data[:-2]) is not None


def is_narrow(text: str) -> bool:
    """Whether a str that nobody has used yet is stored in its narrowest width, and has nothing else."""
    if len(text) < 2 or sys.implementation.name != "cpython":
        return True  # one of those that CPython shares, and may have used; or of those that have no width
    top = max(text)
    width = 1 if top < "\u0100" else 2 if top < "\U00010000" else 4
    return sys.getsizeof(text) == sys.getsizeof(top * 2) + (len(text) - 2) * width


def assert_same(got: Any, expected: str) -> None:
    """Equal, stored in the narrowest width, with the same hash."""
    assert type(got) is str
    assert got == expected
    assert is_narrow(got)
    assert hash(got) == hash(expected)
    assert {expected: True}[got]


def text_frame(data: bytes) -> bytes:
    return frames.frame(frames.TEXT, data)


def check_all(impl: Impl, payloads: Iterable[bytes]) -> None:
    """Each as a message of its own; the valid ones in one stream."""
    stream, expected = [], []
    for payload in payloads:
        text = decoded(payload)
        if text is None:
            decoder = impl.MessageDecoder(Role.CLIENT)
            assert decoder.feed(text_frame(payload)) == [], payload.hex()
            assert verdict(decoder.error) == INVALID, payload.hex()
        else:
            stream.append(text_frame(payload))
            expected.append(text)
    decoder = impl.MessageDecoder(Role.CLIENT)
    got = decoder.feed(b"".join(stream))
    assert got == expected
    assert decoder.error is None
    assert all(map(is_narrow, got))
    assert list(map(hash, got)) == list(map(hash, expected))


def splits(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    for i in range(len(data) + 1):
        for j in range(i, len(data) + 1):
            yield data[:i], data[i:j], data[j:]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("text", TRICKY)
@pytest.mark.parametrize("pad", [0, 13, 30, 61])
def test_case_26_code_points_may_be_split_anywhere(impl: Impl, role: Role, text: str, pad: int) -> None:
    """Cut over fragments and over reads, at every pair of places."""
    key = frames.KEY if role is Role.SERVER else None
    text = "p" * pad + text
    decoder = impl.MessageDecoder(role)
    for parts in splits(text.encode()[pad:]):
        one, two, three = (bytes(pad and b"p" * pad) + parts[0], *parts[1:])
        fragments = [
            frames.frame(frames.TEXT, one, fin=False, key=key),
            frames.frame(frames.PING, key=key),
            frames.frame(frames.CONTINUATION, two, fin=False, key=key),
            frames.frame(frames.CONTINUATION, three, key=key),
        ]
        *_, got = decoder.feed(b"".join(fragments))
        assert_same(got, text)
        *_, got = [message for fragment in fragments for message in decoder.feed(fragment)]
        assert_same(got, text)
        # The same places as ends of reads of one frame.
        whole = frames.frame(frames.TEXT, text.encode(), key=key)
        tail, middle = len(three), len(two)
        reads = (
            whole[: len(whole) - tail - middle],
            whole[len(whole) - tail - middle : len(whole) - tail],
            whole[len(whole) - tail :],
        )
        [got] = [message for read in reads for message in decoder.feed(read)]
        assert_same(got, text)


BAD = [
    *(bytes([byte]) for byte in (0x80, 0xBF, 0xC0, 0xC1, 0xF5, 0xF8, 0xFC, 0xFE, 0xFF)),
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xe0\x80\xaf",
    b"\xe0\x9f\xbf",
    b"\xf0\x80\x80\xaf",
    b"\xf0\x8f\xbf\xbf",
    b"\xed\xa0\x80",
    b"\xed\xaf\xbf",
    b"\xed\xb0\x80",
    b"\xed\xbf\xbf",
    b"\xed\xa0\xbd\xed\xb8\x80",
    b"\xf4\x90\x80\x80",
    b"\xf7\xbf\xbf\xbf",
    b"\xc3(",
    b"\xe2(\xac",
    b"\xe2\x82(",
    b"\xf0(\x98\x8a",
    b"\xf0\x9f(\x8a",
    b"\xf0\x9f\x98(",
    b"\xc3\xa9\xa9",
    b"\xe2\x82\xac\x80",
    b"\xf0\x9f\x98\x8a\x80",
    b"\xc3\xc3\xa9",
    b"\xe2\x82\xe2\x82\xac",
]


@pytest.mark.parametrize("bad", BAD, ids=bytes.hex)
def test_case_26_invalid_utf_8_fails_at_the_first_impossible_byte(impl: Impl, bad: bytes) -> None:
    """Autobahn 6.4: the verdict is due with the byte that settles it, not at the end of the message."""
    for before in (b"", b"abc", "\xe9\u20ac\U0001f60a".encode(), b"p" * 61, b"p" * 200, "\xe9".encode() * 40):
        data = before + bad + b"after"
        fatal = next(n for n in range(1, len(data) + 1) if hopeless(data[:n]))
        head = frames.header(frames.TEXT, len(data) + 1000, fin=False)
        for pieces in (
            [head, *(data[i : i + 1] for i in range(len(data)))],
            [head + data[: fatal - 1], data[fatal - 1 : fatal]],
        ):
            decoder = impl.MessageDecoder(Role.CLIENT)
            sent = -len(head)
            for piece in pieces:
                assert decoder.error is None, "too soon"
                decoder.feed(piece)
                sent += len(piece)
                if sent >= fatal:
                    break
            assert verdict(decoder.error) == INVALID
        # And as fragments of one byte.
        decoder = impl.MessageDecoder(Role.CLIENT)
        decoder.feed(frames.frame(frames.TEXT, before, fin=False))
        for n in range(len(before), fatal):
            assert decoder.error is None, "too soon"
            decoder.feed(frames.frame(frames.CONTINUATION, data[n : n + 1], fin=False))
        assert verdict(decoder.error) == INVALID


@pytest.mark.parametrize("text", TRICKY)
def test_case_26_text_ending_within_a_code_point_is_invalid(impl: Impl, text: str) -> None:
    """A code point may be cut anywhere but at the end of the message."""
    data = text.encode()
    for end in range(len(data)):
        if decoded(data[:end]) is not None:
            continue
        for pad in (b"", b"p" * 31, b"p" * 62, b"p" * 127):
            decoder = impl.MessageDecoder(Role.CLIENT)
            assert decoder.feed(text_frame(pad + data[:end])) == []
            assert verdict(decoder.error) == INVALID
            decoder = impl.MessageDecoder(Role.CLIENT)
            assert decoder.feed(frames.frame(frames.TEXT, pad + data[:end], fin=False)) == []
            assert decoder.error is None
            assert decoder.feed(frames.frame(frames.CONTINUATION)) == []
            assert verdict(decoder.error) == INVALID


@pytest.mark.parametrize("pad", [0, 63])
def test_case_27_all_two_byte_sequences_match_cpython(impl: Impl, pad: int) -> None:
    """All 2**16, alone and over the edges of vector registers."""
    before = b"p" * pad
    check_all(impl, (before + n.to_bytes(2, "big") + before for n in range(2**16)))


@cache
def edges_of_long_sequences() -> list[bytes]:
    """Every lead byte, with second, third and fourth bytes either side of every limit."""
    limits = (0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF)
    leads = (0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF8, 0xFF)
    three = [bytes((a, b, c)) for a in leads for b in limits for c in limits]
    four = [bytes((a, b, c, d)) for a in leads if a >= 0xE0 for b in limits for c in limits for d in limits]
    return three + four


@pytest.mark.parametrize("pad", [0, 15, 30, 62])
def test_case_27_edge_sequences_of_3_and_4_bytes_match_cpython(impl: Impl, pad: int) -> None:
    before = b"p" * pad
    check_all(impl, (before + sequence + b"q" for sequence in edges_of_long_sequences()))


@pytest.mark.parametrize("second", [b"\x80", b"\x90", b"\xa0", b"\xbf"], ids=bytes.hex)
def test_case_27_all_lead_and_third_bytes_match_cpython(impl: Impl, second: bytes) -> None:
    check_all(impl, (bytes((a,)) + second + bytes((c,)) for a in range(0xE0, 0x100) for c in range(256)))


@pytest.mark.parametrize("character", EDGES, ids=ascii)
def test_one_character_among_ascii_decodes_at_every_place(impl: Impl, character: str) -> None:
    """The tails of every kernel: a single code point among ASCII, at each place of each length."""
    lengths = [*range(140), *range(140, 301, 7)]
    for length in lengths:
        texts = ["a" * i + character + "b" * (length - i) for i in range(length + 1)]
        got = impl.MessageDecoder(Role.CLIENT).feed(b"".join(text_frame(text.encode()) for text in texts))
        assert got == texts
        assert all(map(is_narrow, got))
        assert list(map(hash, got)) == list(map(hash, texts))


@pytest.mark.parametrize("character", EDGES, ids=ascii)
@pytest.mark.parametrize("other", ["\xe9", "\u20ac", "\U0001f60a"], ids=ascii)
def test_one_character_among_non_ascii_decodes_at_every_place(impl: Impl, character: str, other: str) -> None:
    """The same where nothing is ASCII, and the lengths in bytes are all there are."""
    for length in range(1, 70):
        texts = [other * i + character + other * (length - i - 1) for i in range(length)]
        got = impl.MessageDecoder(Role.CLIENT).feed(b"".join(text_frame(text.encode()) for text in texts))
        for one, text in zip(got, texts, strict=True):
            assert_same(one, text)


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe2\x82"]
)
def test_one_invalid_sequence_is_found_at_every_place(impl: Impl, bad: bytes) -> None:
    """No place of a long text hides invalid bytes from a kernel."""
    for filler in (b"a", "\xe9".encode(), "\u20ac".encode(), "\U0001f60a".encode()):
        for count in (0, 1, 7, 16, 33, 65):
            for i in range(count + 1):
                payload = filler * i + bad + filler * (count - i)
                decoder = impl.MessageDecoder(Role.CLIENT)
                assert decoder.feed(text_frame(payload)) == []
                assert verdict(decoder.error) == INVALID


@pytest.mark.parametrize("size", [0, 1, 125, 126, 4096, 65535, 65536, 2**20])
@pytest.mark.parametrize(
    "pattern", ["a", "\xe9", "a\xe9", "\u20ac", "\u4e2d\u6587", "\U0001f60a", "a\u20ac\U0001f60a"]
)
def test_texts_of_every_size_round_trip(impl: Impl, pattern: str, size: int) -> None:
    whole = pattern * (size // len(pattern.encode()))
    for masked, role in ((False, Role.CLIENT), (True, Role.SERVER)):
        frame = impl.encode_text(whole, masked=masked)
        assert frame[-len(whole.encode()) :] == whole.encode() or masked or not whole
        [got] = impl.MessageDecoder(role).feed(frame)
        assert_same(got, whole)
