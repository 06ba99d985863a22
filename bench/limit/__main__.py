"""Measure the CPU time of a message beside the limit, a server in C on epoll.

    python -m bench.limit [--pairs N] [WORD ...]

Rows whose names have all the words. Both servers are alive on one core, bursts in turn; figures are medians
of the bursts. Against the limit the ratio is how many times as much CPU time ours takes, against other
libraries how many times as much they take. Handshakes are opened and closed, a few at a time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from bench.default.load import Load
from bench.endpoints import raise_limit
from bench.endpoints.loads import handshakes
from bench.limit.program import NoCompilerError, build
from bench.limit.rows import LIMIT, ROWS, Row, Words
from bench.machine import CORES, MALLOC
from wsframe.demo.servers import Program, running

PAIRS = 7
SECONDS = 0.6
WARM_UP = 0.4

Burst = Callable[[float], float]


def started(stack: ExitStack, row: Row, words: Words, log: Path) -> Burst:
    """Start a server; return what gives the CPU seconds of a message, or of a handshake."""
    command = Program(row.name, words)
    python = build() if words == LIMIT else Path(sys.executable)
    server = stack.enter_context(running(command, log, variables=MALLOC, python=python))
    port, pid = server.port(), server.process.pid
    if CORES:
        os.sched_setaffinity(pid, CORES[-1:])
    if row.work is None:
        return lambda seconds: (done := handshakes(port, pid, seconds))["cpu"] / done["calls"]
    load = Load(port, pid, row.work)
    stack.callback(load.close)
    return load.burst


def measure(row: Row, pairs: int) -> tuple[float, float, float]:
    """Return the ratio, and the CPU seconds of the server and of its reference."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        both = [
            started(stack, row, words, Path(folder, str(number)))
            for number, words in enumerate((row.server, row.reference))
        ]
        for burst in both:
            burst(WARM_UP)
        ours: list[float] = []
        theirs: list[float] = []
        for number in range(pairs):
            order = [(both[0], ours), (both[1], theirs)]
            for burst, seconds in order if number % 2 else order[::-1]:
                seconds.append(burst(SECONDS))
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    ratio = median(ratios)
    return ratio if row.reference == LIMIT else 1 / ratio, median(ours), median(theirs)


def line(*cells: str) -> str:
    first, second, *rest = cells
    return f"{first:26}{second:30}" + "".join(f"{cell:>12}" for cell in rest)


def main() -> int:
    """Print the table; return 1 if a row is short of its bar."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("word", nargs="*", help="part of the name of a row")
    parser.add_argument(
        "--pairs", type=int, default=PAIRS, metavar="N", help=f"of bursts, {PAIRS} by default"
    )
    options = parser.parse_args()
    raise_limit()
    if CORES:
        os.sched_setaffinity(0, CORES[:1])
    failed = 0
    print(line("server", "work", "ours, us", "other, us", "ratio", "bar"))
    for row in ROWS:
        work = "opening handshake" if row.work is None else str(row.work)
        if not all(word in f"{row.name}, {work}" for word in options.word):
            continue
        missing = [package for package in row.needs if not find_spec(package)]
        if missing:
            print(f"{row.name}, {work}: skipped: no {missing[0]}", flush=True)
            continue
        try:
            ratio, ours, theirs = measure(row, options.pairs)
        except NoCompilerError as exc:
            print(f"{row.name}, {work}: {exc}", flush=True)
            continue
        bar = "" if row.bar is None else f"{'<=' if row.reference == LIMIT else '>='} {row.bar:g}"
        figures = (f"{ours * 1e6:.2f}", f"{theirs * 1e6:.2f}", f"{ratio:.2f}", bar)
        print(line(row.name, work, *figures), "" if row.meets(ratio) else "short", flush=True)
        failed += not row.meets(ratio)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
