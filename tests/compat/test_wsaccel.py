"""wsframe.compat.wsaccel beside the real wsaccel, and beside the classes autobahn has of the same names."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

import wsframe
from wsframe.compat import wsaccel as ours

KEY = b"\x37\xfa\x21\x3d"

# Every kind of lead byte, its neighbours, every bound of a second byte, and what no text has.
EDGES = bytes(
    sorted(
        {edge + step for edge in (0x00, 0x41, 0x80, 0x90, 0xA0, 0xC0, 0xC2, 0xE0, 0xE1) for step in (0, 1)}
        | {0x7F, 0x8F, 0x9F, 0xBF, 0xDF, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF}
    )
)
texts = st.text(alphabet=st.sampled_from("aé€\ud7ff\ue000😀\U0010ffff")).map(str.encode)
pieces = st.lists(
    st.one_of(texts, st.lists(st.sampled_from(EDGES), max_size=6).map(bytes), st.binary(max_size=6)),
    max_size=6,
)


LIBRARIES = {
    "wsaccel": ("wsaccel.xormask", "wsaccel.utf8validator"),
    "autobahn": ("autobahn.websocket.xormasker", "autobahn.websocket.utf8validator"),
}


@pytest.fixture(scope="module", params=LIBRARIES)
def theirs(request: pytest.FixtureRequest) -> Any:
    """What a library has under the same names."""
    names: dict[str, Any] = {"library": request.param}
    for module in LIBRARIES[request.param]:
        names.update(vars(pytest.importorskip(module, exc_type=ImportError)))
    names.setdefault("create_xor_masker", names.get("createXorMasker"))
    return SimpleNamespace(**names)


@given(pieces)
@example([b"\xed", b"\xa0", b"x"])
@example([b"\xf4\x90"])
@example(["é€".encode(), b"\xf0\x9f\x98", b"\x80", b"\xff\xff", b"", b"x"])
def test_validator_returns_the_same_results(theirs: Any, pieces: list[bytes]) -> None:
    mine, other = ours.Utf8Validator(), theirs.Utf8Validator()
    for piece in pieces:
        result = mine.validate(piece)
        assert result == other.validate(piece)
        if theirs.library == "wsaccel":
            assert (mine.state, mine.i) == (other.state, other.i)
        elif not result[0]:
            break  # its native class forgets that it failed


@given(pieces)
def test_validator_decode_returns_the_same_byte_by_byte(theirs: Any, pieces: list[bytes]) -> None:
    mine, other = ours.Utf8Validator(), theirs.Utf8Validator()
    if not hasattr(other, "decode"):
        pytest.skip("its native class has no decode")
    for byte in b"".join(pieces):
        assert mine.decode(byte) == other.decode(byte)
        if hasattr(other, "codepoint") and mine.state == mine.UTF8_ACCEPT:
            assert mine.codepoint == other.codepoint


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_validator_accepts_any_bytes_like_object(kind: Any) -> None:
    validator = ours.Utf8Validator()
    assert validator.validate(kind(b"a\xc3")) == (True, False, 2, 2)
    assert validator.validate(kind(b"\xa9")) == (True, True, 1, 3)


def test_reset_restarts_a_failed_validator() -> None:
    validator = ours.Utf8Validator()
    assert validator.validate(b"ab\xff") == (False, False, 2, 2)
    assert validator.validate(b"abc") == (False, False, 0, 2)
    validator.reset()
    assert validator.validate(b"abc") == (True, True, 3, 3)


def test_each_code_point_comes_out_of_decode() -> None:
    validator = ours.Utf8Validator()
    for code in [*range(0x100), 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x40000, 0x10FFFF]:
        *_, state = [validator.decode(byte) for byte in chr(code).encode()]
        assert (state, validator.codepoint) == (validator.UTF8_ACCEPT, code)


@given(st.lists(st.binary(max_size=300), max_size=5), st.binary(min_size=4, max_size=4))
def test_maskers_return_the_same_bytes(theirs: Any, pieces: list[bytes], key: bytes) -> None:
    for name, values in (("create_xor_masker", (key,)), ("XorMaskerSimple", (key,)), ("XorMaskerNull", ())):
        if not hasattr(theirs, name):
            continue
        mine, other = getattr(ours, name)(*values), getattr(theirs, name)(*values)
        for piece in pieces:
            assert mine.process(piece) == other.process(piece)
            assert mine.pointer() == other.pointer()
        mine.reset()
        other.reset()
        assert mine.process(b"again") == other.process(b"again")
        assert mine.pointer() == 5


def test_both_masker_functions_accept_a_length() -> None:
    assert ours.create_xor_masker(KEY, 5).process(b"Hello") == b"\x7f\x9f\x4d\x51\x58"
    assert ours.create_xor_masker(mask=KEY, length=None).pointer() == 0
    assert ours.createXorMasker(KEY, len=5).process(bytearray(b"Hello")) == b"\x7f\x9f\x4d\x51\x58"


@pytest.mark.parametrize("key", [b"", b"abc", b"abcde"])
def test_key_not_of_4_bytes_raises_value_error(theirs: Any, key: bytes) -> None:
    with pytest.raises(ValueError, match="must be 4 bytes"):
        ours.XorMaskerSimple(key)
    with pytest.raises((ValueError, AssertionError)):
        theirs.create_xor_masker(key).process(b"x")


@pytest.mark.parametrize("wrong", ["text", None, 5])
def test_argument_without_a_buffer_raises_type_error(wrong: Any) -> None:
    for call in (ours.XorMaskerSimple, ours.XorMaskerSimple(KEY).process, ours.Utf8Validator().validate):
        with pytest.raises(TypeError):
            call(wrong)


SEARCHING = """
import wsframe
import wsframe.compat.wsaccel as ours
assert wsframe.backend.startswith("py" if {pure} else "c")
ours.install()
import wsaccel.xormask
import wsaccel.utf8validator as validator
from wsaccel.xormask import XorMaskerSimple
assert XorMaskerSimple is wsaccel.xormask.XorMaskerSimple is ours.XorMaskerSimple
assert validator.Utf8Validator is ours.Utf8Validator
from websocket import ABNF, _abnf, _utils
assert _abnf._mask.__globals__["XorMaskerSimple"] is ours.XorMaskerSimple
assert ABNF.mask(b"abcd", "text") == bytes(a ^ b for a, b in zip(b"abcd", b"text"))
assert _utils.validate_utf8("é".encode()) and not _utils.validate_utf8(b"\\xff")
"""


@pytest.mark.parametrize("pure", [False, True])
def test_install_makes_libraries_find_our_wsaccel(pure: bool) -> None:
    pytest.importorskip("websocket")
    if not pure and wsframe.backend == "py":
        pytest.skip("no compiled twin here")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SEARCHING.format(pure=pure))],
        env={**os.environ, "WSFRAME_PURE": str(int(pure))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stderr, done.returncode) == ("", 0)
