"""What a peer of websockets may send, what the program may call, and what a Protocol returns."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import strategies as st
from support import frames
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame
from websockets.protocol import CLIENT, SERVER, Protocol
from websockets.version import version

from wsframe import accelerate

SIDES = [SERVER, CLIENT]
MAJOR = int(version.partition(".")[0])
since_14 = pytest.mark.skipif(MAJOR < 14, reason="websockets 13 does it otherwise")
TUPLE_LIMITS = "max_message_size" in Protocol.__init__.__code__.co_names  # since 16.0


def is_added(name: str) -> bool:
    """Tell whether an attribute is one that stays after `uninstall`."""
    return name.startswith("_wsframe_") or name == "transport"


@contextmanager
def accelerated(yes: bool = True) -> Iterator[None]:
    if yes:
        accelerate.install("websockets")
        assert hasattr(Protocol.receive_data, "__wrapped__")
    try:
        yield
    finally:
        accelerate.uninstall("websockets")


def key_for(side: Any) -> bytes | None:
    """The key of frames that this side receives."""
    return frames.KEY if side is SERVER else None


def unmasked(data: bytes) -> bytes:
    """A frame as written, without its random key: that is all that may differ."""
    if len(data) < 2 or not data[1] & 0x80:
        return data
    size = {126: 4, 127: 10}.get(data[1] & 0x7F, 2)
    return data[:size] + frames.masked(data[size + 4 :], data[size : size + 4])


def described(exc: BaseException | None) -> Any:
    return exc and (type(exc).__name__, str(exc))


class Trace:
    """What a Protocol returns from a series of calls."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.seen: list[Any] = []

    def call(self, name: str, *args: Any) -> None:
        try:
            getattr(self.protocol, name)(*args)
        except Exception as exc:
            self.seen.append(described(exc))
        self.note()

    def note(self) -> None:
        protocol = self.protocol
        events = [
            (event.opcode, type(event.data), bytes(event.data), event.fin, event.rsv1, event.rsv2, event.rsv3)
            if isinstance(event, Frame)
            else str(event)
            for event in protocol.events_received()
        ]
        writes = [unmasked(data) for data in protocol.data_to_send()]
        sizes = getattr(protocol, "current_size", None), getattr(protocol, "cur_size", None)
        state = protocol.state, protocol.close_code, protocol.close_reason, protocol.close_expected()
        self.seen.append((events, writes, state, sizes, described(getattr(protocol, "parser_exc", None))))
        self.seen.append((protocol.close_rcvd, protocol.close_sent, protocol.expect_continuation_frame))


def trace(side: Any, steps: list[Any], *, deflate: bool, max_size: Any, yes: bool) -> list[Any]:
    with accelerated(yes):
        protocol: Any = Protocol(side, max_size=max_size)
        if deflate:
            protocol.extensions = [PerMessageDeflate(False, False, 15, 15)]
        run = Trace(protocol)
        for name, *args in steps:
            run.call(name, *args)
        return run.seen


def both(side: Any, steps: list[Any], *, deflate: bool = False, max_size: Any = 2**20) -> list[Any]:
    """The trace, which must not depend on the acceleration."""
    before = trace(side, steps, deflate=deflate, max_size=max_size, yes=False)
    after = trace(side, steps, deflate=deflate, max_size=max_size, yes=True)
    assert after == before
    return after


# What a peer may send, right or wrong.

payloads = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=30).map(str.encode),
    st.sampled_from([0, 1, 125, 126, 127, 130, 65535, 65536]).map(bytes),
)
closes = st.one_of(
    st.just(b""),
    st.binary(max_size=4),
    st.tuples(st.sampled_from([1000, 1001, 1005, 999, 3000, 4999, 5000]), st.text(max_size=5)).map(
        lambda pair: pair[0].to_bytes(2, "big") + pair[1].encode()
    ),
)


class Wire:
    """Builds the bytes of one side, with the compressor a connection keeps."""

    def __init__(self, side: Any) -> None:
        self.key = key_for(side)
        self.deflate = zlib.compressobj(wbits=-15)

    def __call__(self, kind: str, payload: bytes) -> bytes:
        key = self.key
        if kind == "compressed":
            body = (self.deflate.compress(payload) + self.deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
            return frames.frame(frames.TEXT, body, rsv=4, key=key)
        if kind == "fragments":
            cut = len(payload) // 2
            return (
                frames.frame(frames.TEXT, payload[:cut], fin=False, key=key)
                + frames.frame(frames.PING, b"between", key=key)
                + frames.frame(frames.CONTINUATION, payload[cut:], key=key)
            )
        if kind == "wrong side":
            return frames.frame(frames.TEXT, payload, key=None if key else frames.KEY)
        if kind == "long form":
            return frames.frame(frames.BINARY, payload, key=key, form=64)
        if kind == "huge":
            return frames.header(frames.BINARY, 2**62 + len(payload), key=key)
        if kind == "garbage":
            return payload
        opcode, fin, rsv = KINDS[kind]
        return frames.frame(opcode, payload, fin=fin, rsv=rsv, key=key)


KINDS = {
    "text": (frames.TEXT, True, 0),
    "binary": (frames.BINARY, True, 0),
    "first": (frames.TEXT, False, 0),
    "next": (frames.CONTINUATION, False, 0),
    "last": (frames.CONTINUATION, True, 0),
    "ping": (frames.PING, True, 0),
    "pong": (frames.PONG, True, 0),
    "close": (frames.CLOSE, True, 0),
    "half ping": (frames.PING, False, 0),
    "reserved bit": (frames.TEXT, True, 2),
    "reserved control bit": (frames.PONG, True, 4),
    "not deflate": (frames.BINARY, True, 4),
    "reserved opcode": (3, True, 0),
}
common = st.sampled_from(["text", "text", "text", "binary", "compressed", "ping", "fragments", "long form"])
rare = st.sampled_from([*KINDS, "wrong side", "huge", "garbage"])
parts = st.one_of(
    st.tuples(common, payloads),
    st.tuples(common, payloads),
    st.tuples(rare, payloads),
    st.tuples(st.just("close"), closes),
)
sends = st.one_of(
    st.tuples(st.sampled_from(["send_text", "send_binary", "send_ping", "send_pong"]), payloads),
    st.tuples(st.sampled_from(["send_text", "send_binary"]), payloads, st.booleans()),
    st.tuples(st.just("send_continuation"), payloads, st.booleans()),
    st.tuples(st.just("send_close"), st.sampled_from([1000, 1011, 1005]), st.sampled_from(["", "bye"])),
    st.tuples(st.just("fail"), st.sampled_from([1002, 1011]), st.just("no")),
)


@st.composite
def any_conversation(draw: Any) -> tuple[Any, list[Any], dict[str, Any]]:
    """A side, the calls made on it, and how it is set up."""
    side = draw(st.sampled_from(SIDES))
    wire = Wire(side)
    stream = b"".join(wire(*part) for part in draw(st.lists(parts, max_size=12)))
    cuts = draw(st.lists(st.integers(0, len(stream)), max_size=10))
    if draw(st.integers(0, 9)) == 0:
        cuts = list(range(len(stream)))[:400]  # byte by byte
    edges = [0, *sorted(cuts), len(stream)]
    steps: list[Any] = [("receive_data", stream[a:b]) for a, b in pairwise(edges)]
    for call in draw(st.lists(sends, max_size=4)):
        steps.insert(draw(st.integers(0, len(steps))), call)
    if draw(st.booleans()):
        steps.append(("receive_eof",))
    limits = [None, 2**20, 40, 0] + ([(100, 30), (None, 50), (60, None)] if TUPLE_LIMITS else [])
    return side, steps, {"deflate": draw(st.booleans()), "max_size": draw(st.sampled_from(limits))}
