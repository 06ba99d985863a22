"""No unexpected call on any of our objects crashes, even if `__init__` was never called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support import twins
from support.misuse import compiled_classes
from support.processes import run

from wsframe import Role, backend

compiled = pytest.mark.skipif(not twins.KERNELS, reason="the compiled twin is missing")

TESTS = str(Path(__file__).parent)
IMPORT = f"import sys; sys.path.insert(0, {TESTS!r}); from support import misuse"


@pytest.mark.parametrize("name", ["py", *twins.NAMES[-1:]])
def test_unexpected_calls_never_crash(name: str) -> None:
    """All classes, public and compiled (see misuse.py)."""
    with twins.running(name) as impl:
        done = run(f"{IMPORT}; misuse.main()", impl=impl)
    assert done.stdout == "done\n"


@compiled
def test_objects_that_act_while_they_are_used_never_crash() -> None:
    """All compiled classes, with transports, hooks and arguments that act on them (see meddling.py)."""
    with twins.running(twins.NAMES[-1]) as impl:
        code = f"import sys; sys.path.insert(0, {TESTS!r}); from support import meddling; meddling.main()"
        done = run(code, impl=impl)
    assert done.stdout == "done\n"


def test_every_compiled_class_of_the_sources_is_found() -> None:
    sources = Path(__file__).parents[1] / "ext" / "wsframe" / "_c"
    if not twins.KERNELS or backend == "py":
        pytest.skip("the compiled twin is missing or not in use")
    declared = {
        (path.stem, name)
        for path in sources.glob("*.pyx")
        for name in re.findall(r"^cdef class (\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    assert len(declared) > 10
    assert {(cls.__module__.rpartition(".")[2], cls.__name__) for cls in compiled_classes()} == declared


@compiled
def test_transport_that_takes_the_iteration_away_is_an_error() -> None:
    from wsframe._c.coalescer import Coalescer, Iteration

    class Transport:
        _closing = False

        @property
        def _buffer(self) -> bytes:
            coalescer._iteration = None
            return b""

    coalescer = Coalescer()
    coalescer.transport = Transport()
    coalescer._call_soon = len
    coalescer._use_socket(10**6)
    coalescer._iteration = Iteration()
    with pytest.raises(RuntimeError, match="no iteration"):
        coalescer._write_at_end(b"frame")


@compiled
def test_iteration_lives_as_long_as_it_is_used() -> None:
    from wsframe._c.coalescer import Coalescer, Iteration

    ends: list[Callable[[], None]] = []

    def call_soon(end: Callable[[], None]) -> None:
        coalescer._iteration = None

    coalescer = Coalescer()
    coalescer._transport_write = ends.append
    coalescer._call_soon = call_soon
    coalescer._iteration = Iteration()
    coalescer._write(b"frame")
    assert ends == [b"frame"]


@compiled
def test_nothing_can_be_written() -> None:
    from wsframe._c.coalescer import Coalescer, Iteration

    written: list[bytes] = []
    coalescer = Coalescer()
    coalescer.transport = bytearray()
    coalescer._transport_write = written.append
    coalescer._call_soon = lambda end: None
    coalescer._iteration = Iteration()
    coalescer._write_at_end(b"")
    coalescer._write_at_end(b"")
    coalescer.flush()
    assert not any(written)


@compiled
def test_hooks_that_return_no_frame_raise() -> None:
    from wsframe._c.asgi import asgi_calls
    from wsframe._c.message_decoder import MessageDecoder
    from wsframe._c.stream import Stream, write_to_all

    class Without(Stream):
        def _encode_message(self, message: object) -> None:
            pass

        async def asgi_send(self, event: object) -> str:
            return "by the coroutine"

    stream = Without()
    stream._decoder = MessageDecoder(Role.SERVER)
    with pytest.raises(TypeError):
        stream.send_nowait("a")
    _, send = asgi_calls(stream)
    with pytest.raises(StopIteration, match="by the coroutine"):
        send({"type": "websocket.send", "text": "a"}).send(None)
    with pytest.raises(TypeError):
        write_to_all({None}, b"frame")


@compiled
def test_watch_that_is_used_amid_its_making_never_writes_out_of_bounds() -> None:
    from wsframe._c.watch import Watch

    def owners(watch: Any) -> Iterator[Any]:
        for number in range(200):
            yield type(f"Class{number}", (), {"own": None}), ("own",)
            watch.holds()

    watch = Watch(lambda value: True)
    with suppress(TypeError):
        watch.__init__(lambda value: True, (), owners(watch))
    assert watch.holds() is True
    with pytest.raises(TypeError):
        Watch.__new__(Watch)


def test_read_buffer_of_a_stream_cannot_be_resized() -> None:
    """It can be replaced, but not resized, nor replaced while it is being read from."""
    stream_module = pytest.importorskip("wsframe._c.stream")

    class Stream(stream_module.Stream):
        def _receive_undecoded(self, data: object) -> None:
            self.taken = data
            with pytest.raises(RuntimeError, match="in use"):
                self._read_buffer = bytearray(5)

    stream = Stream()
    room = bytearray(b"abcdef")
    stream._read_buffer = room
    with pytest.raises(BufferError):
        room.extend(bytes(1000))
    stream._read_buffer = view = memoryview(room)
    view.release()
    with pytest.raises(BufferError):
        room.extend(bytes(1000))
    with pytest.raises(BufferError):
        stream._read_buffer = memoryview(b"read only")
    stream.buffer_updated(3)
    del room, view
    assert stream.taken == b"abc"


def test_stream_without_a_read_buffer_raises() -> None:
    stream_module = pytest.importorskip("wsframe._c.stream")
    stream = stream_module.Stream.__new__(stream_module.Stream)
    with pytest.raises(ValueError, match="out of range"):
        stream.buffer_updated(1)
    for call in (stream._enqueue, stream._deliver):
        with pytest.raises(TypeError):
            call(*(None, 5)[: 2 if call == stream._enqueue else 1])
    with pytest.raises(TypeError):
        stream._write(b"x")


@pytest.mark.parametrize("name", ["py", *twins.NAMES[-1:]])
def test_methods_called_with_another_self_raise(name: str) -> None:
    """An unbound method takes objects of its class only."""
    with twins.running(name) as impl:
        code = f"{IMPORT}; misuse.call_with_another_self()"
        done = run(code, impl=impl)
    assert done.stdout == "done\n"
