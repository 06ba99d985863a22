"""The memory and the file descriptors of a process, as Linux reports them."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from statistics import median

# A soak has parts, each of which ends with all connections closed and what is free given back.  The first
# fills caches and heaps.  Since then memory must not have grown by more than so many bytes, both after the
# last part and after the one before, as one alone may be a chance:
# - at rest: a leak of 20 bytes a message, or of 1500 a connection, is more, in ten minutes; less is what the
#   heaps of a hundred threads keep by chance;
# - at work, where some connections live through a part.
AT_REST = 2.5 * 2**20
AT_WORK = 4 * 2**20
AT_WORK_TOO = 0.08  # of the memory in use
LOST = 1.25 * 2**20  # for each connection that the library as it is keeps


class Watch:
    """Follows the memory of a process through the parts of a soak.

    Attributes:
        at_rest: bytes held at the end of each part.
        at_work: bytes held in the second half of each part.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._samples: list[int] = []
        self.at_rest: list[float] = []
        self.at_work: list[float] = []

    async def run(self, every: float) -> None:
        """Sample for ever."""
        while True:
            self._samples.append(memory(self._pid))
            await asyncio.sleep(every)

    def end_of_work(self) -> None:
        """Take note that the load of a part is over."""
        self.at_work.append(median(self._samples[len(self._samples) // 2 :] or [0]))
        self._samples.clear()

    def end_of_part(self) -> None:
        """Take note that all is closed, and given back."""
        self.at_rest.append(memory(self._pid))

    def grew(self, lost: int = 0) -> bool:
        return grew(self.at_rest, self.at_work, lost)


def grew(at_rest: list[float], at_work: list[float], lost: int = 0) -> bool:
    """Return whether a process used more memory after the last parts than after the first."""
    allowed = LOST * lost
    return (
        min(at_rest[-2:]) - at_rest[0] > AT_REST + allowed
        or min(at_work[-2:]) - at_work[0] > AT_WORK + AT_WORK_TOO * at_work[0] + allowed
    )


def memory(pid: int) -> int:
    """The bytes a process allocated and that are in memory: files mapped into it are not its own."""
    try:
        held = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except FileNotFoundError:
        held = None
    return int(held[1]) * 1024 if held else 0  # it has ended


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
