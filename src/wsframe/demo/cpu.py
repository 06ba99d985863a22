"""The CPU time of another process."""

from __future__ import annotations

import subprocess
import sys
import time


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU time of a process, over all its threads.

    Returns:
        Seconds; None where the system does not provide it.
    """
    if sys.platform == "linux":
        # clock_getcpuclockid(3) in one line: exact, where /proc counts ticks of 10 ms.
        return time.clock_gettime((~pid << 3) | 2)
    if sys.platform == "win32":
        return None
    output = subprocess.run(["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True).stdout
    seconds = 0.0
    for part in output.strip().replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part or 0)
    return seconds if output.strip() else None
