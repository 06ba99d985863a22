"""asyncio, as the modules of hypercorn that serve on it find it here."""

from __future__ import annotations

import asyncio
from typing import Any

from ...._backend import Watch
from ...host import Host
from . import HOST
from .bypassed import QUEUE

watched: Watch = HOST.watch(QUEUE)


class Queue(asyncio.Queue[Any]):
    """A queue that takes fewer steps where nobody has to wait."""

    async def get(self) -> Any:
        if not self._queue or not watched.holds():  # type: ignore[attr-defined]
            return await super().get()
        item = self._queue.popleft()  # type: ignore[attr-defined]
        if self._putters:  # type: ignore[attr-defined]
            self._wakeup_next(self._putters)  # type: ignore[attr-defined]
        return item


def asyncio_of(_original: Any, _: Host) -> Any:
    """It is what the modules of hypercorn find as `asyncio`."""
    return Asyncio()


class Asyncio:
    """asyncio, with shorter ways to wait."""

    Queue = Queue

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    def wait_for(awaitable: Any, timeout: float | None) -> Any:
        return awaitable if timeout is None else asyncio.wait_for(awaitable, timeout)
