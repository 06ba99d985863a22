"""Finished cells of the table, one JSON object a line: an interrupted run goes on where it was."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.default.load import Work
from bench.default.rows import Row


@dataclass(frozen=True)
class Cell:
    """What was measured of a row with one work.

    Attributes:
        python: version of CPython.
        server: which one of `servers.py`.
        pins: what was installed for it.
        work: what was sent.
        bar: the ratio to reach.
        ratios: plain CPU to accelerated CPU of each pair of bursts, sorted.
        banner: what `wsframe run` printed.
    """

    python: str
    server: str
    pins: tuple[str, ...]
    work: Work
    bar: float
    ratios: tuple[float, ...]
    banner: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        quarter = len(self.ratios) // 4
        return self.ratios[quarter], self.ratios[-1 - quarter]

    @property
    def short(self) -> bool:
        return self.ratio < self.bar

    def is_of(self, python: str, row: Row, work: Work) -> bool:
        return (self.python, self.server, self.pins, self.work) == (python, row.server, row.pins, work)

    def __str__(self) -> str:
        low, high = self.quartiles
        name = f"{self.python}, {self.server} [{' '.join(self.pins)}], {self.work}"
        mark = "  SHORT" if self.short else ""
        return f"{name:80} {self.ratio:6.2f} ({low:.2f} to {high:.2f}), bar {self.bar:g}{mark}"


def read(file: Path) -> list[Cell]:
    """Read the cells of a file; of several that measured the same, the last."""
    found = {}
    for line in file.read_text("utf-8").splitlines() if file.exists() else ():
        fields = json.loads(line)
        for name in ("pins", "ratios", "banner"):
            fields[name] = tuple(fields[name])
        cell = Cell(**{**fields, "work": Work(**fields["work"])})
        found[cell.python, cell.server, cell.pins, cell.work] = cell
    return list(found.values())


def append(file: Path, cell: Cell) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as output:
        output.write(json.dumps(asdict(cell)) + "\n")
