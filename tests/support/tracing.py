"""Count allocated memory, without a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

NOISE = 256  # bytes: the integers of a test itself


class Memory:
    """Bytes allocated since the block began."""

    def __init__(self, read: Callable[[], tuple[int, int]]) -> None:
        self._read, self._before = read, read()[0]

    def now(self) -> int:
        return self._read()[0] - self._before

    def peak(self) -> int:
        return self._read()[1] - self._before


@contextmanager
def traced() -> Iterator[Memory]:
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy has none")
    tracemalloc.start()
    try:
        yield Memory(tracemalloc.get_traced_memory)
    finally:
        tracemalloc.stop()
