"""What a process holds: memory and file descriptors, as Linux tells them."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from statistics import median

# Memory may grow by so much from the second fifth of a run to the last: a leak of 16 bytes for each of
# 240,000 messages, or of 1.5 KB for each of 2,500 connections, is more.  What grows while caches and heaps
# fill belongs to the first fifth.
ALLOWED = 0.03
ALLOWED_BYTES = 1.5 * 2**20


class Watch:
    """Samples the memory of a process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.samples: list[int] = []

    async def run(self, every: float) -> None:
        """Sample for ever."""
        while True:
            self.samples.append(memory(self._pid))
            await asyncio.sleep(every)

    @property
    def windows(self) -> tuple[float, float]:
        """The bytes held after the warm-up, and at the end."""
        fifth = max(1, len(self.samples) // 5)
        return median(self.samples[fifth : 2 * fifth] or self.samples), median(self.samples[-fifth:])

    @property
    def grew(self) -> bool:
        early, late = self.windows
        return late - early > max(ALLOWED_BYTES, ALLOWED * early)


def memory(pid: int) -> int:
    """The bytes a process allocated and that are in memory: files mapped into it are not its own."""
    held = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(held[1]) * 1024 if held else 0  # it has ended


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
