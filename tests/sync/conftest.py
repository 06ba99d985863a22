"""Fixtures of the tests of threads; no test may leave a thread behind."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("httptools")

from threaded_ends import TIME, serving

from wsframe.sync import Server, serve


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """All threads end with the test."""
    before = set(threading.enumerate())
    yield
    gc.collect()
    deadline = time.monotonic() + TIME
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        for thread in left:
            thread.join(1)
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def running() -> Iterator[Callable[..., Server]]:
    """Start servers; they stop with the test."""
    with ExitStack() as stack:

        def run(handler: Any, **options: Any) -> Server:
            return stack.enter_context(serving(serve(handler, "127.0.0.1", 0, **options)))

        yield run


@pytest.fixture
def in_thread() -> Iterator[Callable[..., Any]]:
    """Call functions in threads of their own; what they return is given by the function that this returns."""
    threads: list[threading.Thread] = []

    def start(function: Callable[..., Any], *args: Any, **options: Any) -> Callable[[], Any]:
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append((True, function(*args, **options)))
            except BaseException as exc:
                outcome.append((False, exc))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        threads.append(thread)

        def result() -> Any:
            thread.join(TIME)
            assert outcome, f"{function} hangs"
            fine, value = outcome[0]
            if not fine:
                raise value
            return value

        return result

    yield start
    for thread in threads:
        thread.join(TIME)
        assert not thread.is_alive()
