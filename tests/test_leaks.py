"""Nothing leaks: memory, references, exported buffers, on success and on failure."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from support import frames
from support.inflating import Deflater, ZlibInflater
from support.tracing import traced
from support.twins import Impl

from wsframe import Role
from wsframe._spec import KEY_POOL, KEY_SIZE

KEY = b"abcd"
ERRORS = (Exception,)


def streams() -> dict[str, bytes]:
    """One stream for each way through a decoder."""
    text = "aé€😊" * 20
    return {
        "text": frames.frame(frames.TEXT, b"plain"),
        "wide text": frames.frame(frames.TEXT, text.encode()),
        "binary": frames.frame(frames.BINARY, bytes(200)),
        "fragments": frames.frame(frames.TEXT, text.encode()[:30], fin=False)
        + frames.frame(frames.CONTINUATION, text.encode()[30:]),
        "controls": frames.frame(frames.PING, b"a")
        + frames.frame(frames.PONG, b"b")
        + frames.close(1000, b"c"),
        "unfinished": frames.frame(frames.BINARY, bytes(200), fin=False)
        + frames.header(frames.CONTINUATION, 9),
        "unfinished header": b"\x82\x7f\0\0",
        "bad opcode": frames.frame(3),
        "bad bits": frames.frame(frames.TEXT, rsv=7),
        "bad length": frames.frame(frames.BINARY, form=64),
        "bad order": frames.frame(frames.TEXT, b"a", fin=False) + frames.frame(frames.TEXT, b"b"),
        "bad text": frames.frame(frames.TEXT, b"\xff" * 90),
        "bad fragment": frames.frame(frames.TEXT, b"\xff" * 90, fin=False),
        "bad end": frames.frame(frames.TEXT, b"\xe2", fin=False) + frames.frame(frames.CONTINUATION),
        "bad close": frames.close(1005),
        "bad reason": frames.close(1000, b"\xff"),
        "too big": frames.header(frames.BINARY, 2**40),
        "compressed": frames.frame(frames.TEXT, Deflater().deflate(text.encode()), rsv=4),
        "badly compressed": frames.frame(frames.TEXT, b"\xff" * 9, rsv=4),
    }


def feed_twice(impl: Impl, data: bytes) -> None:
    """Whole and cut, and once more than is good."""
    for make in (
        lambda: impl.MessageDecoder(Role.CLIENT, deflate=ZlibInflater()),
        lambda: impl.FrameDecoder(Role.CLIENT, rsv=4),
    ):
        for cut in (0, len(data) // 2, len(data) - 1):
            decoder = make()
            with suppress(*ERRORS):
                decoder.feed(data[:cut])
                decoder.feed(bytearray(data[cut:]))
                decoder.feed(b"")
                decoder.feed(None)
    impl.cut_frames(data, 0, False, 2**20)
    impl.take_frame(bytearray(data), False)
    impl.take_message(bytearray(data), False)


CALLS: dict[str, Callable[[Impl], Any]] = {
    "mask": lambda impl: impl.mask(bytes(50), KEY, 3),
    "mask, no buffer": lambda impl: impl.mask(object(), KEY),
    "mask, bad key": lambda impl: impl.mask(bytearray(50), b"abc"),
    "mask, key no buffer": lambda impl: impl.mask(bytearray(50), object()),
    "mask, bad offset": lambda impl: impl.mask(bytearray(50), KEY, object()),
    "mask_into": lambda impl: impl.mask_into(bytearray(50), bytearray(KEY)),
    "mask_into, read-only": lambda impl: impl.mask_into(memoryview(bytes(50)), KEY),
    "mask_into, bad key": lambda impl: impl.mask_into(bytearray(50), bytearray(5)),
    "parse_header": lambda impl: impl.parse_header(b"\x82\xfe\1\0abcd"),
    "parse_header, incomplete": lambda impl: impl.parse_header(b"\x82\xfe\1\0abc"),
    "parse_header, bad": lambda impl: impl.parse_header(bytearray(b"\x82\x7e\0\0")),
    "parse_header, bad offset": lambda impl: impl.parse_header(bytearray(5), 6),
    "build_header": lambda impl: impl.build_header(2, 2**40, mask_key=bytearray(KEY)),
    "build_header, bad": lambda impl: impl.build_header(3, 2**40),
    "encode_frame": lambda impl: impl.encode_frame(2, bytearray(50), mask_key=bytearray(KEY)),
    "encode_frame, text": lambda impl: impl.encode_frame(1, "é" * 50, mask_key=KEY),
    "encode_frame, bad key": lambda impl: impl.encode_frame(2, bytearray(50), mask_key=b"abc"),
    "encode_frame, bad opcode": lambda impl: impl.encode_frame(3, bytearray(50)),
    "encode_frame, surrogate": lambda impl: impl.encode_frame(1, "\ud800"),
    "encode_text": lambda impl: impl.encode_text("a€" * 50, masked=True),
    "encode_text, surrogate": lambda impl: impl.encode_text("a\ud800", masked=True),
    "encode_text, no text": lambda impl: impl.encode_text(object()),
    "encode_binary": lambda impl: impl.encode_binary(bytearray(50), masked=True),
    "encode_binary, no buffer": lambda impl: impl.encode_binary(object()),
    "accept_key": lambda impl: impl.accept_key("a" * 24) + impl.accept_key(b"a" * 500),
    "accept_key, bad": lambda impl: impl.accept_key("é"),
    "new_key": lambda impl: impl.new_key(),
    "new_mask_key": lambda impl: impl.new_mask_key(),
    "MessageDecoder, bad role": lambda impl: impl.MessageDecoder(object()),
    "MessageDecoder, bad limit": lambda impl: impl.MessageDecoder(Role.CLIENT, max_message=-1),
    "FrameDecoder, bad bits": lambda impl: impl.FrameDecoder(Role.CLIENT, rsv=8),
    **{
        f"feed, {name}": lambda impl, data=data: feed_twice(impl, data)  # type: ignore[misc]
        for name, data in streams().items()
    },
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_repeated_calls_do_not_grow_memory(impl: Impl, call: Callable[[Impl], Any]) -> None:
    """A hundred more rounds hold no more than the first few."""

    def rounds(count: int) -> None:
        for _ in range(count):
            with suppress(*ERRORS):
                call(impl)

    with traced() as memory:
        for _ in range(KEY_POOL // KEY_SIZE + 1):  # the pool of keys, filled before, would count as new
            impl.new_mask_key()
        for _ in range(3):  # what is made once, somewhere below, is made by then
            rounds(10)
            before = memory.now()
            rounds(200)
            grown = memory.now() - before
            if grown >= 4096:  # perhaps reference cycles
                gc.collect()
                grown = memory.now() - before
            if grown < 4096:
                break
    # One object left behind in each round would be 200 times 24 bytes at least.
    assert grown < 4096


@pytest.mark.skipif("not hasattr(sys, 'getrefcount')")
def test_calls_do_not_leak_references(impl: Impl) -> None:
    """Those that memory does not show, for the objects live anyway."""
    shared = [bytearray(b"\x82\x05hello"), object(), "é" * 9, OSError("x"), KEY * 5, 2**70, [1]]
    before = [sys.getrefcount(value) for value in shared]
    for value in shared:
        for other in shared:
            for call in (
                lambda value, other: impl.mask(value, other),
                lambda value, other: impl.mask(value, KEY, other),
                lambda value, other: impl.mask_into(value, KEY, other),
                lambda value, other: impl.parse_header(value, other),
                lambda value, other: impl.build_header(value, other),
                lambda value, other: impl.build_header(1, value, mask_key=other),
                lambda value, other: impl.build_header(1, 1, fin=value, rsv=other),
                lambda value, other: impl.encode_frame(1, value, mask_key=other),
                lambda value, other: impl.encode_frame(value, other),
                lambda value, other: impl.encode_text(value, masked=other),
                lambda value, other: impl.encode_binary(value, masked=other),
                lambda value, other: impl.accept_key(value),
                lambda value, other: impl.cut_frames(value, 0, other, 9),
                lambda value, other: impl.take_frame(value, other),
                lambda value, other: impl.take_message(value, other),
                lambda value, other: impl.FrameDecoder(value, max_frame=other),
                lambda value, other: impl.FrameDecoder(Role.CLIENT, max_frame=value, rsv=other),
                lambda value, other: impl.MessageDecoder(Role.CLIENT, max_message=value, deflate=other),
                lambda value, other: impl.MessageDecoder(Role.CLIENT, deflate=value).feed(other),
            ):
                with suppress(*ERRORS):
                    call(value, other)
    del value, other
    assert [sys.getrefcount(value) for value in shared] == before


def test_buffers_are_released_after_each_call(impl: Impl) -> None:
    """A bytearray whose buffer is still exported cannot be resized."""
    for call in (
        lambda buffer: impl.mask(buffer, KEY),
        lambda buffer: impl.mask(buffer, b"abc"),
        lambda buffer: impl.mask(buffer, KEY, -1),
        lambda buffer: impl.mask(b"", buffer),
        lambda buffer: impl.mask_into(buffer, KEY),
        lambda buffer: impl.mask_into(buffer, b"abc"),
        lambda buffer: impl.mask_into(buffer, buffer),
        lambda buffer: impl.parse_header(buffer),
        lambda buffer: impl.parse_header(buffer, 99),
        lambda buffer: impl.build_header(1, 1, mask_key=buffer),
        lambda buffer: impl.encode_frame(1, buffer),
        lambda buffer: impl.encode_frame(3, buffer),
        lambda buffer: impl.encode_frame(1, buffer, mask_key=buffer),
        lambda buffer: impl.encode_binary(buffer, masked=True),
        lambda buffer: impl.cut_frames(buffer, 0, False, 99),
        lambda buffer: impl.cut_frames(buffer, 99, False, 99),
        lambda buffer: impl.take_frame(buffer, True),
        lambda buffer: impl.take_message(buffer, False),
        lambda buffer: impl.MessageDecoder(Role.CLIENT).feed(buffer),
        lambda buffer: impl.MessageDecoder(Role.SERVER).feed(buffer),
        lambda buffer: impl.FrameDecoder(Role.CLIENT).feed(buffer),
    ):
        for data in (b"\x82\x05hello", b"\x82\x05he", b"\x83\x00", b"abcd", b"\x81\x01\xff"):
            buffer = bytearray(data)
            with suppress(*ERRORS):
                call(buffer)
            buffer += b"more"


def test_decoder_and_inflater_cycle_is_collected(impl: Impl) -> None:
    """They refer to each other: the garbage collector must free the cycle."""

    class Knowing(ZlibInflater):
        decoder: Any = None

    inflater = Knowing()
    inflater.decoder = impl.MessageDecoder(Role.CLIENT, deflate=inflater)
    inflater.decoder.feed(frames.frame(frames.TEXT, b"abc", fin=False))
    gone = weakref.ref(inflater)
    del inflater
    gc.collect()
    assert gone() is None
