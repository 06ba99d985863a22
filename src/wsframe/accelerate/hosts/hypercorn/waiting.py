"""What hypercorn's modules get as `asyncio`: with a faster queue, and no timer without a time-out."""

from __future__ import annotations

import asyncio
from typing import Any

from ...._backend import Watch
from ...host import Host
from . import HOST
from .bypassed import QUEUE

watched: Watch = HOST.watch(QUEUE)


class Queue(asyncio.Queue[Any]):
    """A queue whose `get` takes fewer steps if it has an item."""

    async def get(self) -> Any:
        if not self._queue or not watched.holds():  # type: ignore[attr-defined]
            return await super().get()
        item = self._queue.popleft()  # type: ignore[attr-defined]
        if self._putters:  # type: ignore[attr-defined]
            self._wakeup_next(self._putters)  # type: ignore[attr-defined]
        return item


def asyncio_of(_original: Any, _: Host) -> Any:
    """Replace the name `asyncio` in a module of hypercorn."""
    return Asyncio()


class Asyncio:
    """The module asyncio, except for what is defined here."""

    Queue = Queue

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    def wait_for(awaitable: Any, timeout: float | None) -> Any:
        return awaitable if timeout is None else asyncio.wait_for(awaitable, timeout)
