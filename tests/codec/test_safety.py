"""Buffers that change, are freed or are shared, and concurrent calls; on every twin.

zuvloop #61 read a buffer after it was gone.
"""

from __future__ import annotations

import array
import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support import frames
from support.feeding import verdict
from support.processes import run
from support.twins import Impl

from wsframe import Frame, Opcode, Ping, ProtocolError, Role

HELLO = frames.frame(frames.TEXT, b"Hello")


class Watched(bytearray):
    """A buffer that can be watched going away."""


def makers(impl: Impl) -> list[Callable[[], Any]]:
    return [lambda: impl.MessageDecoder(Role.CLIENT), lambda: impl.FrameDecoder(Role.CLIENT)]


# What a decoder may be left with: a whole message, half a header, half a payload, half a control
# frame, half a code point, each kind of violation.
STREAMS = {
    "whole": HELLO,
    "half header": b"\x82\x7e\x01",
    "half payload": HELLO[:-2],
    "half ping": HELLO + b"\x89\x05abc",
    "fragment": frames.frame(frames.TEXT, b"ab\xc3", fin=False),
    "closed": frames.close(1000, b"bye"),
    "bad opcode": HELLO + frames.frame(3),
    "bad text": HELLO + frames.frame(frames.TEXT, b"\xff" * 50),
    "bad fragment": frames.frame(frames.TEXT, b"\xff" * 50, fin=False),
    "bad reason": frames.close(1000, b"\xff"),
    "too big": frames.header(frames.TEXT, 2**40),
}


@pytest.mark.parametrize("data", STREAMS.values(), ids=STREAMS)
def test_case_35_feed_keeps_no_reference_to_its_input(impl: Impl, data: bytes) -> None:
    """Not by the decoder, not by its error, not by what came out."""
    for make in makers(impl):
        decoder = make()
        buffer = Watched(data)
        gone = weakref.ref(buffer)
        kept = decoder.feed(buffer)
        buffer += b"resized"  # refused while anybody looks at it
        del buffer
        if gone() is not None and sys.implementation.name != "cpython":
            gc.collect()
        assert gone() is None
        del kept


@pytest.mark.parametrize("data", STREAMS.values(), ids=STREAMS)
def test_case_35_buffer_may_change_after_feed(impl: Impl, data: bytes) -> None:
    for make in makers(impl):
        expected, decoder = make(), make()
        buffer = bytearray(data)
        with memoryview(buffer) as view:
            kept = decoder.feed(view)
        first = expected.feed(data)
        assert kept == first
        buffer[:] = b"\xff" * len(buffer)
        buffer += b"\xff" * 1000
        buffer.clear()
        assert kept == first
        assert decoder.buffered == expected.buffered
        assert verdict(decoder.error) == verdict(expected.error)
        if decoder.error is None:
            rest = b"lo" if data == STREAMS["half payload"] else b""
            assert decoder.feed(rest) == expected.feed(rest)


def test_case_35_released_memoryview_raises_value_error(impl: Impl) -> None:
    view = memoryview(bytearray(HELLO))
    view.release()
    calls: list[Callable[[], Any]] = [
        lambda: impl.mask(view, b"abcd"),
        lambda: impl.mask_into(view, b"abcd"),
        lambda: impl.mask(b"", view),
        lambda: impl.parse_header(view),
        lambda: impl.build_header(1, 1, mask_key=view),
        lambda: impl.encode_binary(view),
        lambda: impl.encode_frame(1, view),
        lambda: impl.cut_frames(view, 0, False, 9),
        *(lambda make=make: make().feed(view) for make in makers(impl)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"^operation forbidden on released memoryview object$"):
            call()


def test_case_35_a_bad_argument_does_not_stop_a_decoder(impl: Impl) -> None:
    """It is the caller's fault, not the peer's: nothing was consumed."""
    for make in makers(impl):
        decoder = make()
        decoder.feed(HELLO[:4])
        for bad in (None, 1, "text", [1], memoryview(b"abcd")[::2]):
            with pytest.raises((TypeError, BufferError)):
                decoder.feed(bad)
        assert decoder.error is None
        [got] = decoder.feed(HELLO[4:])
        assert got in ("Hello", Frame(Opcode.TEXT, b"Hello"))


def test_case_35_results_outlive_decoder_and_buffer(impl: Impl) -> None:
    for make in makers(impl):
        decoder = make()
        buffer = bytearray(HELLO * 3 + frames.frame(frames.PING, b"ping"))
        got = decoder.feed(buffer)
        first = decoder.feed(frames.frame(frames.BINARY, bytes(5000), fin=False)[:3000])
        del decoder, buffer
        assert first == []
        assert got[:3] in (["Hello"] * 3, [Frame(Opcode.TEXT, b"Hello")] * 3)
        assert got[3] in (Ping(b"ping"), Frame(Opcode.PING, b"ping"))


def test_case_35_messages_are_copies_of_the_buffer(impl: Impl) -> None:
    """A message is the caller's own, even where input and output are the same type and size."""
    data = frames.frame(frames.BINARY, b"payload")
    [one] = impl.MessageDecoder(Role.CLIENT).feed(data)
    [two] = impl.MessageDecoder(Role.CLIENT).feed(data)
    assert one == two == b"payload"
    assert type(one) is bytes
    sent = bytearray(b"payload")
    frame = impl.encode_binary(sent)
    sent[:] = b"changed"
    assert frame == data


def test_case_35_repeated_errors_do_not_grow_their_traceback(impl: Impl) -> None:
    """A caller that continues gets the same error each time; its traceback does not grow."""
    for make in makers(impl):
        decoder = make()
        decoder.feed(frames.frame(3))
        lengths = set()
        for _ in range(50):
            with pytest.raises(ProtocolError) as caught:
                decoder.feed(b"more")
            assert caught.value is decoder.error
            lengths.add(len(caught.traceback))
        assert len(lengths) == 1


class Changing:
    """An Inflater that changes what is being fed."""

    def __init__(self, buffer: bytearray, change: Callable[[bytearray], object]) -> None:
        self.buffer, self.change, self.refused = buffer, change, 0

    def inflate(self, data: bytes, final: bool, max_length: int) -> bytes:
        try:
            self.change(self.buffer)
        except BufferError:
            self.refused += 1
        return data


def scribble(buffer: bytearray) -> None:
    buffer[:] = b"\xff" * len(buffer)


CHANGES: dict[str, Callable[[bytearray], object]] = {
    "grows": lambda buffer: buffer.extend(bytes(100_000)),
    "shrinks": lambda buffer: buffer.__delitem__(slice(1, None)),
    "empties": bytearray.clear,
    "scribbles": scribble,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_case_35_buffer_changed_during_feed_is_safe(
    impl: Impl, change: Callable[[bytearray], object]
) -> None:
    """The compiled twin looks at the buffer itself, which nobody can resize then; the pure one at a copy."""
    stream = HELLO + frames.frame(frames.TEXT, b"abc", rsv=4) + frames.frame(frames.TEXT, b"x" * 3000)
    buffer = bytearray(stream)
    inflater = Changing(buffer, change)
    decoder = impl.MessageDecoder(Role.CLIENT, deflate=inflater)
    got = decoder.feed(buffer)
    assert got[:2] == ["Hello", "abc"]
    if change is scribble and not impl.pure:
        assert got[2:] == []
        assert verdict(decoder.error) == (1002, "reserved opcode 0xf")
    else:
        assert got[2:] == ["x" * 3000]
        assert inflater.refused == (0 if impl.pure else 1)


@contextmanager
def eager_threads() -> Iterator[None]:
    """Have the interpreter switch between threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def together(count: int, work: Callable[[int], None]) -> None:
    """Run work in threads that start at once; an exception in one is one here."""
    start = threading.Barrier(count)
    failures: list[BaseException] = []

    def one(number: int) -> None:
        start.wait()
        try:
            work(number)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    with eager_threads():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_case_35_concurrent_feed_changes_no_message(impl: Impl, kind: Callable[[bytes], Any]) -> None:
    """One call succeeds, the other raises: no message is lost or changed."""
    text = "é" * 60
    data = kind(
        frames.frame(frames.TEXT, text.encode()[:41], fin=False)
        + frames.frame(frames.PING, b"ping")
        + frames.frame(frames.CONTINUATION, text.encode()[41:])
    )
    rounds = 300
    for decoder in (impl.MessageDecoder(Role.CLIENT), impl.FrameDecoder(Role.CLIENT)):
        got: list[Any] = []
        refused: list[str] = []

        def work(
            number: int, feed: Any = decoder.feed, got: list[Any] = got, refused: list[str] = refused
        ) -> None:
            for _ in range(rounds):
                try:
                    got.append(feed(data))
                except RuntimeError as exc:
                    refused.append(str(exc))

        together(4, work)
        assert len(got) + len(refused) == 4 * rounds
        assert set(refused) <= {"feed is already running"}
        assert decoder.error is None
        assert all(one == got[0] for one in got)
        if isinstance(got[0][-1], str):
            assert got[0] == [Ping(b"ping"), text]


def test_case_35_feed_raises_while_another_thread_is_feeding(impl: Impl) -> None:
    inside, done = threading.Event(), threading.Event()

    class Slow:
        def inflate(self, data: bytes, final: bool, max_length: int) -> bytes:
            inside.set()
            assert done.wait(60)
            return data

    decoder = impl.MessageDecoder(Role.CLIENT, deflate=Slow())
    got: list[Any] = []
    thread = threading.Thread(
        target=lambda: got.extend(decoder.feed(frames.frame(frames.TEXT, b"slow", rsv=4)))
    )
    thread.start()
    try:
        assert inside.wait(60)
        for data in (HELLO, b"", bytearray(HELLO)):
            with pytest.raises(RuntimeError, match=r"^feed is already running$"):
                decoder.feed(data)
    finally:
        done.set()
        thread.join()
    assert got == ["slow"]
    assert decoder.feed(HELLO) == ["Hello"]


def test_case_35_concurrent_writes_never_give_an_invalid_str(impl: Impl) -> None:
    """The bytes that are validated are those returned: a mix of valid and invalid bytes gives no bad str."""
    size = 400
    texts = ["a" * size, "é" * (size // 2), "😊" * (size // 4)]
    payloads = [*(text.encode() for text in texts), b"\xff" * size]
    head = frames.header(frames.TEXT, size)
    buffer = bytearray(head + payloads[0])

    def work(number: int) -> None:
        for attempt in range(400):
            if number:
                buffer[len(head) :] = payloads[attempt % len(payloads)]
            else:
                decoder = impl.MessageDecoder(Role.CLIENT)
                for text in decoder.feed(buffer):
                    assert text.encode().decode() == text
                if decoder.error is not None:
                    assert verdict(decoder.error) == (1007, "text message is not valid utf-8")

    def swallow(number: int) -> None:
        try:
            work(number)
        except BufferError:  # the slice assignment of a bytearray somebody looks at
            assert number

    together(3, swallow)


def test_case_35_decoders_of_different_threads_are_independent(impl: Impl) -> None:
    """Nothing is shared but the code."""
    texts = ["a" * 300, "é" * 150, "€" * 100, "😊" * 75]

    def work(number: int) -> None:
        text = texts[number]
        decoder = impl.MessageDecoder(Role.SERVER)
        for _ in range(200):
            assert decoder.feed(impl.encode_text(text, masked=True)) == [text]
            assert impl.mask(impl.mask(text.encode(), b"abcd", 3), b"abcd", 3) == text.encode()

    together(4, work)


OUT_OF_MEMORY = """
import resource
from wsframe import MessageDecoder, FrameDecoder, ProtocolError, Role

def limit(more):
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + more, resource.RLIM_INFINITY))

for decoder in MessageDecoder(Role.CLIENT, max_message=None), FrameDecoder(Role.CLIENT, max_frame=None):
    decoder.feed(bytes.fromhex("827f0000010000000000"))
    piece = bytes(2**20)
    limit(2**26)
    try:
        while True:
            decoder.feed(piece)
    except MemoryError:
        pass
    limit(2**30)
    print(int(decoder.error.close_code), decoder.error, decoder.buffered)
    try:
        decoder.feed(b"")
    except ProtocolError as exc:
        print(exc)
"""


@pytest.mark.skipif("not sys.platform.startswith('linux')")
@pytest.mark.skipif("'libasan' in os.environ.get('LD_PRELOAD', '')", reason="needs the address space itself")
def test_case_35_memory_error_stops_the_decoder(impl: Impl) -> None:
    """A decoder that could not store a piece has lost its place, and must not go on without it."""
    done = run(OUT_OF_MEMORY, impl=impl)
    said = ["1011 decoding was interrupted 0", "decoding was interrupted"]
    assert done.stdout.splitlines() == said * 2


@pytest.mark.parametrize("size", [0, 1, 3, 64, 4096])
def test_case_35_masking_works_at_every_alignment(impl: Impl, size: int) -> None:
    """Kernels read and write in words wherever a buffer begins."""
    room = bytearray(range(256)) * 17
    for start in range(70):
        with memoryview(room)[start : start + size] as view:
            key = b"\x01\x20\x03\xff"
            before = bytes(room)
            masked = frames.masked(view.tobytes(), key)
            assert impl.mask(view, key) == masked
            impl.mask_into(view, key)
            assert view == masked
            assert bytes(room[:start]) == before[:start]
            assert bytes(room[start + size :]) == before[start + size :]
            impl.mask_into(view, key)
            assert bytes(room) == before


def test_case_35_key_may_lie_inside_the_masked_buffer(impl: Impl) -> None:
    """The key is read before a byte of the buffer is written."""
    buffer = bytearray(b"\x11\x22\x33\x44" + bytes(range(100)))
    expected = frames.masked(bytes(buffer), b"\x11\x22\x33\x44")
    with memoryview(buffer) as view:
        impl.mask_into(buffer, view[:4])
    assert buffer == expected
    items = array.array("I", range(50))
    expected = frames.masked(items.tobytes(), b"abcd")
    impl.mask_into(items, b"abcd")
    assert items.tobytes() == expected
