"""Writes that leave together: for hosts that write each message of a read by itself."""

from __future__ import annotations

import asyncio
import os
from time import monotonic
from typing import Any

# Whether writes are held back at all.
ENABLED = os.environ.get("WSFRAME_COALESCE") != "0"

# Bytes that are held back at most: as many as a transport of asyncio buffers before it asks for a pause.
HOLD_SIZE = 2**16
# Seconds for which a write waits for others: in a turn that takes longer each leaves when it comes.
HOLD_TIME = 0.001

_DIVERTED = (
    "abort",
    "close",
    "get_write_buffer_size",
    "set_write_buffer_limits",
    "write",
    "write_eof",
    "writelines",
)


def hold(transport: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Have what is written to a transport leave in one write, when all that is due by now has run.

    It is for a read that brought many messages, and to be called when the first of them is on its way to the
    application: the answers to it and to the others are written before the hold ends, also where tasks are
    made to give them. A transport of uvloop does the same by itself, and is left alone.
    """
    state = getattr(transport, "__dict__", None) if ENABLED else None
    if state is not None and "write" not in state:
        held = Hold(transport)
        state.update({name: getattr(held, name) for name in _DIVERTED})
        loop.call_soon(held.end, loop)


class Hold:
    """Stands before a transport for a turn of the loop. Whatever is asked of the transport besides finds it
    as if nothing had been held back."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._write = transport.write
        self._pieces: list[bytes] = []
        self._size = 0
        self._until = 0.0
        self._late = False  # it took too long: no more waiting

    def end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Release it, but let tasks that were just made have their turn."""
        if self._pieces:
            self.release()
        else:
            loop.call_soon(self.release)

    def release(self) -> None:
        """Write what was held, and leave."""
        state = vars(self._transport)
        for name in _DIVERTED:
            if getattr(state.get(name), "__self__", None) is self:
                del state[name]
        self._flush()

    def _flush(self) -> None:
        if self._pieces:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            self._write(data)

    def write(self, data: Any) -> None:
        if self._late or type(data) is not bytes:  # it may change later, or be an error
            self._flush()
            self._write(data)
            return
        now = monotonic()
        if not self._pieces:
            self._until = now + HOLD_TIME
        self._pieces.append(data)
        self._size += len(data)
        if now > self._until:
            self._late = True
            self._flush()
        elif self._size > HOLD_SIZE:
            self._flush()

    def writelines(self, data: Any) -> None:
        self.release()
        self._transport.writelines(data)

    def write_eof(self) -> None:
        self.release()
        self._transport.write_eof()

    def close(self) -> None:
        self.release()
        self._transport.close()

    def abort(self) -> None:
        self.release()
        self._transport.abort()

    def get_write_buffer_size(self) -> int:
        self.release()
        size: int = self._transport.get_write_buffer_size()
        return size

    def set_write_buffer_limits(self, *args: Any, **kwargs: Any) -> None:
        self.release()
        self._transport.set_write_buffer_limits(*args, **kwargs)
