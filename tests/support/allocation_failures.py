"""A program: every path of one twin while allocations fail, one of them or all from one on.

It runs in an interpreter of its own, for what goes wrong here may crash.
"""

from __future__ import annotations

import _testcapi
import faulthandler
import gc
import sys
from collections.abc import Callable
from typing import Any

from support import frames, twins

from wsframe import ProtocolError, Role
from wsframe.deflate import Deflate

RSV1 = 4
KEY = b"\x01\x80\xff\x7f"
COUNTS = (1, 2, 8)  # many more at once are the end of CPython itself
IDLE = 8  # allocations in a row whose failure changes nothing: there are no more
ROUNDS = 10

Path = Callable[[Callable[..., Any]], None]


class Starver:
    """Calls functions, one of them while some allocations fail.

    Args:
        call: which call, from 0 on.
        start, count: the allocations of it that fail.
    """

    def __init__(self, call: int, start: int, count: int) -> None:
        self.call, self.start, self.stop = call, start, start + count
        self.calls = 0
        self.failed = False

    def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return what the function returns, the ProtocolError it raises, or MemoryError."""
        starved = self.calls == self.call
        self.calls += 1
        result: Any
        if starved:
            _testcapi.set_nomemory(self.start, self.stop)
        try:
            result = function(*args)
        except (MemoryError, SystemError):  # the latter where CPython itself loses an exception
            result = MemoryError
        except ProtocolError as exc:
            result = exc
        finally:
            if starved:
                _testcapi.remove_mem_hooks()
        self.failed = self.failed or result is MemoryError or isinstance(result, ProtocolError)
        return result


def starve(path: Path) -> None:
    """Walk a path with each allocation of each call failing, alone and with the next few."""
    call = 0
    while True:
        idle = start = 0
        while idle < IDLE:
            failed = False
            for count in COUNTS:
                starver = Starver(call, start, count)
                path(starver)
                failed = failed or starver.failed
            if starver.calls <= call:
                return
            idle = 0 if failed else idle + 1
            start += 1
        call += 1


def decoding(make: Callable[[], Any], pieces: list[Any], *budget: int) -> Path:
    """Nothing comes out but a beginning of what should, and nothing at all after a failure."""
    decoder = make()
    expected = [message for piece in pieces for message in decoder.feed(bytes(piece))]
    assert decoder.error is None
    assert expected

    def path(feed: Callable[..., Any]) -> None:
        decoder = make()
        got: list[Any] = []
        failed = False
        for piece in pieces:
            out = feed(decoder.feed, piece, *budget)
            while out.__class__ is list and out and getattr(decoder, "unread", 0):
                got += out
                out = feed(decoder.feed, b"", *budget)
            if failed:
                assert isinstance(out, ProtocolError) or out is MemoryError, out
            elif out.__class__ is list:
                got += out
            failed = failed or out.__class__ is not list or decoder.error is not None
        assert got == expected[: len(got)], (got, expected)
        if failed:
            assert decoder.error is not None
            assert int(decoder.error.close_code) == 1011
            assert getattr(decoder, "unread", 0) == 0
            try:
                decoder.feed(b"\x81\x01a")
            except ProtocolError:
                pass
            else:
                raise AssertionError("it went on")
        else:
            assert got == expected
            assert decoder.error is None

    return path


def calling(function: Callable[..., Any], *args: Any, check: Callable[[Any], bool] | None = None) -> Path:
    """The right result, or a MemoryError."""
    if check is None:
        expected = function(*args)

        def check(result: Any) -> bool:
            return bool(result == expected)

    def path(call: Callable[..., Any]) -> None:
        result = call(function, *args)
        assert result is MemoryError or check(result), result

    return path


def changing(function: Callable[..., Any], data: bytes, *args: Any) -> Path:
    """The buffer is changed as it should be, or left as it was."""
    expected = bytearray(data)
    returned = function(expected, *args)

    def path(call: Callable[..., Any]) -> None:
        buffer = bytearray(data)
        result = call(function, buffer, *args)
        if result is MemoryError:
            assert buffer == data
        else:
            assert (result, buffer) == (returned, expected)

    return path


def violating(make: Callable[[], Any], data: bytes) -> Path:
    """A stream that breaks a rule has ended, whether there was memory to say so or not."""

    def path(feed: Callable[..., Any]) -> None:
        decoder = make()
        feed(decoder.feed, data)
        assert decoder.error is not None
        assert int(decoder.error.close_code) in (1002, 1007, 1009, 1011)

    return path


def distinct(impl: twins.Impl) -> Path:
    """A failure to fill the pool of keys costs keys, but gives none twice."""

    def path(draw: Callable[..., Any]) -> None:
        drawn = [impl.new_mask_key() for _ in range(1023)]
        drawn += [key for key in (draw(impl.new_mask_key) for _ in range(3)) if key is not MemoryError]
        drawn += [impl.new_mask_key() for _ in range(1023)]
        assert len(set(drawn)) >= len(drawn) - 2

    return path


def receiving(stream_of: Callable[[], Any], pieces: list[bytes], expected: list[Any]) -> Path:
    """What is queued is a beginning of what should be, as long as nothing failed."""

    def path(receive: Callable[..., Any]) -> None:
        stream = stream_of()
        failed = False
        for piece in pieces:
            if receive(stream._receive, piece) is not None:
                failed = True
                break
        got = [stream._pop() for _ in range(stream._queued)]
        assert got == expected[: len(got)], (got, expected)
        if not failed:
            assert got == expected

    return path


def streams() -> dict[str, tuple[list[bytes], dict[str, Any]]]:
    """Bytes of a server by what they hold, cut into reads, and options of a decoder."""
    first, last = frames.frame(frames.TEXT, b"first"), frames.frame(frames.BINARY, b"last")
    wide = {"latin-1": "aé" * 30, "ucs-2": "a€" * 30, "ucs-4": "a😊" * 30}
    deflater = Deflate(Role.SERVER)
    squeezed = [deflater.deflate(f"message {n} of some length".encode() * 9) for n in range(3)]
    parts = deflater.deflate(b"in fragments" * 50)
    compressed = [frames.frame(frames.TEXT, data, rsv=RSV1) for data in squeezed] + [
        frames.frame(frames.TEXT, parts[:9], fin=False, rsv=RSV1),
        frames.frame(frames.PING, b"amid"),
        frames.frame(frames.CONTINUATION, parts[9:]),
    ]
    text = "aé€😊" * 20
    fragments = [
        frames.frame(frames.TEXT, text.encode()[:30], fin=False),
        frames.frame(frames.CONTINUATION, text.encode()[30:100], fin=False),
        frames.frame(frames.PONG, b"amid"),
        frames.frame(frames.CONTINUATION, text.encode()[100:]),
    ]
    made: dict[str, tuple[list[bytes], dict[str, Any]]] = {
        "text": ([first + frames.frame(frames.TEXT, b"a" * 500) + last], {}),
        **{
            f"text, {name}": ([first + frames.frame(frames.TEXT, value.encode()) + last], {})
            for name, value in wide.items()
        },
        "binary": ([first + frames.frame(frames.BINARY, bytes(500)) + last], {}),
        "large": ([first + frames.frame(frames.BINARY, bytes(70_000)) + last], {}),
        "controls": (
            [frames.frame(frames.PING, b"a") + frames.frame(frames.PONG, b"b" * 125) + frames.frame(9)],
            {},
        ),
        "close": ([first, frames.close(1000, "grüße".encode())], {}),
        "close without a reason": ([first + frames.close(3000)], {}),
        "empty close": ([first + frames.frame(frames.CLOSE)], {}),
        "fragments": ([first, *fragments, last], {}),
        "fragments of bytes": (
            [
                frames.frame(frames.BINARY, bytes(range(200)), fin=False),
                frames.frame(frames.CONTINUATION, bytes(3000), fin=False),
                frames.frame(frames.CONTINUATION, b"") + last,
            ],
            {},
        ),
        "compressed": ([first, b"".join(compressed), last], {"deflate": True}),
    }
    whole = b"".join(fragments) + first + last
    made["in small reads"] = ([whole[i : i + 7] for i in range(0, len(whole), 7)], {})
    whole = b"".join(compressed) + last
    made["compressed, in small reads"] = (
        [whole[i : i + 20] for i in range(0, len(whole), 20)],
        {"deflate": True},
    )
    return made


def paths(impl: twins.Impl) -> dict[str, Path]:
    def messages(options: dict[str, Any]) -> Callable[[], Any]:
        def make() -> Any:
            deflate = Deflate(Role.CLIENT) if options else None
            return impl.MessageDecoder(Role.CLIENT, deflate=deflate)

        return make

    def frames_of() -> Any:
        return impl.FrameDecoder(Role.CLIENT, rsv=4)

    made: dict[str, Path] = {}
    for name, (pieces, options) in streams().items():
        made[f"messages: {name}"] = decoding(messages(options), pieces)
        made[f"messages, out of buffers: {name}"] = decoding(
            messages(options), [bytearray(one) for one in pieces]
        )
        made[f"frames: {name}"] = decoding(frames_of, pieces)
        if options:
            made[f"messages, within a budget: {name}"] = decoding(messages(options), pieces, 1)
    for name, data in {
        "opcode": frames.frame(3),
        "text": frames.frame(frames.TEXT, b"\xff" * 9),
        "fragment": frames.frame(frames.TEXT, b"\xff" * 9, fin=False),
        "close": frames.close(1005),
        "reason": frames.close(1000, b"\xff"),
        "size": frames.header(frames.BINARY, 2**40),
        "length": frames.frame(frames.BINARY, form=64),
        "deflate": frames.frame(frames.TEXT, b"\xff" * 9, rsv=RSV1),
    }.items():
        made[f"bad {name}"] = violating(messages({"deflate": True}), data)
    two = frames.frame(frames.TEXT, "aé€😊".encode() * 9, key=KEY) + frames.frame(
        frames.BINARY, bytes(300), key=KEY
    )
    made |= {
        "cut_frames": calling(impl.cut_frames, two, 0, True, 9999),
        "cut_frames, by their first byte": calling(impl.cut_frames, bytearray(two), 0, True, 9999, b"\x81"),
        "take_frame": changing(impl.take_frame, two, True),
        "take_message": changing(impl.take_message, two, True),
        "take_message, the last one": changing(impl.take_message, two[:50], True),
        "mask": calling(impl.mask, bytes(500), KEY, 3),
        "mask, buffers": calling(impl.mask, bytearray(500), bytearray(KEY), 2**70),
        "mask_into": changing(impl.mask_into, bytes(500), KEY, 3),
        "parse_header": calling(impl.parse_header, b"\x82\xfe\1\0abcd", 0),
        "build_header": calling(impl.build_header, 2, 2**40),
        "accept_key": calling(impl.accept_key, "dGhlIHNhbXBsZSBub25jZQ=="),
        "accept_key, long": calling(impl.accept_key, b"a" * 500),
        "new_key": calling(impl.new_key, check=lambda key: len(key) == 24),
        "new_mask_key": distinct(impl),
        "encode_frame": calling(lambda: impl.encode_frame(2, bytearray(500), mask_key=KEY)),
        "encode_frame, text": calling(impl.encode_frame, 1, "aé€😊" * 9),
        "encode_text": calling(impl.encode_text, "ascii" * 9),
        "encode_text, wide": calling(impl.encode_text, "aé€😊" * 9),
        "encode_text, masked": calling(
            lambda: impl.encode_text("aé€😊" * 9, masked=True), check=lambda frame: len(frame) == 96
        ),
        "encode_binary": calling(impl.encode_binary, bytearray(500)),
        "encode_binary, masked": calling(
            lambda: impl.encode_binary(bytes(9), masked=True), check=lambda frame: len(frame) == 15
        ),
    }
    made["Stream"] = stream_path(impl)
    if not impl.pure:
        made |= {"asgi receive": asgi_receiving(), "asgi send": asgi_sending()}
        made |= {"asgi receive, waiting": asgi_waiting(), "Coalescer": coalescing(), "Watch": watching()}
    return made


def stream_path(impl: twins.Impl) -> Path:
    if impl.pure:
        from wsframe._py.stream import Stream
    else:
        from wsframe._c.stream import Stream  # type: ignore[assignment]

    def make() -> Any:
        stream = Stream()
        stream._decoder = impl.MessageDecoder(Role.CLIENT)
        stream._high_water = 10**9
        return stream

    pieces = [frames.frame(frames.TEXT, b"a" * n) + frames.frame(frames.BINARY, bytes(n)) for n in (1, 9, 90)]
    expected = [one for n in (1, 9, 90) for one in ("a" * n, bytes(n))]
    return receiving(make, pieces, expected)


def step(call: Any) -> Any:
    """Run a coroutine to its end or to its first future, and return either."""
    try:
        return call.send(None)
    except StopIteration as exc:
        return exc.value


def roomy_list() -> list[bytes]:
    """A list to which ten more can be appended without an allocation."""
    made = [b""] * 20
    del made[10:]
    return made


def asgi_stream() -> tuple[Any, list[bytes]]:
    """A compiled stream for `receive` and `send`, and what it has written."""
    from wsframe._c.coalescer import Iteration
    from wsframe._c.message_decoder import MessageDecoder
    from wsframe._c.stream import Stream

    stream, written = Stream(), roomy_list()
    stream._decoder = MessageDecoder(Role.SERVER)
    stream._transport_write = written.append
    stream._call_soon = written.count
    stream._iteration = Iteration()
    stream._encodes_directly = True
    return stream, written


def asgi_receiving() -> Path:
    """Messages come in their order, whatever fails amid."""
    from wsframe._c.asgi import asgi_calls

    messages = ["text", b"binary", "wide €"]
    expected: list[Any] = [
        {"type": "websocket.receive", "text" if isinstance(one, str) else "bytes": one} for one in messages
    ]

    def path(call: Callable[..., Any]) -> None:
        stream, _ = asgi_stream()
        stream._push(messages)
        receive, _ = asgi_calls(stream)
        failed = False
        got = []
        while stream._queued:
            event = call(lambda: step(receive()))
            failed = failed or event is MemoryError
            got.append(event)
        assert [event for event in got if event is not MemoryError] == [
            event for event in expected if event in got
        ], got
        assert failed or got == expected

    return path


def asgi_waiting() -> Path:
    """What is received while it waits is returned, and a failure leaves it for the next call."""
    from wsframe._c.asgi import asgi_calls

    class Future:
        ended = False

        def done(self) -> bool:
            return self.ended

        def result(self) -> None:
            pass

    class Loop:
        def __init__(self) -> None:
            self.future = Future()

        def create_future(self) -> Future:
            return self.future

        def get_debug(self) -> bool:
            return False

    def path(call: Callable[..., Any]) -> None:
        stream, _ = asgi_stream()
        stream._loop = Loop()
        future = stream._loop.future
        receive, _ = asgi_calls(stream)
        waiting = receive()
        if call(step, waiting) is MemoryError:
            waiting.close()
            return
        future.ended = True
        stream._push(["text"])
        event = call(step, waiting)
        assert event is MemoryError or event == {"type": "websocket.receive", "text": "text"}, event

    return path


def asgi_sending() -> Path:
    """Frames are written whole, in order, and each one whose call returned."""
    from wsframe._c.asgi import asgi_calls

    events = [
        {"type": "websocket.send", "text": "text"},
        {"type": "websocket.send", "bytes": b"b" * 200},
        {"type": "websocket.send", "text": "wide €" * 40},
    ]
    expected = [
        frames.frame(frames.TEXT, b"text"),
        frames.frame(frames.BINARY, b"b" * 200),
        frames.frame(frames.TEXT, "wide €".encode() * 40),
    ]

    def path(call: Callable[..., Any]) -> None:
        stream, written = asgi_stream()
        _, send = asgi_calls(stream)
        results = [call(lambda event=event: step(send(event))) for event in events]
        call(stream.flush)
        stream.flush()
        check_frames(b"".join(written), expected, results)

    return path


def coalescing() -> Path:
    """What was written without a failure is sent, whole and in order."""
    from wsframe._c.coalescer import Coalescer, Iteration

    expected = [
        frames.frame(frames.BINARY, bytes([n]) * size) for n, size in enumerate((9, 2000, 1, 66_000, 5))
    ]

    def path(call: Callable[..., Any]) -> None:
        written = roomy_list()
        coalescer = Coalescer()
        coalescer._transport_write = written.append
        coalescer._call_soon = written.count
        coalescer._iteration = iteration = Iteration()
        coalescer.transport = None
        results = [call(coalescer._write_at_end, one) for one in expected]
        call(iteration.end)
        coalescer.flush()
        check_frames(b"".join(written), expected, results)

    return path


def check_frames(data: bytes, expected: list[bytes], results: list[Any]) -> None:
    """Tell frames that were sent from those that may be missing: their call has failed."""
    for frame, result in zip(expected, results, strict=True):
        if data.startswith(frame):
            data = data[len(frame) :]
        else:
            assert result is MemoryError, (frame[:9], result)
    assert not data


def watching() -> Path:
    """It holds, or nobody knows."""
    from wsframe._c.watch import Watch

    class Watched:
        def own(self) -> None: ...

    def path(call: Callable[..., Any]) -> None:
        made = call(Watch, bool, [("own",)], [(Watched, ["own"]), (sys, ["path", "exit"])])
        if made is MemoryError:
            return
        for _ in range(2):
            result = call(made.holds, Watched())
            assert result in (True, MemoryError), result

    return path


def main() -> None:
    faulthandler.enable()
    impl = twins.PURE if sys.argv[1] == "py" else twins._load("c", "_c")
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    for name, path in paths(impl).items():
        if only not in name:
            continue
        print(name, file=sys.stderr, flush=True)
        try:
            starve(path)
        except AssertionError:
            print("in", name, file=sys.stderr)
            raise
        if impl.pure or "compressed" in name or "deflate" in name:
            continue  # Python code runs amid it, and CPython itself may lose objects then
        lost = leaked(path)
        assert lost < ROUNDS, f"{name}: {lost} objects were not freed in {ROUNDS} rounds"
    print("done")


def leaked(path: Path) -> int:
    starve(path)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(ROUNDS):
        starve(path)
    gc.collect()
    return sys.getallocatedblocks() - before


if __name__ == "__main__":
    main()
