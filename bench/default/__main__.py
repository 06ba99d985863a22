"""The table: `python -m bench.default [WORD...]`, rows whose names have all the words.

Servers with the versions that people have pinned, each plain and under `wsframe run --zlib auto`, both alive,
bursts in turn. The figures are how many times as much CPU the plain server takes for a message: medians over
ROUNDS pairs of bursts, with their quartiles.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.default.environments import environment
from bench.default.load import Load, Work
from bench.default.rows import ROWS, Row
from bench.machine import CORES, MALLOC
from wsframe.demo.servers import Program, Server, running

ROUNDS = 7
SECONDS = 0.6
WARM_UP = 0.4
SERVERS = Path(__file__).with_name("servers.py")
ZLIB = ["-m", "wsframe", "run", "--zlib", "auto", "--"]


@contextmanager
def serving(row: Row, log: Path, *, accelerated: bool) -> Iterator[Server]:
    python = environment(row.pins)
    command = (*(ZLIB if accelerated else ()), str(SERVERS), row.server)
    with running(Program(row.name, command), log, python=python, variables=MALLOC) as server:
        server.port()
        if CORES:
            os.sched_setaffinity(server.process.pid, CORES[-1:])
        yield server


def measure(row: Row, work: Work, folder: Path) -> list[float]:
    """Return the ratios of all rounds, sorted."""
    with ExitStack() as stack:
        loads = []
        for accelerated in (False, True):
            log = folder / f"{row.server}-{accelerated}.log"
            server = stack.enter_context(serving(row, log, accelerated=accelerated))
            loads.append(Load(server.port(), server.process.pid, work))
            stack.callback(loads[-1].close)
        for load in loads:
            load.burst(WARM_UP)
        ratios = []
        for number in range(ROUNDS):
            seconds = {load: load.burst(SECONDS) for load in (loads if number % 2 else loads[::-1])}
            ratios.append(seconds[loads[0]] / seconds[loads[1]])
        return sorted(ratios)


def main(words: list[str]) -> int:
    """Print the table; return 1 if a figure is below its bar."""
    if CORES:
        os.sched_setaffinity(0, CORES[:1])
    short = 0
    with tempfile.TemporaryDirectory() as folder:
        for row in ROWS:
            if not all(word in row.name for word in words):
                continue
            for work, bar in row.works:
                ratios = measure(row, work, Path(folder))
                ratio = statistics.median(ratios)
                low, high = ratios[len(ratios) // 4], ratios[-len(ratios) // 4 - 1]
                short += ratio < bar
                kind = "compressed" if work.deflate else "plain"
                name = f"{row.name}, {work.size} B {kind}, {work.connections} x {work.depth}"
                mark = "" if ratio >= bar else "  SHORT"
                print(f"{name:66} {ratio:6.2f} ({low:.2f} to {high:.2f}), bar {bar:g}{mark}", flush=True)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
