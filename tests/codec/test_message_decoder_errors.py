"""A stream that breaks two rules at once gets one error, however it is cut into reads, from both twins."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st
from support import frames, strategies as some
from support.feeding import Outcome, cuttings, feed
from support.twins import Impl

from wsframe import Role
from wsframe.deflate import Deflate, Parameters

RSV1 = 4
LIMIT = 40
BAD_TEXT = [b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xe2\x28", b"\xf4\x90\x80\x80", b"\xe2\x82"]
BAD_DEFLATE = [b"\x07", b"\xff\xff", b"\x05\x00\x00\x00\x00", b"\x03\x00" * 3, b"\x01\x01\x00\xfe"]
ALONE = Parameters(server_no_context_takeover=True, client_no_context_takeover=True)


def all_outcomes(impl: Impl, pure: Impl, role: Role, data: bytes, pieces: list[bytes]) -> Outcome:
    """What a stream leads to: the same on both twins, whole and in pieces."""

    def run(twin: Impl, reads: list[bytes]) -> Outcome:
        deflate = Deflate(role, ALONE)
        decoder = twin.MessageDecoder(role, max_message=LIMIT, max_fragments=5, deflate=deflate)
        return feed(decoder, reads)

    expected = run(pure, [data])
    for reads in (pieces, *cuttings(data, seeds=2)):
        assert run(impl, reads) == expected
        assert run(pure, reads) == expected
    return expected


def fragments(draw: st.DrawFn, role: Role, opcode: int, data: bytes, rsv: int) -> bytes:
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    return b"".join(
        frames.frame(
            frames.CONTINUATION if i else opcode,
            data[start:end],
            fin=i == len(cuts),
            rsv=0 if i else rsv,
            key=draw(some.key_of(role)),
        )
        for i, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(data)], strict=True))
    )


@st.composite
def texts_with_faults(draw: st.DrawFn) -> bytes:
    """About as long as a message may be, and perhaps no UTF-8 in one place."""
    text = draw(st.text(st.sampled_from("aé€😊"), max_size=20)).encode()
    bad = draw(st.sampled_from([b"", *BAD_TEXT]))
    at = draw(st.integers(0, len(text)))
    return text[:at] + bad + text[at:] + b"a" * draw(st.sampled_from([0, 0, 1, 30, 1000]))


@st.composite
def faulty_streams(draw: st.DrawFn, role: Role) -> bytes:
    """Messages, each with faults of text, size, compression, number and order."""
    out = b""
    for _ in range(draw(st.integers(1, 3))):
        text = draw(texts_with_faults())
        kind = draw(st.sampled_from(["plain", "compressed", "compressed", "close", "header"]))
        if kind == "plain":
            out += fragments(draw, role, frames.TEXT, text, 0)
        elif kind == "compressed":
            data = frames.compressed(text)
            bad = draw(st.sampled_from([b"", b"", *BAD_DEFLATE]))
            at = draw(st.integers(0, len(data)))
            data = data[:at] + bad + data[at:]
            if draw(st.booleans()):
                data = bytearray(data)
                data[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
            out += fragments(draw, role, frames.TEXT, bytes(data), RSV1)
        elif kind == "close":
            code = draw(st.sampled_from([1000, 1005, 999, 2000]))
            out += frames.close(code, text[:123], key=draw(some.key_of(role)))
        else:
            out += draw(some.rogue_frames(role, st.sampled_from([0, 4, 7])))
    return out


@given(data=st.data(), role=st.sampled_from(Role))
@settings(max_examples=settings.default.max_examples * 5)
def test_two_faults_give_one_error(impl: Impl, pure: Impl, data: st.DataObject, role: Role) -> None:
    stream = data.draw(faulty_streams(role))
    all_outcomes(impl, pure, role, stream, data.draw(some.cuttings_of(stream)))


def test_size_limit_takes_precedence_over_a_later_deflate_error(impl: Impl, pure: Impl) -> None:
    """The size counts, also where the inflater saw the error in the same breath."""
    for size, verdict in ((LIMIT, 1007), (LIMIT + 1, 1009), (LIMIT + 2, 1009)):
        packed = frames.compressed(bytes(range(size))) + b"\x07"
        data = frames.frame(frames.BINARY, packed, rsv=RSV1)
        error = all_outcomes(impl, pure, Role.CLIENT, data, [data]).error
        assert error is not None
        assert error[0] == verdict


def test_deflate_error_takes_precedence_over_invalid_text_in_a_frame(impl: Impl, pure: Impl) -> None:
    """Of one frame the data are looked at first; of several, the first bad one counts."""
    bad_text, bad_data = frames.compressed(b"\xff" * 9), b"\x07"
    both = frames.frame(frames.TEXT, bad_text + bad_data, rsv=RSV1)
    apart = frames.frame(frames.TEXT, bad_text, fin=False, rsv=RSV1) + frames.frame(0, bad_data)
    for data, said in ((both, "deflate"), (apart, "utf-8")):
        error = all_outcomes(impl, pure, Role.CLIENT, data, [data]).error
        assert error is not None
        assert error[0] == 1007
        assert said in error[1]


def test_invalid_close_code_takes_precedence_over_its_reason(impl: Impl, pure: Impl) -> None:
    """A code that must not be sent comes before a reason that is not UTF-8."""
    data = frames.close(1005, b"\xff")
    assert all_outcomes(impl, pure, Role.CLIENT, data, [data]).error == (
        1002,
        "close code 1005 must not be sent",
    )
