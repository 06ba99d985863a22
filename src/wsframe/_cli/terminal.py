"""Lines from a person at a terminal, or from a pipe; and what is printed between them."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import sys
import unicodedata
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, TextIO

from ..accelerate.report import wants_colour

PROMPT = "> "
COLOURS = {"text": 32, "binary": 36, "pong": 35, "error": 31, "close": 33, "open": 33}
COLUMNS = 80  # of a terminal that does not say
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

    Attributes:
        interactive: whether a person types below what is printed: both streams are terminals.
        failure: why nothing can be printed any more, such as a full disk or a reader that has left.
    """

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self.paint = painter(sys.stdout)
        self.for_people = sys.stdout.isatty()
        self.interactive = self.for_people and sys.stdin.isatty()
        self.failure: OSError | None = None
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
        elif not self.json and self.interactive:
            self._print(self.paint(kind, visible(line)), sys.stdout)
        elif not self.json:
            self._print(painter(sys.stderr)(kind, visible(line)), sys.stderr)

    def end_typing(self) -> None:
        """Remove the line that is typed: the connection is closed."""
        if self.typing is not None:
            erasing, self.typing = erase(self.typing()), None
            self._write(erasing, sys.stdout)

    def _print(self, line: str, stream: TextIO) -> None:
        if self.typing is None:
            self._write(line + "\n", stream)
        else:
            typed = self.typing()
            self._write(f"{erase(typed)}{line}\n{redraw(typed)}", stream)

    def _write(self, text: str, stream: TextIO) -> None:
        try:
            stream.write(text)
            stream.flush()
        except OSError as exc:  # the first counts
            self.failure = self.failure or exc


def discard_output() -> None:
    """Let Python find nothing that it cannot write when it exits."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def has_escape_codes() -> bool:
    """Tell whether the terminal knows more than characters and line breaks."""
    return os.environ.get("TERM", "dumb") not in ("", "dumb")


def erase(typed: str) -> str:
    """Return what removes the prompt and what has been typed, on all of its rows."""
    if not has_escape_codes():
        return "\n"
    rows = _cells(PROMPT + typed) // _columns()
    return (f"\x1b[{rows}A" if rows else "") + "\r\x1b[J"


def redraw(typed: str) -> str:
    """Return the prompt and what has been typed; the cursor is where readline expects it: behind."""
    full = _cells(PROMPT + typed) % _columns() == 0
    return PROMPT + typed + (" \r" if full and has_escape_codes() else "")  # to the next row


def _cells(text: str) -> int:
    """Count the columns that a text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or COLUMNS
    except OSError:
        return COLUMNS


async def lines_of(output: Output, closed: asyncio.Future[Any]) -> AsyncGenerator[str, None]:
    """Read lines from standard input, up to its end or that of the connection.

    A line is read when it is asked for, so that there is no prompt behind the last one.
    """
    loop, wanted = asyncio.get_running_loop(), SimpleQueue["asyncio.Future[str | None] | None"]()
    ended = Event()
    read = _typed(output, ended) if output.interactive else _piped()

    def deliver(line: asyncio.Future[str | None], text: str | None) -> None:
        if not line.done():  # nobody waits for it after the end of the connection
            line.set_result(text)

    def work() -> None:
        while (line := wanted.get()) is not None and not ended.is_set():
            text = None
            with suppress(EOFError, OSError, ValueError):
                text = read()
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(deliver, line, text)

    # A daemon: a thread that waits for a terminal cannot be stopped.
    Thread(target=work, name="wsframe input", daemon=True).start()
    with _terminal_restored(ended):
        try:
            while True:
                line = loop.create_future()
                wanted.put(line)
                await asyncio.wait([line, closed], return_when=asyncio.FIRST_COMPLETED)
                if not line.done() or line.result() is None:
                    return
                yield line.result()
        finally:
            ended.set()
            wanted.put(None)
            output.end_typing()


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


def _typed(output: Output, ended: Event) -> Callable[[], str]:
    """Return what reads a line with the history and the keys of readline, where Python has it."""
    try:
        import readline
    except ImportError:  # Windows
        return lambda: input(PROMPT)
    file = Path.home() / ".wsframe_history"
    with suppress(OSError):
        readline.read_history_file(file)
    readline.set_history_length(HISTORY)

    def prompted() -> None:  # only now there is something to erase
        output.typing = readline.get_line_buffer
        if ended.is_set():
            output.end_typing()

    if hasattr(readline, "set_pre_input_hook"):
        readline.set_pre_input_hook(prompted)

    def read() -> str:
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
