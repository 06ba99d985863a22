"""No unexpected call on any of our objects crashes, even if `__init__` was never called."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import twins
from support.processes import run

TESTS = str(Path(__file__).parent)
IMPORT = f"import sys; sys.path.insert(0, {TESTS!r}); from support import misuse"


@pytest.mark.parametrize("name", ["py", *twins.NAMES[-1:]])
def test_unexpected_calls_never_crash(name: str) -> None:
    """All classes, public and compiled (see misuse.py)."""
    with twins.running(name) as impl:
        done = run(f"{IMPORT}; misuse.main()", impl=impl)
    assert done.stdout == "done\n"


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
