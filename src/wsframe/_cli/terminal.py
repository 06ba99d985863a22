"""Lines from a person at a terminal, or from a pipe; and what is printed between them."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from threading import Event, Thread
from typing import Any, TextIO

from ..accelerate.report import wants_colour

PROMPT = "> "
COLOURS = {"text": 32, "binary": 36, "pong": 35, "error": 31, "close": 33, "open": 33}
ERASE_LINE = "\r\x1b[K"
HISTORY = 1000  # lines
LONGEST = 4000  # characters of a message on a terminal


def painter(stream: TextIO) -> Callable[[str, str], str]:
    """Return what colours a line by its kind."""
    coloured = wants_colour(stream)
    return lambda kind, line: f"\x1b[{COLOURS[kind]}m{line}\x1b[0m" if coloured and kind in COLOURS else line


def visible(text: str) -> str:
    """Return what a terminal may show of the text of a peer: not one of its characters is a command."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode()
        for char in text
    )


def shortened(text: str) -> str:
    """Return the start of a text that would fill screens."""
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} ... ({len(text) - LONGEST:,} characters more; a pipe gets all)"


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
        self.for_people = sys.stdout.isatty()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # what its encoding lacks is no error
                stream.reconfigure(errors="backslashreplace")
        self.typing: Callable[[], str] | None = None  # returns what has been typed of a line

    def show(self, kind: str, line: str, **facts: Any) -> None:
        """Print a message."""
        if self.json:
            line = json.dumps({"type": kind, **facts}, ensure_ascii=False)
        shown = visible(line) if self.for_people else line
        if not self.json:
            shown = shortened(shown) if self.for_people else shown
            shown = self.paint(kind, ("< " if self.interactive else "") + shown)
        self._print(shown, sys.stdout)

    def note(self, kind: str, line: str, **facts: Any) -> None:
        """Print what is no message: on standard error, unless it is an object among others."""
        if self.json and kind:
            self.show(kind, line, **facts)
        elif not self.json:
            self._print(self.paint(kind, visible(line)), sys.stdout if self.interactive else sys.stderr)

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
    read = _typed(output) if output.interactive else _piped()
    ended = Event()

    def put(line: str | None) -> None:
        with suppress(RuntimeError):  # the loop is closed
            asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()

    def work() -> None:
        with suppress(EOFError, OSError, ValueError):
            while not ended.is_set():
                put(read())
        put(None)

    # A daemon: a thread that waits for a terminal cannot be stopped.
    Thread(target=work, name="wsframe input", daemon=True).start()
    with _terminal_restored(ended):
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


def _piped() -> Callable[[], str]:
    """Return what reads a line; messages are UTF-8 (RFC 6455, 5.6), whatever the locale is."""
    # Not sys.stdin: its lock, held by a thread that waits, would end Python with an abort.
    descriptor, pending = sys.stdin.fileno(), bytearray()

    def read() -> str:
        start = 0
        while (end := pending.find(b"\n", start)) < 0:
            start = len(pending)
            data = os.read(descriptor, 2**16)
            if not data and not pending:
                raise EOFError
            pending.extend(data or b"\n")
        line = bytes(pending[:end])
        del pending[: end + 1]
        return line.decode("utf-8", "surrogateescape").removesuffix("\r")

    return read


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
def _terminal_restored(ended: Event) -> Iterator[None]:
    """Leave a terminal as it was: readline does so only at the end of a line.

    Args:
        ended: is set at the end; the thread that reads may just then begin a line, so that the terminal
            is restored once more when Python exits.
    """
    try:
        import termios

        before = termios.tcgetattr(sys.stdin.fileno())
    except Exception:  # Windows, or no terminal
        yield
        ended.set()
        return

    def restore() -> None:
        with suppress(termios.error, OSError, ValueError):
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)

    try:
        yield
    finally:
        ended.set()
        restore()
        atexit.register(restore)
