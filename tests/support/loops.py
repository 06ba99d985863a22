"""Coroutine functions on a loop of their own."""

from __future__ import annotations

import asyncio
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
