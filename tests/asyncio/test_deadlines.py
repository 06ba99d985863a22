"""Deadlines of opening handshakes: many share one timer, and each connection is called in time."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from wsframe.asyncio._deadlines import LATE, LATE_PART, Deadlines


class Opening:
    """Counts the calls that its deadline makes."""

    calls = 0
    error: Exception | None = None

    def _open_timed_out(self) -> None:
        self.calls += 1
        if self.error is not None:
            raise self.error


class Clock:
    """A loop whose time is set by hand."""

    def __init__(self) -> None:
        self.timers: dict[Any, tuple[float, Any, tuple[Any, ...]]] = {}
        self.soon: list[Any] = []

    def call_at(self, when: float, function: Any, *args: Any) -> Any:
        clock = self

        class Timer:
            def cancel(self) -> None:
                del clock.timers[self]

        timer = Timer()
        self.timers[timer] = (when, function, args)
        return timer

    def call_soon(self, function: Any) -> None:
        self.soon.append(function)

    def run_until(self, now: float) -> None:
        for timer, (when, function, args) in list(self.timers.items()):
            if when <= now:
                del self.timers[timer]
                function(*args)
        while self.soon:
            self.soon.pop(0)()


def test_deadlines_close_to_each_other_share_a_timer() -> None:
    clock: Any = Clock()
    deadlines = Deadlines(clock)
    openings: list[Any] = [Opening() for _ in range(100)]
    for number, opening in enumerate(openings):
        at = 1000 + number / 100
        assert at < deadlines.add(opening, at, 10) <= at + LATE
    assert len(clock.timers) == 1 / LATE
    clock.run_until(1000)
    assert not any(opening.calls for opening in openings)
    clock.run_until(1000.6)
    assert [opening.calls for opening in openings] == [1] * 50 + [0] * 50
    clock.run_until(1002)
    assert [opening.calls for opening in openings] == [1] * 100
    assert not clock.timers


def test_short_timeouts_are_rounded_less() -> None:
    clock: Any = Clock()
    deadlines, opening = Deadlines(clock), Opening()
    for timeout in (0.001, 0.1, 1, 7):
        at = 1000.123
        deadline = deadlines.add(opening, at, timeout)  # type: ignore[arg-type]
        assert at < deadline <= at + timeout * LATE_PART


def test_discarded_connections_are_not_called_nor_kept() -> None:
    clock: Any = Clock()
    deadlines = Deadlines(clock)
    first: Any = Opening()
    second: Any = Opening()
    deadline = deadlines.add(first, 1000, 10)
    assert deadlines.add(second, 1000, 10) == deadline
    deadlines.discard(first, deadline)
    kept, calls = weakref.ref(first), first.calls
    del first
    assert kept() is None
    clock.run_until(1010)
    assert (calls, second.calls) == (0, 1)
    deadlines.discard(second, deadline)  # it is over


def test_closed_deadlines_leave_no_timer() -> None:
    clock: Any = Clock()
    deadlines, opening = Deadlines(clock), Opening()
    deadlines.add(opening, 1000, 10)  # type: ignore[arg-type]
    deadlines.add(opening, 1005, 10)  # type: ignore[arg-type]
    deadlines.close()
    assert not clock.timers


def test_one_failing_connection_does_not_keep_others_from_being_called() -> None:
    async def run() -> list[int]:
        loop = asyncio.get_running_loop()
        failures: list[Any] = []
        done = loop.create_future()
        loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
        deadlines = Deadlines(loop)
        openings: list[Any] = [Opening() for _ in range(3)]
        for opening in openings:
            opening.error = ValueError("from the test")
            deadlines.add(opening, loop.time(), 0.001)
        loop.call_at(loop.time() + 0.01, done.set_result, None)
        await done
        assert len(failures) == 3
        return [opening.calls for opening in openings]

    assert asyncio.run(run()) == [1, 1, 1]
