"""What a task awaits until something has happened, and is run at once when it has."""

# Rules of a Waiter.
#
# 1. One task awaits it. What the task gets to see is a future of asyncio.
# 2. `set_result` has the loop run the task in its next iteration, as a future does.
# 3. `resume` runs the task. It must be the last thing that a callback of the loop does: then it is as if the
#    task were the next callback, and an iteration of the loop is saved. In a task, for a task that is not
#    the compiled one of asyncio, and in debug mode, where the log is to name a task that takes long, it does
#    what `set_result` does.

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any


class Waiter:
    """Waits for an event of a connection.

    Args:
        loop: the event loop.
    """

    __slots__ = ("_ended", "_future", "_loop")

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._future: Any = None  # that the task waits for; it exists when it is awaited
        self._ended = False

    def done(self) -> bool:
        """Tell whether nobody waits any more."""
        return self._ended or (self._future is not None and self._future.done())

    def set_result(self, result: None) -> None:
        """Run the task that waits in the next iteration of the loop."""
        self._ended = True
        if self._future is not None and not self._future.done():
            self._future.set_result(result)

    def resume(self) -> None:
        """Run the task that waits."""
        future = self._future
        self._ended = True
        if future is None:
            return
        found = getattr(future, "_callbacks", None)
        if type(found) is list and len(found) == 1 and not self._loop.get_debug():
            callback, context = found[0]
            if _is_task_wakeup(callback, self._loop):
                future.remove_done_callback(callback)
                future.set_result(None)
                try:
                    context.run(callback, future)
                except (SystemExit, KeyboardInterrupt) as exc:
                    self._loop.call_soon(_raise_from_loop, exc)  # uvloop would not let it through
                return
        self.set_result(None)

    # Awaiting.

    def __await__(self) -> Generator[Any, None, None]:
        if not self._ended:
            self._future = future = self._loop.create_future()
            future._asyncio_future_blocking = True
            try:
                yield future
            finally:
                self._ended = True


def _raise_from_loop(exc: BaseException) -> None:
    """End the loop with what a task has raised."""
    raise exc


def _is_task_wakeup(callback: Callable[[Any], object], loop: Any) -> bool:
    """Tell whether a callback of a future is that of a compiled task, which may run now."""
    import asyncio  # the codec alone does not need it

    if type(callback) is type(len):
        compiled = type(callback.__self__) is asyncio.Task  # type: ignore[attr-defined]
    else:
        compiled = type(callback).__name__ == "TaskWakeupMethWrapper"  # of CPython 3.10
    return compiled and asyncio.current_task(loop) is None
