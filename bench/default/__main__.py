"""Measure what people run by default, each server plain and under `wsframe run --zlib auto`.

    python -m bench.default [--pairs N] [--python EXE ...] [--json FILE] [WORD ...]

Rows whose names have all the words, with each interpreter; with --json each finished cell is appended to
FILE, and those that are there already are left out: what was interrupted goes on.
`python -m bench.default.table FILE` makes tables of it.

Both servers are alive, bursts in turn. The figures are how many times as much CPU the plain server takes for
a message: medians over the pairs of bursts, with their quartiles.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.default.cells import Cell, append, read
from bench.default.environments import ROOT, NotInstallable, environment, python_version
from bench.default.load import Load, LoadError, Work
from bench.default.rows import BROADCAST, ROWS, Row
from bench.machine import CORES, MALLOC
from wsframe.demo.servers import Program, Server, ServerError, running

PAIRS = 7
SECONDS = 0.6
WARM_UP = 0.4
SERVERS = Path(__file__).with_name("servers.py")
ZLIB = ["-m", "wsframe", "run", "--zlib", "auto", "--"]


@contextmanager
def serving(row: Row, python: Path, log: Path, *, accelerated: bool) -> Iterator[Server]:
    command = (*(ZLIB if accelerated else ()), str(SERVERS), row.server)
    with running(Program(row.name, command), log, python=python, variables=MALLOC) as server:
        server.port()
        if CORES:
            os.sched_setaffinity(server.process.pid, CORES[-1:])
        yield server


def bursts(row: Row, work: Work, python: Path, pairs: int) -> tuple[list[float], list[str]]:
    """Return the ratio of each pair, and what `wsframe run` printed."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        loads = []
        for accelerated in (False, True):
            log = Path(folder, f"{accelerated}.log")
            server = stack.enter_context(serving(row, python, log, accelerated=accelerated))
            loads.append(Load(server.port(), server.process.pid, work))
            stack.callback(loads[-1].close)
        for load in loads:
            load.burst(WARM_UP)
        ratios = []
        for number in range(pairs):
            seconds = {load: load.burst(SECONDS) for load in (loads if number % 2 else loads[::-1])}
            ratios.append(seconds[loads[0]] / seconds[loads[1]])
        return ratios, server.remarks()


def broadcasts(row: Row, python: Path, pairs: int) -> list[float]:
    """Return the ratio of each pair of programs that broadcast."""
    command = [python, "-W", "ignore", "-m", "bench.host_broadcast", row.server.removeprefix(BROADCAST)]
    variables = {**os.environ, **MALLOC, "PYTHONPATH": str(ROOT)}

    def seconds(how: str) -> float:
        done = subprocess.run([*command, how], check=True, stdout=subprocess.PIPE, env=variables)
        return float(done.stdout)

    return [seconds("plain") / seconds("accelerated") for _ in range(pairs)]


def measure(row: Row, work: Work, bar: float, base: str, pairs: int) -> Cell:
    python = environment(row.pins, base)
    if row.server.startswith(BROADCAST):
        ratios, banner = broadcasts(row, python, pairs), list[str]()
    else:
        ratios, banner = bursts(row, work, python, pairs)
    version = python_version(base)
    return Cell(version, row.server, row.pins, work, bar, tuple(sorted(ratios)), tuple(banner))


def main() -> int:
    """Print the cells; return 1 if a figure is below its bar, or a row cannot be had."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("word", nargs="*", help="part of the name of a row")
    parser.add_argument(
        "--pairs", type=int, default=PAIRS, metavar="N", help=f"of bursts, {PAIRS} by default"
    )
    parser.add_argument(
        "--python", action="append", metavar="EXE", help="an interpreter; by default the one that runs this"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep finished cells, and go on after them")
    options = parser.parse_args()
    if CORES:
        os.sched_setaffinity(0, CORES[:1])
    finished = read(options.json) if options.json else []
    failed = 0
    for python in options.python or [sys.executable]:
        for row in ROWS:
            if not all(word in row.name for word in options.word):
                continue
            for work, bar in row.works:
                if any(cell.is_of(python_version(python), row, work) for cell in finished):
                    continue
                try:
                    cell = measure(row, work, bar, python, options.pairs)
                except NotInstallable as exc:
                    print(exc, flush=True)
                    failed += 1
                    break
                except (LoadError, ServerError) as exc:
                    print(f"{python_version(python)}, {row.name}, {work}: {exc}", flush=True)
                    failed += 1
                    continue
                if options.json:
                    append(options.json, cell)
                print(cell, flush=True)
                failed += cell.short
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
