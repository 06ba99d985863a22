"""Which sockets a coalescer may use directly, by event loop and transport."""

from __future__ import annotations

import sys
import threading
import weakref
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ._backend import Iteration

if TYPE_CHECKING:
    import asyncio

    from ._backend import Coalescer

_local = threading.local()

# The transports of uvloop whose socket may be written to while their own write buffer is empty.
WRITABLE = {("uvloop.loop", name) for name in ("TCPTransport", "UnixTransport")}


def iteration_of(loop: asyncio.AbstractEventLoop) -> Iteration:
    """Return the pending writes of a loop, shared by its connections: they leave when its iteration ends."""
    last: tuple[weakref.ref[asyncio.AbstractEventLoop], Iteration] | None = getattr(_local, "last", None)
    if last is not None and last[0]() is loop:  # nearly always: a thread has one loop
        return last[1]
    iterations: WeakKeyDictionary[asyncio.AbstractEventLoop, Iteration] | None
    iterations = getattr(_local, "iterations", None)
    if iterations is None:
        iterations = _local.iterations = WeakKeyDictionary()
    iteration = iterations.get(loop)
    if iteration is None:
        iteration = iterations[loop] = Iteration()
        _flush_when_stopped(loop, iteration)
    _local.last = weakref.ref(loop), iteration
    return iteration


def joined_of(loop: asyncio.AbstractEventLoop) -> set[Coalescer]:
    """Return the coalescers of a loop that are flushed later than at the end of its iteration."""
    joined: WeakKeyDictionary[asyncio.AbstractEventLoop, set[Coalescer]] | None
    joined = getattr(_local, "joined", None)
    if joined is None:
        joined = _local.joined = WeakKeyDictionary()
    return joined.setdefault(loop, set())


def _flush_when_stopped(loop: asyncio.AbstractEventLoop, iteration: Iteration) -> None:
    """Have a loop of asyncio flush what is pending when it stops: another iteration may never come.

    For `stop`, SystemExit and KeyboardInterrupt alike it calls this private method then; uvloop, which has no
    such method, first ends its iteration.
    """
    name = "_set_coroutine_origin_tracking"
    original: Any = getattr(type(loop), name, None)
    if original is None:
        return
    reference, coalescers = weakref.ref(loop), joined_of(loop)

    def set_tracking(enabled: bool) -> None:
        loop = reference()
        if loop is None:
            return
        original(loop, enabled)
        if loop.is_running():
            return
        for flush in (iteration.end, *(coalescer.flush for coalescer in tuple(coalescers))):
            try:
                flush()
            except Exception as exc:
                loop.call_exception_handler(
                    {"message": "writing failed when the loop stopped", "exception": exc}
                )

    setattr(loop, name, set_tracking)


def socket_of(transport: Any) -> tuple[int, bool]:
    """Return the socket of a transport without TLS, and whether it can be read from as well.

    Returns:
        (-1, False) if the transport must not be bypassed.
    """
    kind = type(transport)
    reads = can_be_bypassed(kind)  # type: ignore[arg-type]  # a class is hashable
    if not reads and (kind.__module__, kind.__name__) not in WRITABLE:
        return -1, False
    code = getattr(kind.write, "__globals__", None)
    if code is not None and code["__name__"] != kind.__module__:
        return -1, False  # `write` is replaced by code that must see what is written
    return transport.get_extra_info("socket").fileno(), reads


@cache
def can_be_bypassed(kind: type) -> bool:
    """Tell whether Stream can bypass a class of transports; if not, it calls their methods: slower."""
    known = kind.__module__ == "asyncio.selector_events" and sys.platform != "win32"
    return known and all(hasattr(kind, name) for name in ("_add_reader", "_read_ready", "_fatal_error"))
