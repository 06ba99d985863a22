"""Coroutine functions on a loop of their own."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any


def run(main: Callable[[], Any], factory: Callable[[], Any] | None = None, timeout: float = 60) -> Any:
    """Run a coroutine function to its end; a hang is a failure.

    Args:
        factory: of the loop, instead of asyncio's.
        timeout: seconds.
    """
    loop = (factory or asyncio.new_event_loop)()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(asyncio.wait_for(main(), timeout))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()


class _Clock(selectors.DefaultSelector):
    """A selector, and a clock that only goes on when there is nothing to select."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        events = super().select(timeout and min(timeout, 0.01))
        if not events and timeout:
            self.now += timeout
        return events


def timers_when_idle() -> asyncio.AbstractEventLoop:
    """Make a loop whose timers are called once nothing else is to be done: never early on a busy machine."""
    clock = _Clock()
    loop = asyncio.SelectorEventLoop(clock)
    loop.time = lambda: clock.now  # type: ignore[method-assign]
    return loop
