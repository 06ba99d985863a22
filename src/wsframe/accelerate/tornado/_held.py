"""Frames that leave together: the answers to the messages of one read.

They wait on the stream while these messages are handled one after the other, and until something has to be
waited for, the stream is written to or closed by others, or it takes too long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any

from ..._backend import Cork
from .._hold import ENABLED, HOLD_SIZE, HOLD_TIME
from ._stream import sent_whole, set_later, written

HELD = "_wsframe_held"  # where a stream has what is held of it


def hold(stream: Any) -> None:
    """Have the frames that come from now on leave in one write."""
    if ENABLED and HELD not in vars(stream):
        Held(stream)


def release(stream: Any) -> None:
    """Write what was held."""
    held = vars(stream).get(HELD)
    if held is not None:
        held.release()


class Held:
    """What is held of one stream."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._loop = stream.io_loop.asyncio_loop
        self._cork = Cork(self._send, HOLD_SIZE, HOLD_TIME)
        self._futures: list[asyncio.Future[None]] = []
        vars(stream).update({HELD: self, "close": self.close, "write": self.write})
        self._loop.call_soon(self.release)

    def add(self, frame: bytes) -> asyncio.Future[None]:
        """Hold a frame; the future tells that it was written."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._futures.append(future)
        self._cork.write(frame)
        return future

    def close(self, *args: Any, **kwargs: Any) -> None:
        self.release()
        self._stream.close(*args, **kwargs)

    def write(self, data: Any) -> Any:
        self.release()
        return self._stream.write(data)

    def release(self) -> None:
        """Write what was held, and hold no more."""
        state = vars(self._stream)
        if state.get(HELD) is self:
            del state[HELD], state["close"], state["write"]
            self._cork.draw()

    def _send(self, data: bytes) -> None:
        futures, self._futures = self._futures, []
        if sent_whole(self._stream, data):
            set_later(self._stream.io_loop, futures)
        else:
            task = asyncio.ensure_future(written(self._stream.write(data)))
            task.add_done_callback(partial(pass_on, futures))


def pass_on(futures: Iterable[asyncio.Future[None]], task: asyncio.Future[None]) -> None:
    """Tell those who wait how it ended."""
    exc = asyncio.CancelledError() if task.cancelled() else task.exception()
    for future in futures:
        if future.done():
            continue
        if exc is None:
            future.set_result(None)
        else:
            future.set_exception(exc)
            future.exception()  # who does not wait need not hear of it
