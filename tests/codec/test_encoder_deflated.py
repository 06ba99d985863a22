"""A message compressed and framed in one step (RFC 7692, 7.2.1)."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from hypothesis import given, strategies as st
from support.twins import Impl

from wsframe import Opcode, mask, parse_header

TAIL = b"\0\0\xff\xff"
KEY = b"\1\2\3\4"


class Canned:
    """A compressor that returns what it is told."""

    def __init__(self, *outs: Any) -> None:
        self.outs = list(outs)

    def compress(self, data: Any) -> Any:
        return self.outs.pop(0)

    def flush(self, mode: int) -> Any:
        return self.outs.pop(0)


messages = st.one_of(
    st.text(max_size=300), st.binary(max_size=300), st.binary(max_size=9).map(lambda piece: piece * 20_000)
)


@given(
    messages=st.lists(messages, max_size=5),
    key=st.sampled_from([None, KEY]),
    flush=st.sampled_from([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH]),
)
def test_output_is_that_of_zlib(
    impl: Impl, messages: list[str | bytes], key: bytes | None, flush: int
) -> None:
    deflater, same = zlib.compressobj(wbits=-15), zlib.compressobj(wbits=-15)
    for message in messages:
        opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
        frame = impl.encode_deflated(opcode, message, deflater, flush, mask_key=key)
        data = message.encode() if isinstance(message, str) else message
        payload = (same.compress(data) + same.flush(flush)).removesuffix(TAIL)
        assert frame == impl.encode_frame(opcode, payload, rsv=4, mask_key=key)
        header = parse_header(frame)
        assert header is not None and (header.rsv, header.length) == (4, len(payload))
        assert (mask(frame[header.size :], key) if key else frame[header.size :]) == payload


@pytest.mark.parametrize(
    ("outs", "payload"),
    [
        ((b"", b"abc" + TAIL), b"abc"),
        ((b"ab", b"c" + TAIL), b"abc"),
        ((b"abc\0\0", b"\xff\xff"), b"abc"),
        ((b"abc" + TAIL, b""), b"abc"),
        ((b"a", TAIL), b"a"),
        ((b"", TAIL), b""),
        ((b"", b""), b""),
        ((b"", b"abc"), b"abc"),
        ((b"a", b"\xff\xff"), b"a\xff\xff"),
        ((b"x" * 70_000, b"y" + TAIL), b"x" * 70_000 + b"y"),
    ],
)
def test_the_end_is_found_wherever_it_is(impl: Impl, outs: tuple[bytes, bytes], payload: bytes) -> None:
    for key in (None, KEY):
        frame = impl.encode_deflated(Opcode.TEXT, b"", Canned(*outs), zlib.Z_SYNC_FLUSH, mask_key=key)
        assert frame == impl.encode_frame(Opcode.TEXT, payload, rsv=4, mask_key=key)


def test_lone_surrogate_leaves_the_compressor_alone(impl: Impl) -> None:
    deflater = zlib.compressobj(wbits=-15)
    with pytest.raises(UnicodeEncodeError):
        impl.encode_deflated(Opcode.TEXT, "abc\ud800", deflater, zlib.Z_SYNC_FLUSH)
    assert deflater.flush(zlib.Z_SYNC_FLUSH) == zlib.compressobj(wbits=-15).flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize(
    ("opcode", "payload", "key", "error"),
    [
        (3, b"a", None, ValueError),
        ("1", b"a", None, TypeError),
        (1, object(), None, TypeError),
        (1, b"a", b"abc", ValueError),
        (1, b"a", 5, TypeError),
    ],
)
def test_wrong_arguments_raise(impl: Impl, opcode: Any, payload: Any, key: Any, error: type) -> None:
    with pytest.raises(error):
        impl.encode_deflated(opcode, payload, zlib.compressobj(wbits=-15), zlib.Z_SYNC_FLUSH, mask_key=key)


@pytest.mark.parametrize("outs", [(None, b""), (b"", None), (None, None), ("text", b""), (b"", "text")])
def test_compressor_that_returns_no_bytes_is_a_type_error(impl: Impl, outs: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError):
        impl.encode_deflated(Opcode.TEXT, b"", Canned(*outs), zlib.Z_SYNC_FLUSH)
