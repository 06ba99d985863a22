"""Writes that leave together."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any


class Cork:
    """Holds back what is written, to write it at once.

    Args:
        write: takes what leaves, bytes.
        size: bytes that are held back at most.
        seconds: how long the first piece waits; the next one after that takes it along, and ends the waiting.
    """

    def __init__(self, write: Callable[[Any], object], size: int, seconds: float) -> None:
        self._pieces: list[bytes] = []
        self._held = 0
        self._size = size
        self._seconds = seconds
        self.until = 0.0  # what is held back may wait
        self._out = write
        self.open = False  # nothing is held back

    def __len__(self) -> int:
        return len(self._pieces)

    def write(self, data: Any) -> None:
        """Hold data back; what is not bytes may change, or be an error, and is written at once."""
        if self.open or type(data) is not bytes:
            self.flush()
            self._out(data)
            return
        now = monotonic()
        if not self._pieces:
            self.until = now + self._seconds
        self._pieces.append(data)
        self._held += len(data)
        if now > self.until:
            self.draw()
        elif self._held > self._size:
            self.flush()

    def draw(self) -> None:
        """Write what was held back, and hold back no more."""
        self.open = True
        self.flush()

    def flush(self) -> None:
        """Write what was held back."""
        if self._pieces:
            data = b"".join(self._pieces)
            self.drop()
            self._out(data)

    def drop(self) -> None:
        """Forget what was held back."""
        self._pieces.clear()
        self._held = 0
