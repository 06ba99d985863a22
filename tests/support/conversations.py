"""What a peer may send, right or wrong, and the pieces it arrives in."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

from hypothesis import strategies as st
from support.frames import BINARY, CLOSE, CONTINUATION, KEY, PING, PONG, TEXT, compressed, frame, masked

payloads = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=20).map(str.encode),
    st.sampled_from([b"x" * 125, b"x" * 126, b"x" * 70000, b"\xc3", b"\xed\xa0\x80", "é日😀".encode() * 50]),
)
WISHES = (b"close", b"raise", b"twice", b"twice", b"odd", b"ping", b"hello")
wishes = st.sampled_from(WISHES)
# Each a list of frames: opcode, payload, options.
texts = st.builds(lambda data: [(TEXT, data, {})], st.text(max_size=9).map(str.encode) | wishes)
whole = st.builds(lambda data: [(BINARY, data, {})], payloads)
squeezed = st.builds(
    lambda opcode, data: [(opcode, compressed(data), {"rsv": 4})], st.sampled_from([TEXT, BINARY]), payloads
)
controls = st.builds(
    lambda opcode, data: [(opcode, data, {})], st.sampled_from([PING, PONG]), st.binary(max_size=9)
)
fragments = st.builds(
    lambda data, cut: [
        (TEXT, data[:cut], {"fin": False}),
        (PING, b"between", {}),
        (CONTINUATION, data[cut:], {}),
    ],
    payloads,
    st.integers(0, 30),
)
odd = st.builds(
    lambda *values: [(*values[:2], dict(zip(("fin", "rsv", "wrong", "form"), values[2:], strict=True)))],
    st.sampled_from([CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG, 3, 11]),
    payloads.filter(lambda data: len(data) < 2**16),
    st.booleans(),
    st.sampled_from([0, 0, 4, 1]),
    st.sampled_from([False, False, True]),
    st.sampled_from([None, 16, 64]),
)


@st.composite
def conversations(draw: Any, key: bytes | None) -> list[bytes]:
    """The pieces a peer's bytes arrive in: mostly messages, now and then anything."""
    stream = b""
    one = st.one_of(texts, texts, whole, controls, fragments, squeezed, odd)
    for opcode, payload, options in itertools.chain(*draw(st.lists(one, max_size=12))):
        wrong = options.pop("wrong", False)
        with contextlib.suppress(ValueError):  # the payload is too long for that form
            stream += frame(opcode, payload, key=(None if key else KEY) if wrong else key, **options)
    cuts = draw(st.lists(st.integers(0, len(stream)), max_size=6))
    edges = [0, *sorted(cuts), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(edges) if a < b]


def parsed(data: bytes) -> list[Any]:
    """The frames in a stream without their random keys, which are all that may differ; then the rest.

    Of each frame: its first byte, whether it is masked, the payload.
    """
    found: list[Any] = []
    while len(data) >= 2:
        length, start = data[1] & 0x7F, 2
        if length > 125:
            start = 4 if length == 126 else 10
            length = int.from_bytes(data[2:start], "big")
        key = data[start : start + 4] if data[1] > 127 else b""
        end = start + len(key) + length
        if len(data) < end:
            break
        payload = data[start + len(key) : end]
        found.append((data[0], bool(key), masked(payload, key) if key else payload))
        data = data[end:]
    return [*found, data]
