"""A stream of tornado: a write that its socket takes at once, and the future of one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

WHOLE_WRITE_LIMIT = 2**16  # bytes that the socket may well take whole


def try_send_whole(stream: Any, frame: bytes) -> bool:
    """Try to send a frame at once; return whether all of it was sent.

    If not, the first `write_to_fd` of the stream then returns how much was sent, or raises the error.
    """
    outcome: Any
    try:
        outcome = stream.socket.send(frame)
    except OSError as exc:
        outcome = exc
    if outcome == len(frame):
        stream._total_write_index += outcome
        stream._total_write_done_index += outcome
        return True

    def write_to_fd(data: Any) -> Any:
        nonlocal outcome
        del stream.write_to_fd, data
        if isinstance(outcome, int):
            return outcome
        try:
            raise outcome
        finally:
            outcome = None  # its traceback leads here

    stream.write_to_fd = write_to_fd
    return False


async def written(future: Any) -> None:
    """Wait for a write of a stream."""
    from tornado.iostream import StreamClosedError
    from tornado.websocket import WebSocketClosedError

    try:
        await future
    except StreamClosedError:
        raise WebSocketClosedError()  # noqa: B904


def end_of_iteration(io_loop: Any) -> asyncio.Future[None]:
    """Make a future that is set in the next iteration of the loop, when a task would be done."""
    future: asyncio.Future[None] = io_loop.asyncio_loop.create_future()
    set_later(io_loop, [future])
    return future


def set_later(io_loop: Any, futures: Iterable[asyncio.Future[None]]) -> None:
    """Set futures in the next iteration of the loop."""
    waiting = vars(io_loop).setdefault("_wsframe_written", [])
    if not waiting:
        io_loop.asyncio_loop.call_soon(set_all, waiting)
    waiting.extend(futures)


def set_all(waiting: list[asyncio.Future[None]]) -> None:
    """Set the futures of an iteration."""
    for future in waiting:
        if not future.done():
            future.set_result(None)
    waiting.clear()
