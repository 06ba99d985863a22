"""Writes that leave together: what is held back, and when it goes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
import twins
from hypothesis import given, strategies as st

CORKS = [import_module(f"wsframe.{name}.cork").Cork for name in ("_py", *["_c"] * bool(twins.KERNELS))]


@pytest.fixture(params=CORKS, ids=lambda kind: kind.__module__)
def made(request: pytest.FixtureRequest) -> Any:
    """A cork over a log, of ten bytes and a minute."""
    log: list[Any] = []
    return request.param(log.append, 10, 60.0), log


def test_what_is_written_leaves_in_one_write(made: Any) -> None:
    cork, log = made
    for piece in (b"a", b"", b"bc"):
        cork.write(piece)
    assert (log, len(cork)) == ([], 3)
    cork.flush()
    cork.flush()
    assert (log, len(cork)) == ([b"abc"], 0)


def test_more_than_its_size_leaves_at_once(made: Any) -> None:
    cork, log = made
    cork.write(b"x" * 10)
    assert log == []
    cork.write(b"y")
    assert (log, len(cork)) == ([b"x" * 10 + b"y"], 0)
    cork.write(b"z" * 10)
    assert len(log) == 1


def test_what_waited_too_long_takes_the_next_along_and_ends_it(made: Any) -> None:
    cork, log = made
    cork.write(b"a")
    cork.until -= 60
    cork.write(b"b")
    assert (log, cork.open) == ([b"ab"], True)
    cork.write(b"c")
    assert log == [b"ab", b"c"]
    cork.open = False
    cork.write(b"d")
    assert log == [b"ab", b"c"]


def test_drawn_it_holds_back_no_more(made: Any) -> None:
    cork, log = made
    cork.write(b"a")
    cork.draw()
    cork.write(b"b")
    assert log == [b"a", b"b"]


@pytest.mark.parametrize(
    "data", [bytearray(b"b"), memoryview(b"b"), "b", None, type("Bytes", (bytes,), {})(b"b")]
)
def test_what_is_not_bytes_leaves_at_once_and_as_it_is(made: Any, data: Any) -> None:
    cork, log = made
    cork.write(b"a")
    cork.write(data)
    assert log == [b"a", data]
    assert log[1] is data


def test_dropped_it_is_gone(made: Any) -> None:
    cork, log = made
    cork.write(b"x" * 10)
    cork.drop()
    cork.write(b"y" * 10)
    cork.flush()
    assert log == [b"y" * 10]


@pytest.mark.parametrize("kind", CORKS, ids=lambda kind: kind.__module__)
def test_an_error_is_that_of_the_write_and_is_told_once(kind: Any) -> None:
    def write(data: Any) -> None:
        log.append(data)
        if data == b"ab":
            raise OSError("gone")

    log: list[Any] = []
    cork = kind(write, 1, 60.0)
    cork.write(b"a")
    with pytest.raises(OSError, match="gone"):
        cork.write(b"b")
    cork.flush()
    assert (log, len(cork)) == ([b"ab"], 0)


@pytest.mark.parametrize("kind", CORKS, ids=lambda kind: kind.__module__)
def test_what_stands_for_a_method_is_used(kind: Any) -> None:
    class Own(kind):  # type: ignore[misc]
        def flush(self) -> None:
            calls.append(len(self))
            super().flush()

    calls: list[int] = []
    log: list[Any] = []
    cork = Own(log.append, 1, 60.0)
    for piece in (b"a", b"b", b"c"):
        cork.write(piece)
    cork.draw()
    assert (calls, log) == ([2, 1], [b"ab", b"c"])


@pytest.mark.parametrize("arguments", [(), (print,), (print, 1), (print, 1, 1, 1)])
@pytest.mark.parametrize("kind", CORKS, ids=lambda kind: kind.__module__)
def test_it_is_made_with_all_it_needs(kind: Any, arguments: Any) -> None:
    with pytest.raises(TypeError):
        kind(*arguments)


steps = st.one_of(
    st.tuples(st.just("write"), st.binary(max_size=7) | st.binary(max_size=3).map(bytearray)),
    st.tuples(st.sampled_from(["flush", "draw", "drop"])),
)


@given(st.lists(steps, max_size=30), st.integers(0, 20))
def test_twins_do_the_same(script: list[Any], size: int) -> None:
    seen = []
    for kind in CORKS:
        log: list[Any] = []
        cork = kind(log.append, size, 60.0)
        for name, *arguments in script:
            getattr(cork, name)(*arguments)
            log.append((len(cork), cork.open))
        seen.append(log)
    assert seen[0] == seen[-1]
