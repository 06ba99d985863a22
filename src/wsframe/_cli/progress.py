"""One line on a terminal that is written again and again, without a command of terminals but the return."""

from __future__ import annotations

import os
import sys

WIDTH = 80  # of a terminal that does not say


class Progress:
    """Writes to standard error if it is a terminal, and nothing otherwise."""

    def __init__(self) -> None:
        self._shown = 0
        self._terminal = sys.stderr.isatty()

    def show(self, line: str) -> None:
        """Replace the line, cut to the width: one that is folded could not be replaced."""
        if self._terminal:
            room = _width() - 1
            line = line[:room]
            print(f"\r{line.ljust(min(self._shown, room))}", end="", file=sys.stderr, flush=True)
            self._shown = len(line)

    def clear(self) -> None:
        """Leave an empty line, with the cursor at its start."""
        if self._shown:
            self.show("")
            print("\r", end="", file=sys.stderr, flush=True)


def _width() -> int:
    try:
        return max(2, os.get_terminal_size(sys.stderr.fileno()).columns or WIDTH)
    except (OSError, ValueError):
        return WIDTH
