"""The CPU time another process has used."""

from __future__ import annotations

import subprocess
import sys
import time


def cpu_seconds(pid: int) -> float | None:
    """Ask for the CPU time of a process, all its threads together.

    Returns:
        Seconds; None where the system does not tell.
    """
    if sys.platform == "linux":
        # clock_getcpuclockid(3) in one line: exact, where /proc counts ticks of 10 ms.
        return time.clock_gettime((~pid << 3) | 2)
    if sys.platform == "win32":
        return None
    told = subprocess.run(["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True).stdout
    seconds = 0.0
    for part in told.strip().replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part or 0)
    return seconds if told.strip() else None
