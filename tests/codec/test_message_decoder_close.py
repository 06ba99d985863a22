"""Close frames (RFC 6455, 5.5.1 and 7.4), and what stands before a violation, on every twin."""

from __future__ import annotations

from functools import partial

import pytest
from support import frames
from support.feeding import Outcome, cut_at_random, feed, outcome, verdict
from support.twins import Impl

from wsframe import Close, CloseCode, Opcode, Ping, Pong, ProtocolError, Role

SIDES = pytest.mark.parametrize("role", Role)
# 7.4.1, the IANA registry, and 7.4.2.
SENDABLE = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}


def key_for(role: Role) -> bytes | None:
    return frames.KEY if role is Role.SERVER else None


def fed(impl: Impl, role: Role, data: bytes) -> Outcome:
    return outcome(partial(impl.MessageDecoder, role), data)


def test_case_28_only_sendable_close_codes_are_accepted(impl: Impl) -> None:
    """All 65536 of them."""
    for code in range(2**16):
        decoder = impl.MessageDecoder(Role.CLIENT)
        got = decoder.feed(frames.close(code))
        if code in SENDABLE:
            assert got == [Close(code)]
            assert decoder.error is None
        else:
            assert got == []
            assert verdict(decoder.error) == (1002, f"close code {code} must not be sent")


def test_case_28_received_close_code_is_an_int(impl: Impl) -> None:
    """3000 to 4999 have no name (7.4.2), so a code is an int, and equal to its name where it has one."""
    [close] = impl.MessageDecoder(Role.CLIENT).feed(frames.close(1001, b"bye"))
    assert close.code == CloseCode.GOING_AWAY
    [close] = impl.MessageDecoder(Role.CLIENT).feed(frames.close(4321))
    assert close.code == 4321


@SIDES
def test_case_29_close_body_of_one_byte_is_an_error(impl: Impl, role: Role) -> None:
    data = frames.frame(frames.CLOSE, b"\x03", key=key_for(role))
    assert fed(impl, role, data) == ([], (1002, "close frame with a body of 1 byte"), False, 0, 0)


@SIDES
@pytest.mark.parametrize("reason", [b"\xff", b"ok\xc3", b"\xed\xa0\x80", b"a" * 122 + b"\xc3"], ids=bytes.hex)
def test_case_29_close_reason_that_is_not_utf_8_is_an_error(impl: Impl, role: Role, reason: bytes) -> None:
    data = frames.close(1000, reason, key=key_for(role))
    assert fed(impl, role, data) == ([], (1007, "close reason is not valid utf-8"), False, 0, 0)


@SIDES
def test_case_29_empty_close_has_code_1005(impl: Impl, role: Role) -> None:
    """1005 means no code (7.1.5), which must not be sent back: the reply is empty as well."""
    got = fed(impl, role, frames.frame(frames.CLOSE, key=key_for(role)))
    assert got == ([Close(1005, "")], None, True, 0, 1)
    assert got.messages == [Close()]
    assert impl.encode_frame(Opcode.CLOSE, b"") == b"\x88\x00"


@SIDES
def test_case_29_data_after_a_close_is_discarded(impl: Impl, role: Role) -> None:
    """A second Close, data, garbage, an invalid frame: discarded (1.4), no error."""
    key = key_for(role)
    first = frames.close(1000, b"bye", key=key)
    for rest in (
        frames.close(1001, key=key),
        frames.frame(frames.TEXT, b"more", key=key),
        frames.frame(frames.PING, key=key),
        frames.frame(3, key=key),
        frames.frame(frames.TEXT, b"\xff", key=key),
        b"\xff" * 100,
    ):
        assert fed(impl, role, first + rest) == ([Close(1000, "bye")], None, True, 0, 1)
    decoder = impl.MessageDecoder(role)
    decoder.feed(first)
    assert [decoder.feed(rest) for rest in (b"", first, b"\xff" * 100)] == [[], [], []]
    assert decoder.error is None
    assert decoder.controls == 1


@SIDES
def test_case_29_close_between_fragments_discards_the_message(impl: Impl, role: Role) -> None:
    """5.4 lets control frames in between; the message will not end, and is dropped."""
    key = key_for(role)
    for opcode, payload in ((frames.TEXT, b"ab\xc3"), (frames.BINARY, b"abc")):
        start = frames.frame(opcode, payload, fin=False, key=key)
        end = frames.frame(frames.CONTINUATION, b"\xa9", key=key)
        got = fed(impl, role, start + frames.close(1001, key=key) + end)
        assert got == ([Close(1001)], None, True, 0, 1)


@SIDES
def test_case_29_invalid_close_is_a_violation_and_not_a_close(impl: Impl, role: Role) -> None:
    """It is a violation like any other, and every later call says so."""
    decoder = impl.MessageDecoder(role)
    decoder.feed(frames.close(1005, key=key_for(role)))
    assert not decoder.closed
    assert decoder.controls == 0
    with pytest.raises(ProtocolError, match="close code 1005 must not be sent"):
        decoder.feed(b"")


BAD = {
    "opcode": frames.frame(3),
    "bits": frames.frame(frames.TEXT, rsv=1),
    "length": frames.frame(frames.BINARY, form=64),
    "text": frames.frame(frames.TEXT, b"\xff"),
    "order": frames.frame(frames.CONTINUATION),
    "close": frames.close(0),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_case_30_messages_before_an_invalid_frame_are_delivered(impl: Impl, bad: bytes) -> None:
    """They were complete and valid, so they are delivered, and the error waits in `error`."""
    good = (
        frames.frame(frames.TEXT, b"one")
        + frames.frame(frames.BINARY, b"two")
        + frames.frame(frames.PING, b"three")
        + frames.frame(frames.TEXT, b"fo", fin=False)
        + frames.frame(frames.PONG, b"in")
        + frames.frame(frames.CONTINUATION, b"ur")
    )
    expected = ["one", b"two", Ping(b"three"), Pong(b"in"), "four"]
    decoder = impl.MessageDecoder(Role.CLIENT)
    assert decoder.feed(good + bad + good) == expected
    assert decoder.error is not None
    for _ in range(3):
        with pytest.raises(ProtocolError) as caught:
            decoder.feed(good)
        assert caught.value is decoder.error
    for seed in range(20):
        again = impl.MessageDecoder(Role.CLIENT)
        got = feed(again, cut_at_random(good + bad + good, seed))
        assert got.messages == expected
        assert got.error == verdict(decoder.error)


@pytest.mark.parametrize("bad", [BAD["opcode"], frames.frame(frames.BINARY, form=16)])
def test_case_30_frames_before_an_invalid_frame_are_delivered(impl: Impl, bad: bytes) -> None:
    decoder = impl.FrameDecoder(Role.CLIENT)
    found = decoder.feed(frames.frame(frames.TEXT, b"one") + frames.frame(frames.BINARY, b"two") + bad)
    assert [frame.payload for frame in found] == [b"one", b"two"]
    with pytest.raises(ProtocolError) as caught:
        decoder.feed(b"")
    assert caught.value is decoder.error
