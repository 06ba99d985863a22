"""`asyncio.timeout`, on CPython 3.10, too.

`asyncio.wait_for` cannot replace it: before CPython 3.12, a task that is cancelled when what it waits for has
just ended is not cancelled at all, and goes on.
"""

from __future__ import annotations

import asyncio
import sys

__all__ = ["timeout"]

if sys.version_info >= (3, 11):
    from asyncio import timeout
else:

    class timeout:
        """Cancels what is awaited in its block after some time.

        Args:
            delay: seconds; None for no limit.

        Raises:
            TimeoutError: the time is over.
        """

        def __init__(self, delay: float | None) -> None:
            self._delay = delay
            self._expired = False
            self._timer: asyncio.TimerHandle | None = None

        def expired(self) -> bool:
            """Tell whether the block was cancelled because its time was over."""
            return self._expired

        def _expire(self, task: asyncio.Task[object]) -> None:
            self._expired = True
            task.cancel()

        async def __aenter__(self) -> None:
            task = asyncio.current_task()
            assert task is not None
            if self._delay is not None:
                self._timer = asyncio.get_running_loop().call_later(self._delay, self._expire, task)

        async def __aexit__(
            self, kind: type[BaseException] | None, exc: BaseException | None, _: object
        ) -> None:
            if self._timer is not None:
                self._timer.cancel()
            if self._expired and kind is asyncio.CancelledError:
                raise TimeoutError from exc
