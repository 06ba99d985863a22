"""Frames that leave together: the answers to the messages of one read.

They wait on the stream while these messages are handled one after the other, and until something has to be
waited for, the stream is written to or closed by others, or it takes too long.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

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
        self._frames: list[bytes] = []
        self._futures: list[asyncio.Future[None]] = []
        self._size = 0
        self._until = monotonic() + HOLD_TIME
        vars(stream).update({HELD: self, "close": self.close, "write": self.write})
        self._loop.call_soon(self.release)

    def add(self, frame: bytes) -> asyncio.Future[None]:
        """Hold a frame; the future tells that it was written."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._frames.append(frame)
        self._futures.append(future)
        self._size += len(frame)
        if self._size > HOLD_SIZE or monotonic() > self._until:
            self.release()
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
        if state.get(HELD) is not self:
            return
        del state[HELD], state["close"], state["write"]
        if not self._frames:
            return
        data = b"".join(self._frames)
        if sent_whole(self._stream, data):
            set_later(self._stream.io_loop, self._futures)
        else:
            asyncio.ensure_future(written(self._stream.write(data))).add_done_callback(self._pass_on)

    def _pass_on(self, task: asyncio.Future[None]) -> None:
        """Tell those who wait how it ended."""
        exc = asyncio.CancelledError() if task.cancelled() else task.exception()
        for future in self._futures:
            if future.done():
                continue
            if exc is None:
                future.set_result(None)
            else:
                future.set_exception(exc)
                future.exception()  # who does not wait need not hear of it
