"""Sending what takes more than one step: messages in order, in fragments, or compressed in steps."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .._backend import Stream
from .._spec import LARGE_MESSAGE, CloseCode
from ..connection import (
    ConnectionClosed,
    FragmentsAs,
    SansIOConnection,
    as_kind,
    check_fragment,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Bytes of a large message, or characters, that are compressed in one step.
STEP_SIZE = 2**16

if not inspect.iscoroutinefunction(Stream.send):  # the compiled one
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(Stream.send)
    elif not asyncio.iscoroutinefunction(Stream.send):  # 3.11; nothing convinces that of inspect
        marked: Any = Stream.send
        marked._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]


class _PendingSend:
    """A message in `_send_in_order` that is not sent yet.

    Attributes:
        message: a whole message or its fragments.
        frames: yields the frame of a whole message, and empty bytes before it where the loop may run;
            None for a message in fragments.
        done: `_write_pending_sends` has sent it.
        error: the exception of `_write_pending_sends`.
    """

    __slots__ = ("done", "error", "frames", "message")

    def __init__(self, message: Any, frames: Generator[bytes] | None) -> None:
        self.message = message
        self.frames = frames
        self.done = False
        self.error: Exception | None = None


class Sender(Stream):
    """The slow paths of sending: a queue of the messages whose `send` has to wait.

    Rules:
    1. Messages are sent in the order of the first steps of their `send`: those in `_send_queue` wait for
       `_send_lock`, and `_pending_sends` counts them.
    2. `_write_pending_sends` writes whole messages without the lock: before a `send_nowait`, a
       `broadcast` or a Close. Their `send` then has nothing left to write.
    3. Between two fragments of a message `protocol.fragmenting` is true, and no other message can be written.
    """

    __slots__ = ("_send_lock", "_send_queue")

    def __init__(self) -> None:
        super().__init__()
        self._send_queue: list[_PendingSend] = []  # the messages in `_send_in_order`
        self._send_lock: asyncio.Lock | None = None  # made for the first send on the slow path

    # What a subclass has to do.

    @property
    def protocol(self) -> SansIOConnection:
        """The connection without I/O."""
        raise NotImplementedError

    async def drain(self) -> None:
        raise NotImplementedError

    def _start_closing(self, code: int, reason: str = "") -> None:
        """Send a Close, after the pending sends."""
        raise NotImplementedError

    # The hooks of Stream.

    def _encode_message(self, message: str | Buffer) -> bytes:
        return self.protocol.send(message)

    async def _send_as(self, message: Any, text: bool) -> None:
        if isinstance(message, AsyncIterable):
            message = _each_as(message, text)
        elif isinstance(message, Iterable) and not is_whole(message):
            message = _each_of_list_as(message, text)
        else:
            message = as_kind(message, text)
        await self.send(message)

    async def _send_slow_path(self, message: Any) -> None:
        try:
            await self._send_in_order(message)
        except ConnectionClosed as exc:
            await self._send_failed(exc)
        if self.congested:
            await self.drain()

    def _finish_pending_sends(self) -> None:
        if not self._write_pending_sends():
            raise RuntimeError("a fragmented message is being sent")

    # Messages in order.

    async def _send_in_order(self, message: Any, before: Callable[[], Awaitable[None]] | None = None) -> None:
        """Send a message after those whose `send` was awaited before.

        Args:
            message: as for `send`.
            before: awaited when all earlier messages are sent.
        """
        whole = is_whole(message) or not isinstance(message, (AsyncIterable, Iterable))
        if whole and not isinstance(message, str):
            check_buffer(message)
        pending = _PendingSend(message, self._frames_of(message) if whole else None)
        self._send_queue.append(pending)
        self._pending_sends += 1
        if self._send_lock is None:
            self._send_lock = asyncio.Lock()
        try:
            async with self._send_lock:  # in the order of the calls
                if before is not None and not pending.done:
                    await before()
                if pending.frames is None:
                    self.protocol.check_open()
                    await self._send_fragments(message)
                else:
                    for frame in pending.frames:  # empty if `_write_pending_sends` has written it
                        if frame:
                            self._write(frame)
                        else:
                            await asyncio.sleep(0)
                if pending.error is not None:
                    raise pending.error
        finally:
            self._pending_sends -= 1
            self._send_queue.remove(pending)

    def _frames_of(self, message: str | Buffer) -> Generator[bytes]:
        """Encode a whole message on the first `next`; a large one in steps that yield empty bytes."""
        if _is_large(message) and not self._encodes_directly:
            yield from self.protocol.send_in_steps(message)
        else:
            yield self._encode_message(message)

    def _write_pending_sends(self) -> bool:
        """Write the whole messages of pending sends at once; return whether no pending send is left.

        Large messages are not compressed here, because this does not yield to the loop.
        """
        for pending in self._send_queue:
            if pending.frames is None or self.protocol.fragmenting:
                return False  # the fragments are not all known yet
            if pending.done:
                continue
            pending.done = True
            pending.frames.close()
            message = pending.message
            try:
                self._write(
                    self.protocol.send_uncompressed(message)
                    if _is_large(message)
                    else self._encode_message(message)
                )
            except Exception as exc:
                pending.error = exc  # raised by that `send`
        return True

    # Fragments.

    async def _send_fragments(self, message: Any) -> None:
        """Send each fragment: those of an asynchronous iterable at once, and then an empty one that ends
        the message; others when the next one is known, so that the last one ends it.
        """
        protocol = self.protocol
        at_once = isinstance(message, AsyncIterable)
        fragments = message if at_once else _each(message)
        last: str | Buffer | None = None
        try:
            async for fragment in fragments:
                check_fragment(fragment, last)
                sent = fragment if at_once else last
                last = fragment
                if sent is not None:
                    await self._send_fragment(sent, final=False)
            if last is not None:
                end: str | bytes = "" if isinstance(last, str) else b""
                await self._send_fragment(end if at_once else last, final=True)
        except BaseException:
            if protocol.fragmenting:  # a part of a message has been sent
                self._start_closing(CloseCode.INTERNAL_ERROR, "fragmented message not finished")
            raise

    async def _send_fragment(self, fragment: str | Buffer, *, final: bool) -> None:
        """Send a fragment; compress a large one in steps, as several frames, between which the loop runs."""
        if _is_large(fragment) and self.protocol.compresses:
            whole = fragment if isinstance(fragment, str) else memoryview(fragment).cast("B")
            while len(whole) > STEP_SIZE:
                self._write(self.protocol.send_fragment(whole[:STEP_SIZE], final=False))
                await self.drain()
                await asyncio.sleep(0)
                whole = whole[STEP_SIZE:]
            fragment = whole
        self._write(self.protocol.send_fragment(fragment, final=final))
        await self.drain()


def is_whole(message: object) -> bool:
    """Tell whether this is a message, or an object that can be none, rather than fragments."""
    return isinstance(message, (str, bytes, bytearray, memoryview, dict))


def check_buffer(message: Any) -> None:
    """Check that a message that is neither str nor iterable is bytes-like."""
    try:
        memoryview(message).release()
    except TypeError:
        kind = type(message).__name__
        raise TypeError(
            f"message must be str, bytes-like or an iterable of one of them, not {kind}"
        ) from None


def _is_large(message: object) -> bool:
    """Tell whether this is a message to compress in steps."""
    return is_whole(message) and len(message) >= LARGE_MESSAGE  # type: ignore[arg-type]


async def _each(fragments: Iterable[str | Buffer]) -> AsyncIterator[str | Buffer]:
    for fragment in fragments:
        yield fragment


async def _each_as(fragments: AsyncIterable[str | Buffer], text: bool) -> AsyncIterator[str | Buffer]:
    """Yield fragments as text or binary ones."""
    kind = FragmentsAs(text)
    async for fragment in fragments:
        yield kind.convert(fragment)
    kind.end()


def _each_of_list_as(fragments: Iterable[str | Buffer], text: bool) -> Iterator[str | Buffer]:
    """Yield fragments as text or binary ones."""
    kind = FragmentsAs(text)
    for fragment in fragments:
        yield kind.convert(fragment)
    kind.end()
