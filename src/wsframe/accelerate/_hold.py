"""Writes that leave together: for hosts that write each message of a read by itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from time import monotonic
from typing import Any

from .._backend import Cork

# Whether writes are held back at all.
ENABLED = os.environ.get("WSFRAME_COALESCE") != "0"

# Bytes that are held back at most: as many as a transport of asyncio buffers before it asks for a pause.
HOLD_SIZE = 2**16
# Seconds after which a write that waits leaves with the next one, and the others of the turn when they come.
# There is no timer: with no next one it waits for the end of the turn.
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


# What may be asked of a transport without an effect on what is written to it.
_HARMLESS = frozenset({"get_extra_info", "is_closing", "is_reading", "pause_reading", "resume_reading"})


def hold(transport: Any, loop: asyncio.AbstractEventLoop, *places: tuple[Any, str], turns: int = 0) -> None:
    """Have what is written to a transport leave in one write, when all that is due by now has run.

    It is for a read that brought many messages, and to be called when the first of them is on its way to the
    application: the answers to it and to the others are written before the hold ends, also where tasks are
    made to give them.

    Args:
        transport: of asyncio or of uvloop.
        loop: the transport's.
        places: the owners and names of all attributes through which the transport is written to or closed.
            One of uvloop cannot be held but there.
        turns: of the loop that the hold lasts longer, when messages of the read are still to come. A call for
            a transport that is held has it last so long from now on.
    """
    if not ENABLED:
        return
    held: Any = getattr(transport.write, "__self__", None)
    if isinstance(held, Hold):
        held.turns = max(held.turns, turns)
        return
    state = getattr(transport, "__dict__", None)
    if state is not None:
        if "write" in state:
            return
        held = Hold(transport)
        state.update({name: getattr(held, name) for name in _DIVERTED})
    elif places and all(getattr(owner, name) is transport for owner, name in places):
        held = StandIn(transport, places)
        for owner, name in places:
            setattr(owner, name, held)
    else:
        return
    held.turns = turns
    loop.call_soon(held.end, loop)


class Hold(Cork):
    """Stands before a transport for a turn of the loop. Whatever is asked of the transport besides finds it
    as if nothing had been held back."""

    def __init__(self, transport: Any) -> None:
        super().__init__(transport.write, HOLD_SIZE, HOLD_TIME)
        self._transport = transport
        self.turns = 0  # of the loop, until it ends

    def end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Release it, but for turns to come; and let tasks that were just made have their turn."""
        if self.turns:
            self.turns -= 1
            self.open = False
            if len(self) and monotonic() > self.until - HOLD_TIME / 2:
                self.flush()  # in the next turn it would be late
            loop.call_soon(self.end, loop)
        elif len(self):
            self.release()
        else:
            loop.call_soon(self.release)

    def release(self) -> None:
        """Write what was held, and leave; who has kept this writes at once from now on."""
        self._leave()
        self.turns = 0
        self.draw()

    def _leave(self) -> None:
        state = vars(self._transport)
        for name in _DIVERTED:
            if getattr(state.get(name), "__self__", None) is self:
                del state[name]

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


class StandIn(Hold):
    """Stands where a transport is kept, for one that is written in C."""

    def __init__(self, transport: Any, places: Iterable[tuple[Any, str]]) -> None:
        super().__init__(transport)
        self._places = places

    def __getattr__(self, name: str) -> Any:
        if name not in _HARMLESS:
            self.release()
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        closing: bool = self._transport.is_closing()
        return closing

    def flush(self) -> None:
        if self._transport.is_closing():  # lost: uvloop raises where asyncio drops what is written
            self.drop()
        super().flush()

    def _leave(self) -> None:
        for owner, name in self._places:
            if getattr(owner, name) is self:
                setattr(owner, name, self._transport)
