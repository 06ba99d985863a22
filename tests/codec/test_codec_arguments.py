"""What a caller can get wrong, and what only looks wrong: each with the type and the text of its error."""

from __future__ import annotations

import array
import ctypes
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support import frames
from support.twins import Impl

from wsframe import Frame, Opcode, ProtocolError, Role

KEY = b"abcd"


class FakeBytes(bytes):
    """Its methods return wrong values; only its buffer is right."""

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: Any) -> Any:
        raise AssertionError

    def __iter__(self) -> Any:
        raise AssertionError

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        raise AssertionError

    def __add__(self, other: Any) -> Any:
        raise AssertionError

    def __bytes__(self) -> bytes:
        return b"false"

    __hash__ = None  # type: ignore[assignment]


class FakeStr(str):
    """Its methods return wrong values; only its characters are right."""

    __slots__ = ()

    def __len__(self) -> int:
        return 1000

    def __bool__(self) -> bool:
        return False

    def encode(self, *args: Any) -> bytes:
        return b"false"

    def __eq__(self, other: object) -> bool:
        raise AssertionError

    __hash__ = None  # type: ignore[assignment]


class SubInt(int):
    """A subclass of int that changes nothing."""


def always_true(self: Any, *args: Any) -> Any:
    return True


class FakeInt(int):
    """Its methods return wrong values; only the value of the int is right."""

    def __index__(self) -> int:
        return 1

    __int__ = __index__

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = always_true
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = always_true
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = always_true
    __mod__ = __rmod__ = __lshift__ = __rlshift__ = __rshift__ = __neg__ = always_true
    __bool__ = bit_length = to_bytes = always_true
    __hash__ = __index__


def repr_of_type(value: object) -> str:
    return repr(value) if isinstance(value, int | float | str | None) else type(value).__name__


# Buffers of one dimension that hold the bytes 0 to 11 in one piece.
TWELVE = bytes(range(12))


def mapped(data: bytes) -> mmap.mmap:
    room = mmap.mmap(-1, len(data))
    room[:] = data
    return room


def null_buffer() -> Any:
    """An empty buffer whose address is NULL."""
    if not hasattr(ctypes, "pythonapi"):
        return memoryview(b"")
    make = ctypes.pythonapi.PyMemoryView_FromMemory
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)
    return make(None, 0, 0x200)


BUFFERS: dict[str, Callable[[], Any]] = {
    "bytes": lambda: TWELVE,
    "bytearray": lambda: bytearray(TWELVE),
    "subclass of bytes": lambda: FakeBytes(TWELVE),
    "memoryview": lambda: memoryview(TWELVE),
    "slice of a memoryview": lambda: memoryview(b"\xff" + TWELVE + b"\xff")[1:-1],
    "signed chars": lambda: memoryview(TWELVE).cast("b"),
    "chars": lambda: memoryview(TWELVE).cast("c"),
    "array of bytes": lambda: array.array("B", TWELVE),
    "array of 16 bits": lambda: array.array("H", TWELVE),
    "array of 32 bits": lambda: array.array("I", TWELVE),
    "array of floats": lambda: array.array("f", TWELVE),
    "ctypes array": lambda: (ctypes.c_uint8 * 12).from_buffer_copy(TWELVE),
    "ctypes array of 32 bits": lambda: (ctypes.c_uint32 * 3).from_buffer_copy(TWELVE),
    "ctypes big-endian array": lambda: (ctypes.c_uint16.__ctype_be__ * 6).from_buffer_copy(TWELVE),
    "mmap": lambda: mapped(TWELVE),
    "one long of 12 bytes": lambda: memoryview(TWELVE).cast("i"),
}
WRITABLE = (
    "bytearray",
    "array of bytes",
    "array of 16 bits",
    "array of 32 bits",
    "array of floats",
    "ctypes array",
    "ctypes array of 32 bits",
    "ctypes big-endian array",
    "mmap",
)
EMPTY: dict[str, Callable[[], Any]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": lambda: memoryview(b""),
    "array": lambda: array.array("I"),
    "ctypes array": lambda: (ctypes.c_uint32 * 0)(),
    "slice": lambda: memoryview(b"abc")[1:1],
    "no address": lambda: null_buffer(),
}
NOT_CONTIGUOUS: dict[str, Callable[[], Any]] = {
    "every other byte": lambda: memoryview(bytearray(8))[::2],
    "backwards": lambda: memoryview(bytearray(4))[::-1],
    "two dimensions": lambda: memoryview(bytearray(4)).cast("B", (2, 2)),
    "one row": lambda: memoryview(bytearray(4)).cast("B", (1, 4)),
    "one column": lambda: memoryview(bytearray(4)).cast("B", (4, 1)),
    "no dimension": lambda: memoryview(ctypes.c_uint32(5)),
    "ctypes number": lambda: ctypes.c_uint32(5),
    "ctypes matrix": lambda: (ctypes.c_uint8 * 2 * 2)(),
}
NON_BUFFERS: dict[str, Any] = {
    "None": None,
    "int": 5,
    "float": 1.5,
    "str": "text",
    "list": [1, 2],
    "type": bytes,
    "object": object(),
}


# Every place that takes a buffer: the name of the argument, and a call with it.
PLACES: dict[str, tuple[str, Callable[[Impl, Any], Any]]] = {
    "mask": ("data", lambda impl, value: impl.mask(value, KEY)),
    "mask, key": ("key", lambda impl, value: impl.mask(b"data", value)),
    "mask_into": ("buffer", lambda impl, value: impl.mask_into(value, KEY)),
    "mask_into, key": ("key", lambda impl, value: impl.mask_into(bytearray(4), value)),
    "parse_header": ("buffer", lambda impl, value: impl.parse_header(value)),
    "build_header": ("mask_key", lambda impl, value: impl.build_header(1, 1, mask_key=value)),
    "encode_frame": ("payload", lambda impl, value: impl.encode_frame(1, value)),
    "encode_frame, key": ("mask_key", lambda impl, value: impl.encode_frame(1, b"", mask_key=value)),
    "encode_binary": ("data", lambda impl, value: impl.encode_binary(value)),
    "encode_binary, masked": ("data", lambda impl, value: impl.encode_binary(value, masked=True)),
    "FrameDecoder": ("data", lambda impl, value: impl.FrameDecoder(Role.CLIENT).feed(value)),
    "MessageDecoder": ("data", lambda impl, value: impl.MessageDecoder(Role.CLIENT).feed(value)),
    "cut_frames": ("data", lambda impl, value: impl.cut_frames(value, 0, False, 9)),
}
EVERY_PLACE = pytest.mark.parametrize("place", PLACES)


def one_of(table: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("make", table.values(), ids=table)


@contextmanager
def refused(kind: type[Exception], text: str) -> Iterator[None]:
    """An error of exactly this type with exactly this text."""
    with pytest.raises(kind) as caught:
        yield
    assert type(caught.value) is kind
    assert str(caught.value) == text


@one_of(BUFFERS)
def test_case_36_any_contiguous_buffer_is_accepted(impl: Impl, make: Callable[[], Any]) -> None:
    """What counts is the bytes that the buffer shows, not its items or what a subclass says of itself."""
    frame = b"\x82\x0c" + TWELVE
    assert impl.mask(make(), KEY) == frames.masked(TWELVE, KEY)
    assert impl.mask(make(), KEY, 5) == frames.masked(TWELVE, KEY, 5)
    assert impl.encode_binary(make()) == frame
    assert impl.encode_frame(Opcode.BINARY, make()) == frame
    masked = impl.encode_binary(make(), masked=True)
    assert masked[6:] == frames.masked(TWELVE, masked[2:6])
    for decoder in (impl.MessageDecoder(Role.CLIENT), impl.FrameDecoder(Role.CLIENT)):
        decoder.feed(b"\x82\x0c")
        [got] = decoder.feed(make())
        assert got in (TWELVE, Frame(Opcode.BINARY, TWELVE))
        assert type(getattr(got, "payload", got)) is bytes


@pytest.mark.parametrize("name", WRITABLE)
def test_case_36_any_writable_buffer_is_masked_in_place(impl: Impl, name: str) -> None:
    for offset in (0, 3, 2**70 + 1):
        buffer = BUFFERS[name]()
        assert impl.mask_into(buffer, KEY, offset) is None
        assert bytes(memoryview(buffer)) == frames.masked(TWELVE, KEY, offset)


@one_of(EMPTY)
def test_case_36_empty_buffers_are_accepted(impl: Impl, make: Callable[[], Any]) -> None:
    assert impl.mask(make(), KEY) == b""
    assert impl.encode_binary(make()) == b"\x82\x00"
    assert impl.encode_binary(make(), masked=True)[:2] == b"\x82\x80"
    assert impl.encode_frame(Opcode.PING, make()) == b"\x89\x00"
    assert impl.encode_frame(Opcode.PING, make(), mask_key=KEY) == b"\x89\x80" + KEY
    assert impl.MessageDecoder(Role.CLIENT).feed(make()) == []
    assert impl.FrameDecoder(Role.CLIENT).feed(make()) == []
    assert impl.parse_header(make()) is None
    assert impl.cut_frames(make(), 0, False, 9) == ([], 0)
    if not memoryview(make()).readonly:
        assert impl.mask_into(make(), KEY) is None


@pytest.mark.parametrize(
    "name", ["bytes", "bytearray", "memoryview", "subclass of bytes", "array of 32 bits"]
)
def test_case_36_any_buffer_of_4_bytes_is_a_key(impl: Impl, name: str) -> None:
    kinds: dict[str, Callable[[bytes], Any]] = {
        "bytes": bytes,
        "bytearray": bytearray,
        "memoryview": memoryview,
        "subclass of bytes": FakeBytes,
        "array of 32 bits": lambda key: array.array("I", key),
    }
    key = kinds[name](KEY)
    expected = frames.masked(b"data", KEY)
    assert impl.mask(b"data", key) == expected
    buffer = bytearray(b"data")
    impl.mask_into(buffer, key)
    assert buffer == expected
    assert impl.encode_frame(2, b"data", mask_key=key) == b"\x82\x84" + KEY + expected
    assert impl.build_header(2, 4, mask_key=key) == b"\x82\x84" + KEY


@EVERY_PLACE
@one_of(NOT_CONTIGUOUS)
def test_case_36_non_contiguous_buffers_are_refused(impl: Impl, place: str, make: Callable[[], Any]) -> None:
    name, call = PLACES[place]
    with refused(BufferError, f"{name} must be a contiguous one-dimensional buffer"):
        call(impl, make())


@EVERY_PLACE
@pytest.mark.parametrize("value", NON_BUFFERS.values(), ids=NON_BUFFERS)
def test_case_36_objects_without_a_buffer_raise_type_error(impl: Impl, place: str, value: object) -> None:
    name, call = PLACES[place]
    if (name == "mask_key" and value is None) or (name == "payload" and isinstance(value, str)):
        assert type(call(impl, value)) is bytes
        return
    wanted = "str or a bytes-like object" if name == "payload" else "a bytes-like object"
    with refused(TypeError, f"{name} must be {wanted}, not {type(value).__name__}"):
        call(impl, value)


@pytest.mark.parametrize("name", [name for name in BUFFERS if name not in WRITABLE])
def test_case_36_mask_into_a_read_only_buffer_raises_buffer_error(impl: Impl, name: str) -> None:
    with refused(BufferError, "buffer must be a writable buffer"):
        impl.mask_into(BUFFERS[name](), KEY)
    with refused(BufferError, "buffer must be a writable buffer"):
        impl.mask_into(memoryview(bytearray(4)).toreadonly(), KEY)


@pytest.mark.parametrize("place", [place for place, (name, _) in PLACES.items() if "key" in name])
@pytest.mark.parametrize("size", [0, 1, 3, 5, 8, 1000])
def test_case_36_keys_not_of_4_bytes_raise_value_error(impl: Impl, place: str, size: int) -> None:
    name, call = PLACES[place]
    for kind in (bytes, bytearray):
        with refused(ValueError, f"{name} must be 4 bytes, not {size}"):
            call(impl, kind(size))


NON_INTS = [None, 0.0, 1.0, "", "1", b"", [], object()]


@pytest.mark.parametrize("value", NON_INTS, ids=repr_of_type)
def test_case_36_numbers_of_a_wrong_type_raise_type_error(impl: Impl, value: object) -> None:
    """Not even those that are as false as 0."""
    said = f"must be int, not {type(value).__name__}"
    with refused(TypeError, f"offset {said}"):
        impl.mask(b"data", KEY, value)
    with refused(TypeError, f"offset {said}"):
        impl.mask_into(bytearray(4), KEY, value)
    with refused(TypeError, f"offset {said}"):
        impl.parse_header(b"data", value)
    with refused(TypeError, f"opcode {said}"):
        impl.build_header(value, 1)
    with refused(TypeError, f"opcode {said}"):
        impl.encode_frame(value, b"")
    with refused(TypeError, f"length {said}"):
        impl.build_header(1, value)
    with refused(TypeError, f"rsv {said}"):
        impl.build_header(1, 1, rsv=value)
    with refused(TypeError, f"rsv {said}"):
        impl.encode_frame(1, b"", rsv=value)
    with refused(TypeError, f"rsv {said}"):
        impl.FrameDecoder(Role.CLIENT, rsv=value)
    if value is None:
        return  # no limit
    with refused(TypeError, f"max_frame {said}"):
        impl.FrameDecoder(Role.CLIENT, max_frame=value)
    with refused(TypeError, f"max_message {said}"):
        impl.MessageDecoder(Role.CLIENT, max_message=value)
    with refused(TypeError, f"max_fragments {said}"):
        impl.MessageDecoder(Role.CLIENT, max_fragments=value)


@pytest.mark.parametrize("value", [-1, -4, -(2**31), -(2**63) - 1, -(2**100)])
def test_case_36_negative_numbers_raise_value_error(impl: Impl, value: int) -> None:
    for call in (
        lambda: impl.mask(b"data", KEY, value),
        lambda: impl.mask_into(bytearray(4), KEY, value),
        lambda: impl.parse_header(b"data", value),
    ):
        with refused(ValueError, "offset must not be negative"):
            call()
    with refused(ValueError, f"opcode must be an Opcode, not {value}"):
        impl.build_header(value, 1)
    for name, make, low in LIMITS:
        with refused(ValueError, f"{name} must be from {low} to {2**63 - 1}"):
            make(impl, value)


LIMITS: list[tuple[str, Callable[[Impl, int], Any], int]] = [
    ("length", lambda impl, value: impl.build_header(2, value), 0),
    ("max_frame", lambda impl, value: impl.FrameDecoder(Role.CLIENT, max_frame=value), 0),
    ("max_message", lambda impl, value: impl.MessageDecoder(Role.CLIENT, max_message=value), 0),
    ("max_fragments", lambda impl, value: impl.MessageDecoder(Role.CLIENT, max_fragments=value), 1),
]


@pytest.mark.parametrize(("name", "make", "low"), LIMITS, ids=[limit[0] for limit in LIMITS])
def test_numbers_over_limits_raise(impl: Impl, name: str, make: Callable[[Impl, int], Any], low: int) -> None:
    for value in (low, 2**31, 2**32, 2**63 - 1, SubInt(7)):
        make(impl, value)
    for value in (low - 1, 2**63, 2**64 - 1, 2**64, 2**100):
        with refused(ValueError, f"{name} must be from {low} to {2**63 - 1}"):
            make(impl, value)


@pytest.mark.parametrize("value", [-1, 8, 2**31, 2**64, -(2**64)])
def test_reserved_bits_out_of_range_raise_value_error(impl: Impl, value: int) -> None:
    for call in (
        lambda: impl.build_header(1, 1, rsv=value),
        lambda: impl.encode_frame(1, b"", rsv=value),
        lambda: impl.FrameDecoder(Role.CLIENT, rsv=value),
    ):
        with refused(ValueError, "rsv must be from 0 to 7"):
            call()


@pytest.mark.parametrize("value", [3, 7, 11, 15, 16, 0x81, 255, 256, 2**31, 2**64 + 1])
def test_unknown_opcodes_raise_value_error(impl: Impl, value: int) -> None:
    for call in (lambda: impl.build_header(value, 1), lambda: impl.encode_frame(value, b"")):
        with refused(ValueError, f"opcode must be an Opcode, not {value}"):
            call()


def test_offset_past_the_end_raises_value_error(impl: Impl) -> None:
    assert impl.parse_header(b"data", 4) is None
    assert impl.parse_header(array.array("I", [1]), 4) is None
    for offset in (5, 2**31, 2**63, 2**64, 2**100):
        with refused(ValueError, "offset must not be past the end of buffer"):
            impl.parse_header(b"data", offset)


def test_bool_and_int_subclasses_are_accepted_as_ints(impl: Impl) -> None:
    """bool and subclasses are ints."""
    assert (
        impl.mask(b"data", KEY, True) == impl.mask(b"data", KEY, SubInt(1)) == frames.masked(b"data", KEY, 1)
    )
    assert impl.mask(b"data", KEY, False) == impl.mask(b"data", KEY, SubInt(0)) == frames.masked(b"data", KEY)
    assert impl.build_header(True, SubInt(5), rsv=True) == b"\x91\x05"
    assert impl.parse_header(b"\xff\x81\x05", True).length == 5


def test_int_subclass_is_used_by_its_real_value(impl: Impl) -> None:
    """What is checked is what is used: the value, whatever a subclass says of itself."""
    assert impl.mask(b"data", KEY, FakeInt(2)) == frames.masked(b"data", KEY, 2)
    assert impl.build_header(FakeInt(9), FakeInt(5), rsv=FakeInt(0)) == b"\x89\x05"
    assert impl.build_header(FakeInt(2), FakeInt(70_000)) == b"\x82\x7f" + (70_000).to_bytes(8, "big")
    assert impl.encode_frame(FakeInt(10), b"a", rsv=FakeInt(7)) == b"\xfa\x01a"
    assert impl.parse_header(b"\0\0\0\x81\x05", FakeInt(3)).length == 5
    assert impl.cut_frames(b"\0\0\x82\x00", FakeInt(2), False, FakeInt(0)) == ([(0x82, b"")], 4)
    assert impl.cut_frames(b"\x82\x02ab", FakeInt(0), False, FakeInt(1)) == ([], 0)
    for value in (-1, -(2**70)):
        with refused(ValueError, "offset must not be negative"):
            impl.mask(b"data", KEY, FakeInt(value))
        with refused(ValueError, "budget must not be negative"):
            impl.MessageDecoder(Role.CLIENT).feed(b"", FakeInt(value))
    with refused(ValueError, "offset must not be past the end of buffer"):
        impl.parse_header(b"data", FakeInt(2**40))
    with pytest.raises(ValueError, match=r"^opcode must be an Opcode"):
        impl.build_header(FakeInt(2**40 + 1), 1)
    for call in (
        lambda: impl.encode_frame(1, b"", rsv=FakeInt(8)),
        lambda: impl.FrameDecoder(Role.CLIENT, rsv=FakeInt(-1)),
    ):
        with refused(ValueError, "rsv must be from 0 to 7"):
            call()
    with refused(ValueError, "start must be from 0 to 4"):
        impl.cut_frames(b"data", FakeInt(5), False, 9)
    for name, make, low in LIMITS:
        for value in (low - 1, -(2**100), 2**63, 2**100):
            with refused(ValueError, f"{name} must be from {low} to {2**63 - 1}"):
                make(impl, FakeInt(value))


def test_limits_use_the_real_value_of_an_int_subclass(impl: Impl) -> None:
    """As their value says, not as they say at each comparison."""
    decoder = impl.MessageDecoder(Role.CLIENT, max_message=FakeInt(4), max_fragments=FakeInt(2))
    assert decoder.feed(b"\x82\x04data") == [b"data"]
    decoder.feed(b"\x82\x05datas")
    assert str(decoder.error) == "message larger than 4 bytes"
    decoder = impl.MessageDecoder(Role.CLIENT, max_fragments=FakeInt(2))
    decoder.feed(b"\x02\x00\x00\x00\x80\x00")
    assert str(decoder.error) == "message of more than 2 fragments"
    decoder = impl.FrameDecoder(Role.CLIENT, max_frame=FakeInt(4), rsv=FakeInt(4))
    [frame] = decoder.feed(b"\xc2\x04data\x82\x05datas")
    assert frame.rsv == 4
    assert str(decoder.error) == "frame larger than 4 bytes"


def test_flags_are_taken_by_their_truth_value(impl: Impl) -> None:
    """Any true value counts as True."""
    assert impl.build_header(1, 1, fin=[0]) == b"\x81\x01"
    assert impl.build_header(1, 1, fin=[]) == b"\x01\x01"
    frame = b"\x82\x81" + KEY + frames.masked(b"a", KEY)
    assert impl.cut_frames(frame, 0, [0], 9)[0] == [(0x82, b"a")]
    assert impl.take_frame(bytearray(frame), 5) == (0x82, b"a")
    assert impl.take_message(bytearray(frame), "yes") == b"a"


@pytest.mark.parametrize("opcode", [Opcode.CLOSE, Opcode.PING, Opcode.PONG])
def test_invalid_control_frames_raise_value_error(impl: Impl, opcode: Opcode) -> None:
    for size in (126, 127, 65536):
        said = "a control frame carries at most 125 bytes (RFC 6455, 5.5)"
        with refused(ValueError, said):
            impl.encode_frame(opcode, bytes(size))
        with refused(ValueError, said):
            impl.build_header(opcode, size)
        with refused(ValueError, said):
            impl.encode_frame(opcode, "é" * (size // 2 + 1))
    for call in (
        lambda: impl.encode_frame(opcode, b"", fin=False),
        lambda: impl.build_header(opcode, 126, fin=False),
    ):
        with refused(ValueError, "a control frame is not fragmented (RFC 6455, 5.5)"):
            call()
    assert impl.encode_frame(opcode, bytes(125))[:2] == bytes([0x80 | opcode, 125])


@pytest.mark.parametrize("value", [None, 5, b"bytes", ["a"], object()], ids=repr_of_type)
def test_encode_text_of_a_wrong_type_raises_type_error(impl: Impl, value: object) -> None:
    for masked in (False, True):
        with refused(TypeError, f"text must be str, not {type(value).__name__}"):
            impl.encode_text(value, masked=masked)


@pytest.mark.parametrize(
    "text", ["\ud800", "a\udfff", "é\ud83d", "€" * 50 + "\udc00", "😊\ud83d\ude0a"], ids=ascii
)
def test_lone_surrogates_raise_unicode_encode_error(impl: Impl, text: str) -> None:
    """They have no UTF-8; the error is that of str.encode."""
    with pytest.raises(UnicodeEncodeError) as expected:
        text.encode()
    for call in (
        lambda: impl.encode_text(text),
        lambda: impl.encode_text(text, masked=True),
        lambda: impl.encode_frame(Opcode.TEXT, text),
    ):
        with refused(UnicodeEncodeError, str(expected.value)):
            call()


@pytest.mark.parametrize("value", [None, 5, bytearray(b"x"), memoryview(b"x"), ["a"]], ids=repr_of_type)
def test_accept_key_of_a_wrong_type_raises_type_error(impl: Impl, value: object) -> None:
    with refused(TypeError, f"key must be str or bytes, not {type(value).__name__}"):
        impl.accept_key(value)


@pytest.mark.parametrize("key", ["é", "\x80", "€" * 24, "😊", "a" * 23 + "\udc80"], ids=ascii)
def test_non_ascii_accept_key_raises_value_error(impl: Impl, key: str) -> None:
    with refused(ValueError, "key must be ASCII"):
        impl.accept_key(key)
    if "\udc80" not in key:
        assert len(impl.accept_key(key.encode())) == 28


def test_case_36_subclasses_of_str_and_bytes_are_used_by_content(impl: Impl) -> None:
    """Their characters and bytes count, not their methods; the result is an exact str or bytes."""
    assert impl.encode_text(FakeStr("é")) == b"\x81\x02\xc3\xa9"
    assert impl.encode_frame(Opcode.TEXT, FakeStr("é")) == b"\x81\x02\xc3\xa9"
    assert impl.encode_text(FakeStr("ascii")) == b"\x81\x05ascii"
    sample = "dGhlIHNhbXBsZSBub25jZQ=="
    for kind, value in ((FakeStr, sample), (FakeBytes, sample.encode())):
        accepted = impl.accept_key(kind(value))
        assert accepted == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert type(accepted) is str
    for made in (
        impl.mask(FakeBytes(b"abcd"), FakeBytes(KEY)),
        impl.encode_binary(FakeBytes(b"abcd")),
        impl.encode_frame(1, FakeBytes(b"abcd")),
        impl.parse_header(FakeBytes(b"\x82\x80abcd")).mask_key,
    ):
        assert type(made) is bytes


@pytest.mark.parametrize("value", [None, "server", "SERVER", True, 1, Role, object()], ids=repr_of_type)
def test_invalid_role_raises_type_error(impl: Impl, value: object) -> None:
    for kind in (impl.MessageDecoder, impl.FrameDecoder):
        with refused(TypeError, f"role must be a Role, not {type(value).__name__}"):
            kind(value)


@pytest.mark.parametrize("name", ["FrameDecoder", "MessageDecoder"])
@pytest.mark.parametrize(
    ("args", "options", "text"),
    [
        ((), {}, "missing 1 required positional argument: 'role'"),
        ((Role.CLIENT, 1), {}, "takes 2 positional arguments but 3 were given"),
        ((Role.CLIENT,), {"maxmessage": 3}, "got an unexpected keyword argument 'maxmessage'"),
        ((), {"maxmessage": 3}, "got an unexpected keyword argument 'maxmessage'"),
    ],
)
def test_wrong_call_of_a_decoder_raises_type_error(
    impl: Impl, name: str, args: tuple[Any, ...], options: dict[str, int], text: str
) -> None:
    with pytest.raises(TypeError) as raised:
        getattr(impl, name)(*args, **options)
    # CPython 3.13 proposes another name for the pure twin.
    assert str(raised.value).partition(". Did you mean")[0] == f"{name}.__init__() {text}"


def test_error_names_the_first_wrong_argument(impl: Impl) -> None:
    """In the order they are written, in both twins."""
    with refused(TypeError, "data must be a bytes-like object, not int"):
        impl.mask(1, 2, "3")
    with refused(TypeError, "key must be a bytes-like object, not int"):
        impl.mask(b"", 2, "3")
    with refused(BufferError, "buffer must be a writable buffer"):
        impl.mask_into(b"", 2, "3")
    with refused(TypeError, "buffer must be a bytes-like object, not int"):
        impl.parse_header(1, "2")
    with refused(TypeError, "opcode must be int, not str"):
        impl.build_header("1", "2", rsv="3", mask_key="4")
    with refused(TypeError, "length must be int, not str"):
        impl.build_header(1, "2", rsv="3", mask_key="4")
    with refused(TypeError, "rsv must be int, not str"):
        impl.build_header(1, 2, rsv="3", mask_key="4")
    with refused(TypeError, "payload must be str or a bytes-like object, not int"):
        impl.encode_frame("1", 2, rsv="3", mask_key="4")
    with refused(TypeError, "opcode must be int, not str"):
        impl.encode_frame("1", b"", rsv="3", mask_key="4")
    with refused(TypeError, "role must be a Role, not int"):
        impl.MessageDecoder(1, max_message="2", max_fragments="3")
    with refused(TypeError, "max_message must be int, not str"):
        impl.MessageDecoder(Role.CLIENT, max_message="2", max_fragments="3")
    with refused(TypeError, "role must be a Role, not int"):
        impl.FrameDecoder(1, max_frame="2", rsv="3")
    with refused(TypeError, "max_frame must be int, not str"):
        impl.FrameDecoder(Role.CLIENT, max_frame="2", rsv="3")


def test_feed_checks_its_argument_before_the_state(impl: Impl) -> None:
    """Whatever the state of the stream is."""
    for decoder in (impl.MessageDecoder(Role.CLIENT), impl.FrameDecoder(Role.CLIENT)):
        decoder.feed(b"\xff")
        decoder.feed(b"\xff")
        assert decoder.error is not None
        with refused(TypeError, "data must be a bytes-like object, not int"):
            decoder.feed(1)
        with pytest.raises(ProtocolError):
            decoder.feed(b"")


def invalid_calls(impl: Impl) -> list[Callable[[], Any]]:
    return [
        impl.mask,
        lambda: impl.mask(b""),
        lambda: impl.mask(b"", KEY, 0, 0),
        lambda: impl.mask(b"", KEY, shift=1),
        lambda: impl.mask_into(bytearray()),
        impl.parse_header,
        lambda: impl.parse_header(b"", 0, 0),
        lambda: impl.build_header(1),
        lambda: impl.build_header(1, 1, True),
        lambda: impl.encode_frame(1),
        lambda: impl.encode_frame(1, b"", True),
        lambda: impl.encode_text("", True),
        lambda: impl.encode_binary(b"", True),
        lambda: impl.encode_text("", mask=True),
        impl.accept_key,
        lambda: impl.new_key(16),
        impl.MessageDecoder,
        lambda: impl.MessageDecoder(Role.CLIENT, 5),
        lambda: impl.MessageDecoder(Role.CLIENT, limit=5),
        impl.FrameDecoder,
        lambda: impl.FrameDecoder(Role.CLIENT, 5),
        lambda: impl.MessageDecoder(Role.CLIENT).feed(),
        lambda: impl.MessageDecoder(Role.CLIENT).feed(b"", b""),
    ]


def test_wrong_number_or_kind_of_arguments_raises_type_error(impl: Impl) -> None:
    """Too few, too many, by position what goes by name: the same calls are wrong in both twins."""
    for call in invalid_calls(impl):
        with pytest.raises(TypeError):
            call()


def test_arguments_may_be_passed_by_name(impl: Impl) -> None:
    assert impl.mask(data=b"data", key=KEY, offset=1) == frames.masked(b"data", KEY, 1)
    buffer = bytearray(b"data")
    impl.mask_into(buffer=buffer, key=KEY, offset=1)
    assert buffer == frames.masked(b"data", KEY, 1)
    assert impl.parse_header(buffer=b"?\x81\x05", offset=1).length == 5
    assert impl.build_header(opcode=1, length=5) == b"\x81\x05"
    assert impl.encode_frame(opcode=1, payload=b"a") == b"\x81\x01a"
    assert impl.encode_text(text="a") == impl.encode_frame(1, "a")
    assert impl.encode_binary(data=b"a") == b"\x82\x01a"
    assert impl.accept_key(key="") == impl.accept_key(b"")
    assert impl.MessageDecoder(role=Role.CLIENT).feed(data=b"\x81\x01a") == ["a"]


def test_cut_frames_checks_its_start_and_limit(impl: Impl) -> None:
    data = b"\x82\x01a\x82\x00"
    assert impl.cut_frames(data, 0, False, 2**63 - 1) == ([(0x82, b"a"), (0x82, b"")], 5)
    assert impl.cut_frames(data, 0, False, 0) == ([], 0)
    assert impl.cut_frames(data, 3, False, 0) == ([(0x82, b"")], 5)
    assert impl.cut_frames(data, 5, False, 0) == ([], 5)
    assert impl.cut_frames(data, 0, False, -1) == ([], 0)
    for start in (-1, 6, 2**31):
        with refused(ValueError, "start must be from 0 to 5"):
            impl.cut_frames(data, start, False, 9)
    for start, limit in (("0", 9), (0.0, 9), (None, 9), (0, "9"), (0, None)):
        with pytest.raises(TypeError):
            impl.cut_frames(data, start, False, limit)
