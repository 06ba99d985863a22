"""Messages for people, in colour on a terminal."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from textwrap import fill
from typing import TextIO

BOLD, DIM, GREEN, YELLOW = 1, 2, 32, 33


def wants_colour(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal that shows colours, unless NO_COLOR or FORCE_COLOR decides."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def painted(words: str, colour: int) -> str:
    """Give words a colour."""
    return f"\x1b[{colour}m{words}\x1b[0m"


def say(text: str, colour: int = YELLOW) -> None:
    """Write one line to standard error, if there is one; a terminal gets it folded."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):  # closed
            mark = painted("wsframe:", colour) if wants_colour(sys.stderr) else "wsframe:"
            print(folded(f"wsframe: {text}", sys.stderr).replace("wsframe:", mark, 1), file=sys.stderr)


def folded(line: str, stream: TextIO) -> str:
    """Break a line where a terminal would, but between words."""
    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):  # no terminal
        return line
    return (
        fill(line, width, subsequent_indent="  ", break_on_hyphens=False) if 2 < width < len(line) else line
    )
