"""Headers and lengths that broke other implementations, one test each, on every twin."""

from __future__ import annotations

from functools import partial

import pytest
from support import frames
from support.feeding import Outcome, outcome
from support.twins import Impl

from wsframe import Ping, Pong, Role

SIDES = pytest.mark.parametrize("role", Role)
BROKEN = 1002


def key_for(role: Role) -> bytes | None:
    """What a peer of ours masks with."""
    return frames.KEY if role is Role.SERVER else None


def fed(impl: Impl, role: Role, data: bytes, **options: int | None) -> Outcome:
    return outcome(partial(impl.MessageDecoder, role, **options), data)


@SIDES
@pytest.mark.parametrize("low", [0, 1, 2**32, 2**63 - 1])
def test_case_01_length_with_the_top_bit_set_is_an_error(impl: Impl, role: Role, low: int) -> None:
    """Negative in signed arithmetic, it hung swift-nio (CVE-2026-43678) and Tomcat (CVE-2020-13935)."""
    head = frames.header(frames.BINARY, 2**63 | low, key=key_for(role))
    got = fed(impl, role, head + bytes(64), max_message=None)
    assert got == ([], (BROKEN, "length above 2**63 - 1"), False, 0, 0)
    frame = outcome(partial(impl.FrameDecoder, role, max_frame=None), head + bytes(64))
    assert frame.error == (BROKEN, "length above 2**63 - 1")


@SIDES
@pytest.mark.parametrize("length", [2**64 - 1, 2**64 - 2, 2**64 - 10, 2**63 - 1, 2**63 - 10])
def test_case_02_length_that_wraps_a_pointer_gives_no_message(impl: Impl, role: Role, length: int) -> None:
    """Adding such a length to a pointer lands before the buffer: php-ion #5, libhv #852, nopoll #84."""
    key = key_for(role)
    payload = frames.masked(bytes(32), key or bytes(4))
    for opcode in (frames.TEXT, frames.BINARY):
        data = frames.header(opcode, length, key=key) + payload
        got = fed(impl, role, data, max_message=None)
        assert got.messages == []
        if length < 2**63:
            assert (got.error, got.buffered) == (None, 32)
        else:
            assert got.error == (BROKEN, "length above 2**63 - 1")
        assert impl.cut_frames(data, 0, role is Role.SERVER, 2**63 - 1) == ([], 0)


@pytest.mark.parametrize("length", [0xFFFFFFFFFFFFFFFC, 0x7FFFFFFFFFFFFFFC, 0x7FFFFFFFFFFFFFFF])
def test_case_03_masked_length_that_overflows_gives_no_message(impl: Impl, length: int) -> None:
    """Length plus the four bytes of the key must not come out small: baresip/re #1584."""
    data = frames.header(frames.BINARY, length, key=frames.KEY) + bytes(8)
    got = fed(impl, Role.SERVER, data, max_message=None)
    if length < 2**63:
        assert got == ([], None, False, 8, 0)
    else:
        assert got == ([], (BROKEN, "length above 2**63 - 1"), False, 0, 0)
    assert impl.cut_frames(data, 0, True, 2**63 - 1) == ([], 0)


@SIDES
@pytest.mark.parametrize("length", [2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 100, 2**53 + 1])
def test_case_04_lengths_of_more_than_32_bits_are_exact(impl: Impl, role: Role, length: int) -> None:
    """A length cut to 32 bits takes payload for headers: undici #4875, aiohttp #13514."""
    key = key_for(role)
    head = frames.header(frames.BINARY, length, key=key)
    assert impl.parse_header(head).length == length
    assert impl.build_header(frames.BINARY, length, mask_key=key) == head
    # 100 bytes are there: taken for the whole message if 2**32 + 100 were cut to 32 bits.
    assert fed(impl, role, head + bytes(100), max_message=None) == ([], None, False, 100, 0)
    assert fed(impl, role, head, max_message=length) == ([], None, False, 0, 0)
    too_big = (1009, f"message larger than {length - 1} bytes")
    assert fed(impl, role, head, max_message=length - 1).error == too_big


@SIDES
@pytest.mark.parametrize("limit", [2**20, 2**31, 2**32, 2**63 - 1, None])
def test_case_05_continuation_cannot_overflow_the_limit(impl: Impl, role: Role, limit: int | None) -> None:
    """The buffered size plus 2**63 - 1 is negative, and passed under gorilla's limit (CVE-2020-27813)."""
    key = key_for(role)
    data = frames.frame(frames.BINARY, b"ab", fin=False, key=key)
    data += frames.header(frames.CONTINUATION, 2**63 - 1, key=key)
    got = fed(impl, role, data, max_message=limit)
    assert got.error == (1009, f"message larger than {2**63 - 1 if limit is None else limit} bytes")
    unfinished = data[: -1 - len(key or b"")]
    assert fed(impl, role, unfinished, max_message=limit) == ([], None, False, 2, 0)


@SIDES
@pytest.mark.parametrize(
    ("length", "form"),
    [(0, 16), (1, 16), (125, 16), (0, 64), (125, 64), (126, 64), (65535, 64)],
)
def test_case_06_overlong_length_form_is_an_error(impl: Impl, role: Role, length: int, form: int) -> None:
    """RFC 6455, 5.2 asks for the fewest bytes; many let others through, among them websockets."""
    not_minimal = (BROKEN, "length not in its shortest form")
    data = frames.frame(frames.BINARY, bytes(length), key=key_for(role), form=form)
    assert fed(impl, role, data) == ([], not_minimal, False, 0, 0)
    assert outcome(partial(impl.FrameDecoder, role), data).error == not_minimal
    assert impl.cut_frames(data, 0, role is Role.SERVER, 2**20) == ([], 0)
    shortest = frames.frame(frames.BINARY, bytes(length), key=key_for(role))
    assert fed(impl, role, shortest).messages == [bytes(length)]


@SIDES
def test_case_07_reserved_bits_and_opcodes_are_errors(impl: Impl, role: Role) -> None:
    """RFC 6455, 5.2: every first byte there is; of 256, only those defined pass."""
    key = key_for(role)
    for first in range(256):
        fin, rsv, opcode = first >> 7 == 1, first >> 4 & 7, first & 15
        data = frames.frame(opcode, fin=fin, rsv=rsv, key=key)
        got = fed(impl, role, data)
        if opcode not in (0, 1, 2, 8, 9, 10):
            assert got.error == (BROKEN, f"reserved opcode {opcode:#x}")
        elif opcode >= 8 and not fin:
            assert got.error == (BROKEN, "fragmented control frame")
        elif rsv:
            assert got.error == (BROKEN, "reserved bits must be 0")
        elif opcode == frames.CONTINUATION:
            assert got.error == (BROKEN, "continuation frame without a message to continue")
        else:
            assert got.error is None
            assert len(got.messages) == fin


@SIDES
@pytest.mark.parametrize("opcode", [frames.CLOSE, frames.PING, frames.PONG])
def test_case_08_long_or_fragmented_control_frames_are_errors(impl: Impl, role: Role, opcode: int) -> None:
    """RFC 6455, 5.5; jaspervdj/websockets #150 took such a Ping."""
    key = key_for(role)
    for length in (126, 127, 65535, 65536, 2**63 - 1):
        head = frames.header(opcode, length, key=key)
        got = fed(impl, role, head + bytes(200))
        assert got.error == (BROKEN, "control frame longer than 125 bytes")
        # The second byte says it all; no more may be waited for.
        decoder = impl.MessageDecoder(role)
        decoder.feed(head[:2])
        assert decoder.error is not None
    got = fed(impl, role, frames.frame(opcode, b"ab", fin=False, key=key))
    assert got.error == (BROKEN, "fragmented control frame")
    if opcode != frames.CLOSE:
        kind = Ping if opcode == frames.PING else Pong
        assert fed(impl, role, frames.frame(opcode, bytes(125), key=key)).messages == [kind(bytes(125))]


@SIDES
@pytest.mark.parametrize("opcode", [frames.TEXT, frames.BINARY, frames.CLOSE, frames.PING, frames.PONG])
def test_case_09_frame_masked_the_wrong_way_is_an_error(impl: Impl, role: Role, opcode: int) -> None:
    """RFC 6455, 5.1: a server wants masked frames, a client does not; aiohttp takes both."""
    words = {
        Role.SERVER: "frame from a client must be masked",
        Role.CLIENT: "frame from a server must not be masked",
    }
    wrong = None if role is Role.SERVER else frames.KEY
    for payload in (b"", b"\x03\xe8"):
        data = frames.frame(opcode, payload, key=wrong)
        assert fed(impl, role, data) == ([], (BROKEN, words[role]), False, 0, 0)
        assert outcome(partial(impl.FrameDecoder, role), data).error == (BROKEN, words[role])
        assert impl.cut_frames(data, 0, role is Role.SERVER, 2**20) == ([], 0)


@SIDES
def test_case_10_fragments_out_of_order_are_errors(impl: Impl, role: Role) -> None:
    """RFC 6455, 5.4: nothing to continue, and a message inside another (aiohttp #11862)."""
    frame = partial(frames.frame, key=key_for(role))
    start = frame(frames.TEXT, b"a", fin=False)
    end = frame(frames.CONTINUATION, b"b")
    nothing = (BROKEN, "continuation frame without a message to continue")
    inside = (BROKEN, "new message before the last one ended")
    assert fed(impl, role, end).error == nothing
    assert fed(impl, role, frame(frames.CONTINUATION, fin=False)).error == nothing
    assert fed(impl, role, start + end + end) == (["ab"], nothing, False, 0, 0)
    assert fed(impl, role, frame(frames.BINARY) + end) == ([b""], nothing, False, 0, 0)
    for opcode in (frames.TEXT, frames.BINARY):
        for fin in (True, False):
            got = fed(impl, role, start + frame(frames.PING) + frame(opcode, b"c", fin=fin))
            assert (got.messages, got.error) == ([Ping()], inside)
