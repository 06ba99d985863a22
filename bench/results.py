"""What a run of the benchmarks found, by benchmark, case and peer."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import wsframe

Key = tuple[str, Any, str]


class Results:
    """Each figure is taken over all repeats: the least for a call in a loop, the median for a program."""

    def __init__(self, path: Path) -> None:
        report = json.loads(path.read_text())
        its = report["machine_info"]
        self.date: str = report["datetime"][:10]
        self.machine = (
            f"{its['python_implementation']} {its['python_version']}, {its['cpu']['brand_raw']}, "
            f"{its['system']} {its['release']}, backend {wsframe.backend}"
        )
        self._elapsed: dict[Key, list[float]] = {}
        self._cpu: dict[Key, list[float]] = {}
        self._size: dict[Key, list[float]] = {}
        for entry in report["benchmarks"]:
            work = entry["name"].partition("[")[0].removeprefix("test_")
            key = work, entry["params"]["case"], entry["params"]["peer"]
            more = entry["extra_info"]
            elapsed = more.get("elapsed", entry["stats"]["min"])
            self._elapsed.setdefault(key, []).append(elapsed / more["calls"])
            if "cpu" in more:
                self._cpu.setdefault(key, []).append(more["cpu"] / more["calls"])
            if "bytes" in more:
                self._size.setdefault(key, []).append(more["bytes"] / more["calls"])

    def cases(self, work: str) -> list[Any]:
        return list(dict.fromkeys(case for found, case, _ in self._elapsed if found == work))

    def peers(self, work: str, case: Any) -> list[str]:
        return [peer for found, its, peer in self._elapsed if (found, its) == (work, case)]

    def seconds(self, work: str, case: Any, peer: str = "wsframe") -> float:
        """The time of one call."""
        return min(self._elapsed[work, case, peer])

    def ratio(self, work: str, case: Any, peer: str, ours: str = "wsframe") -> float:
        """How many times as long as we the peer takes."""
        return self.seconds(work, case, peer) / self.seconds(work, case, ours)

    def median(self, work: str, case: Any, peer: str) -> float:
        """The time of one run, or of one message of it."""
        return median(self._elapsed[work, case, peer])

    def cpu(self, work: str, case: Any, peer: str) -> float:
        """The time a program computes in one run, or for one message of it."""
        return median(self._cpu[work, case, peer])

    def size(self, work: str, case: Any, peer: str) -> float:
        """The memory that a program holds for each, in bytes."""
        return median(self._size[work, case, peer])
