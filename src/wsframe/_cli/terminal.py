"""Lines from a person at a terminal, or from a pipe; and what is printed between them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, TextIO

from ..accelerate.report import wants_colour

PROMPT = "> "
COLOURS = {"text": 32, "binary": 36, "pong": 35, "error": 31, "close": 33, "open": 33}
ERASE_LINE = "\r\x1b[K"
HISTORY = 1000  # lines


def painter(stream: TextIO) -> Callable[[str, str], str]:
    """Return what colours a line by its kind."""
    coloured = wants_colour(stream)
    return lambda kind, line: f"\x1b[{COLOURS[kind]}m{line}\x1b[0m" if coloured and kind in COLOURS else line


class Output:
    """What is printed: messages to standard output; all else there, too, on a terminal and as JSON.

    Args:
        json: one object a line.
        paint: colours a line by its kind.
        interactive: whether a person types at the bottom of the screen.

    Attributes:
        broken: whether nobody reads any more.
    """

    def __init__(self, *, json: bool, paint: Callable[[str, str], str], interactive: bool) -> None:
        self.json = json
        self.paint = paint
        self.interactive = interactive
        self.broken = False
        self.typing: Callable[[], str] | None = None  # returns what has been typed of a line

    def show(self, kind: str, line: str, **facts: Any) -> None:
        """Print a message."""
        if self.json:
            line = json.dumps({"type": kind, **facts}, ensure_ascii=False)
        else:
            line = self.paint(kind, ("< " if self.interactive else "") + line)
        self._print(line, sys.stdout)

    def note(self, kind: str, line: str, **facts: Any) -> None:
        """Print what is no message: on standard error, unless it is an object among others."""
        if self.json and kind:
            self.show(kind, line, **facts)
        elif not self.json:
            self._print(self.paint(kind, line), sys.stdout if self.interactive else sys.stderr)

    def _print(self, line: str, stream: TextIO) -> None:
        try:
            if self.typing is not None:
                print(f"{ERASE_LINE}{line}\n{PROMPT}{self.typing()}", end="", file=stream, flush=True)
            else:
                print(line, file=stream, flush=True)
        except BrokenPipeError:
            self.broken = True


async def lines_of(output: Output, closed: asyncio.Future[Any]) -> AsyncIterator[str]:
    """Read lines from standard input, up to its end or that of the connection."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None](1)
    read = _typed(output) if output.interactive else _piped

    def put(line: str | None) -> None:
        with suppress(RuntimeError):  # the loop is closed
            asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()

    def work() -> None:
        with suppress(EOFError, OSError, ValueError):
            while True:
                put(read())
        put(None)

    # A daemon: a thread that waits for a terminal cannot be stopped.
    Thread(target=work, name="wsframe input", daemon=True).start()
    with _terminal_restored():
        while True:
            line = asyncio.ensure_future(lines.get())
            await asyncio.wait([line, closed], return_when=asyncio.FIRST_COMPLETED)
            if not line.done():
                line.cancel()
                return
            found = line.result()
            if found is None:
                return
            yield found


def _piped() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\r\n")


def _typed(output: Output) -> Callable[[], str]:
    """Return what reads a line with the history and the keys of readline, where Python has it."""
    try:
        import readline
    except ImportError:  # Windows
        return lambda: input(PROMPT)
    file = Path.home() / ".wsframe_history"
    with suppress(OSError):
        readline.read_history_file(file)
    readline.set_history_length(HISTORY)

    def read() -> str:
        output.typing = readline.get_line_buffer
        try:
            line = input(PROMPT)
        finally:
            output.typing = None
        with suppress(OSError):
            readline.write_history_file(file)
            file.chmod(0o600)
        return line

    return read


@contextmanager
def _terminal_restored() -> Iterator[None]:
    """Leave a terminal as it was: readline does so only at the end of a line."""
    try:
        import termios

        before = termios.tcgetattr(sys.stdin.fileno())
    except Exception:  # Windows, or no terminal
        yield
        return
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)
