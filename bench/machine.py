"""The conditions of a measurement: one core, and a malloc that does not change its mind."""

from __future__ import annotations

import os

# Without these glibc gives large blocks back to the system, now and then, and faults their pages in
# again; the trim threshold is above the largest payload measured.
MALLOC = {
    "MALLOC_TOP_PAD_": "4194304",
    "MALLOC_TRIM_THRESHOLD_": "268435456",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
}
ENVIRONMENT = {**os.environ, **MALLOC, "PYTHONHASHSEED": "0"}


# The first is for what loads a server, the last for what is measured.
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pin() -> None:
    """Keep this process, and those it starts, on one core, where the system can."""
    if CORES:
        os.sched_setaffinity(0, CORES[-1:])
