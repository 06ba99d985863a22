"""Tables of what `python -m bench.default --json FILE` has measured.

python -m bench.default.table FILE             prints them, and what is below its bar
python -m bench.default.table --write FILE     puts them into README.md and the page of the site
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.compare import PAGE, grid, replace
from bench.default.cells import Cell, read
from bench.default.load import Work
from bench.default.rows import BROADCAST, ROWS
from bench.figures import times

ROOT = Path(__file__).resolve().parents[2]
MARK = "bench-default"
NAMES = {"legacy": "websockets.legacy", "tornado-deflate": "tornado", "uvicorn-uvloop": "uvicorn"}
COLUMNS = {
    "32 B": [Work(32, 1, 8, False)],
    "32 B, depth 64": [Work(32, 64, 8, False)],
    "124 B, 500 connections": [Work(124, 1, 500, False)],
    "350 B, compressed": [Work(350, 1, 8, True)],
    "350 B, compressed, depth 64": [Work(350, 64, 8, True)],
    "1 KB, compressed": [Work(1000, 1, 8, True)],
    "1 KB, compressed, depth 64": [Work(1000, 64, 8, True)],
    "16 KB, compressed, depth 64": [Work(16_000, 64, 8, True)],
}
SHORT_COLUMNS = {
    "32 B, one in flight": COLUMNS["32 B"],
    "32 B, 64 in flight": COLUMNS["32 B, depth 64"],
    "JSON, compressed, one in flight": COLUMNS["350 B, compressed"] + COLUMNS["1 KB, compressed"],
    "JSON, compressed, 64 in flight": COLUMNS["1 KB, compressed, depth 64"],
}
# The rows of README.md: what is newest, and what is pinned most.
SHORT_ROWS = (
    "uvicorn 0.30.6, websockets 12.0",
    "uvicorn 0.35.0, websockets 13.1",
    "uvicorn 0.46.0, websockets 15.0.1",
    "uvicorn 0.54.0, websockets 17.4",
    "uvicorn 0.54.0, websockets 17.4, uvloop",
    "websockets.legacy 12.0",
    "websockets 15.0.1",
    "websockets 17.4",
    "hypercorn 0.18.0, wsproto 1.3.2",
    "tornado 6.6.1",
    "aiohttp 3.14.5",
    "autobahn 26.10.2",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--write", action="store_true", help="into README.md and the page of the site")
    options = parser.parse_args()
    cells = sorted(read(options.file), key=place)
    if options.write:
        replace(ROOT / "README.md", "\n".join(short(cells)), MARK)
        replace(ROOT / PAGE, "\n".join(full(cells)), MARK)
    else:
        print("\n".join([*short(cells), "", *full(cells), ""]))
        print("\n".join(str(cell) for cell in cells if cell.short) or "no figure is below its bar")


def place(cell: Cell) -> tuple[list[int], int]:
    """Order by CPython, then as the rows are."""
    rows = [(row.server, row.pins) for row in ROWS]
    its = (cell.server, cell.pins)
    return [*map(int, cell.python.split("."))], rows.index(its) if its in rows else len(rows)


def name(cell: Cell) -> str:
    packages = [pin.replace("==", " ") for pin in cell.pins]
    server = NAMES.get(cell.server, cell.server)
    if not packages[0].startswith(f"{server} "):
        packages[0] = f"{server} {packages[0].rpartition(' ')[2]}"
    return ", ".join([*packages, *(["uvloop"] if cell.server.endswith("-uvloop") else [])])


def short(cells: list[Cell]) -> Iterator[str]:
    """The table of README.md, of the CPython that most was measured with."""
    pythons = [cell.python for cell in cells]
    python = max(reversed(pythons), key=pythons.count)
    chosen = [cell for cell in cells if cell.python == python]
    yield (
        "CPU time per message without wsframe, divided by that under `wsframe run`, "
        f"CPython {minor(python)}:\n"
    )
    yield from table("echo, default settings", chosen, SHORT_COLUMNS, SHORT_ROWS)


def full(cells: list[Cell]) -> Iterator[str]:
    """All that was measured, a table for each CPython."""
    for python in dict.fromkeys(cell.python for cell in cells):
        chosen = [cell for cell in cells if cell.python == python]
        echoes = [cell for cell in chosen if not cell.server.startswith(BROADCAST)]
        yield f"\nCPython {python}:\n"
        yield from table("echo", echoes, COLUMNS, dict.fromkeys(map(name, echoes)))
        for cell in chosen:
            if cell.server.startswith(BROADCAST):
                kind, version = cell.server.removeprefix(BROADCAST), cell.pins[0].rpartition("=")[2]
                yield f"\n`broadcast` of websockets {version}, {kind}, {cell.work}: {times(cell.ratio)}"


def table(
    title: str, cells: list[Cell], columns: dict[str, list[Work]], names: Iterable[str]
) -> Iterator[str]:
    found = {(name(cell), cell.work): cell for cell in cells}
    rows = []
    for row in names:
        figures = [
            next((times(found[row, work].ratio) for work in works if (row, work) in found), "")
            for works in columns.values()
        ]
        if any(figures):
            rows.append([row, *figures])
    yield from grid([title, *columns], rows)


def minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


if __name__ == "__main__":
    main()
