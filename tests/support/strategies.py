"""Random streams for hypothesis: messages as a peer may send them, and frames as one must not."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st
from support import frames

from wsframe import Close, Ping, Pong, Role

KEYS = st.binary(min_size=4, max_size=4)

# Sizes either side of the limits of the length field, and of vector registers.
SIZES = st.sampled_from(
    [0, 1, 2, 3, 5, 15, 16, 17, 31, 33, 63, 65, 124, 125, 126, 127, 128, 300, 65535, 65536]
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Mostly short; some of one storage width, some of all."""
    text: str = draw(
        st.one_of(
            st.text(max_size=12),
            st.text(st.characters(max_codepoint=0x7F), max_size=40),
            st.text(
                st.sampled_from("aé€😊\x80\xff\u0100\u07ff\u0800\uffff\U00010000\U0010ffff"), max_size=40
            ),
        )
    )
    return text * draw(st.sampled_from([1, 1, 1, 2, 11, 90]))


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Mostly short."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=20))
    seed = draw(st.binary(min_size=1, max_size=7))
    size = draw(SIZES)
    return (seed * (size // len(seed) + 1))[:size]


class Stream(NamedTuple):
    """Bytes of the peer, and what they say."""

    data: bytes
    messages: list[Any]


def key_of(role: Role) -> st.SearchStrategy[bytes | None]:
    """A key such as the peer has to use."""
    return KEYS if role is Role.SERVER else st.none()


@st.composite
def controls(draw: st.DrawFn, role: Role) -> Stream:
    kind, opcode = draw(st.sampled_from([(Ping, frames.PING), (Pong, frames.PONG)]))
    body = draw(st.one_of(st.binary(max_size=8), st.binary(min_size=125, max_size=125)))
    return Stream(frames.frame(opcode, body, key=draw(key_of(role))), [kind(body)])


@st.composite
def closes(draw: st.DrawFn, role: Role) -> Stream:
    key = draw(key_of(role))
    if draw(st.booleans()):
        return Stream(frames.frame(frames.CLOSE, key=key), [Close()])
    code = draw(st.one_of(st.sampled_from([1000, 1001, 1011, 1013]), st.integers(3000, 4999)))
    reason = draw(st.text(max_size=30))
    return Stream(frames.close(code, reason.encode(), key=key), [Close(code, reason)])


@st.composite
def whole_messages(draw: st.DrawFn, role: Role) -> Stream:
    """A message in any number of fragments, control frames in between."""
    message: str | bytes = draw(st.one_of(texts(), payloads()))
    data = message.encode() if isinstance(message, str) else message
    opcode = frames.TEXT if isinstance(message, str) else frames.BINARY
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    stream, said = b"", []
    for i, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(data)], strict=True)):
        last = i == len(cuts)
        stream += frames.frame(
            frames.CONTINUATION if i else opcode,
            data[start:end],
            fin=last,
            key=draw(key_of(role)),
        )
        if not last and draw(st.booleans()):
            between = draw(controls(role))
            stream += between.data
            said += between.messages
    return Stream(stream, [*said, message])


@st.composite
def valid_streams(draw: st.DrawFn, role: Role) -> Stream:
    """Messages and control frames; perhaps a Close frame at the end."""
    parts = draw(st.lists(st.one_of(whole_messages(role), controls(role)), max_size=6))
    if draw(st.booleans()):
        parts.append(draw(closes(role)))
    return Stream(b"".join(part.data for part in parts), [said for part in parts for said in part.messages])


@st.composite
def rogue_frames(draw: st.DrawFn, role: Role, rsv: st.SearchStrategy[int]) -> bytes:
    """A frame that may break any rule, more often one than many."""
    opcode = draw(st.one_of(st.sampled_from([0, 1, 2, 8, 9, 10]), st.integers(0, 15)))
    payload = draw(st.one_of(texts().map(str.encode), payloads()))
    if opcode == frames.CLOSE:
        payload = draw(st.integers(990, 5010)).to_bytes(2, "big") + payload[:200]
    elif opcode > 7:
        payload = payload[:200]
    form = draw(st.sampled_from([None, None, None, 16, 64]))
    if form == 16 and len(payload) > 65535:
        form = 64
    wrong_side = draw(st.integers(0, 19)) == 0
    key = draw(key_of(role if not wrong_side else Role.CLIENT if role is Role.SERVER else Role.SERVER))
    if draw(st.integers(0, 19)) == 0:
        length = draw(st.sampled_from([2**31, 2**32, 2**32 + 100, 2**63 - 1, 2**63, 2**64 - 4, 2**64 - 1]))
        return frames.header(opcode, length, fin=draw(st.booleans()), rsv=draw(rsv), key=key) + payload
    return frames.frame(opcode, payload, fin=draw(st.booleans()), rsv=draw(rsv), key=key, form=form)


@st.composite
def loose_frames(draw: st.DrawFn, role: Role, rsv: st.SearchStrategy[int]) -> bytes:
    """Data frames that are right one by one: their order and their text may be wrong."""
    text = draw(texts()).encode()
    start = draw(st.integers(0, min(3, len(text))))
    end = len(text) - draw(st.integers(0, min(3, len(text) - start)))
    bad = draw(st.sampled_from([b"", b"", b"", b"\xff", b"\xed\xa0", b"\xc0", b"\xf4\x90"]))
    return frames.frame(
        draw(st.sampled_from([frames.CONTINUATION, frames.TEXT, frames.TEXT, frames.BINARY])),
        text[start:end] + bad,
        fin=draw(st.booleans()),
        rsv=draw(rsv),
        key=draw(key_of(role)),
    )


RARELY_RESERVED = st.sampled_from([0] * 15 + [1, 2, 4, 5, 7])


@st.composite
def wild_streams(draw: st.DrawFn, role: Role, rsv: st.SearchStrategy[int] = RARELY_RESERVED) -> bytes:
    """Anything at all: what is valid for a while, then perhaps not."""
    part = st.one_of(
        whole_messages(role).map(lambda stream: stream.data),
        controls(role).map(lambda stream: stream.data),
        closes(role).map(lambda stream: stream.data),
        loose_frames(role, rsv),
        loose_frames(role, rsv),
        rogue_frames(role, rsv),
        st.binary(max_size=6),
    )
    data = bytearray().join(draw(st.lists(part, max_size=7)))
    for place, value in draw(st.lists(st.tuples(st.integers(0, 2**17), st.integers(0, 255)), max_size=2)):
        if data:
            data[place % len(data)] ^= value
    if data and draw(st.integers(0, 4)) == 0:
        del data[draw(st.integers(0, len(data))) :]
    return bytes(data)


@st.composite
def cuttings_of(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The same bytes in reads of random sizes."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
