"""`wsframe demo`: measure stock servers on this machine, in a minute."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from .chart import write_chart
from .messages import LoadError
from .page import write_page
from .rounds import CONNECTIONS, Rounds
from .servers import ServerError

INTERRUPTED = 130  # the exit status of a shell


def show(rounds: int, seconds: float, output: Path) -> int:
    """Measure, print the table, write the chart.

    Args:
        rounds: measurements of each server.
        seconds: the length of one.
        output: the directory the chart is written to.

    Returns:
        The exit status.
    """
    if sys.platform != "win32":
        signal.signal(signal.SIGTERM, _end)
        signal.signal(signal.SIGHUP, _end)
    console = Console()
    try:
        with tempfile.TemporaryDirectory() as logs:
            work = Rounds(Path(logs), rounds, seconds)
            _measure(work, console)
        _print(work, console)
        output.mkdir(parents=True, exist_ok=True)
        charts = write_chart(work.rows, output)
        for path in charts:
            console.print(f"chart: {path}", highlight=False)
        page = write_page(work.rows, charts[0], _notes(work))
        console.print(f"page: {page.resolve().as_uri()}", highlight=False, soft_wrap=True)
    except (ServerError, LoadError, OSError) as exc:
        print(f"wsframe: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("wsframe: interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)  # on the way out, the servers are stopped


def _measure(work: Rounds, console: Console) -> None:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting the servers", total=work.steps())
        for row in work.run():
            progress.update(task, description=f"{row.program.name}, {row.message}, depth {row.depth}")
            progress.advance(task)


def _print(work: Rounds, console: Console) -> None:
    title = f"echo, {CONNECTIONS} connections"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("server, message", no_wrap=True)
    for name in ("depth", "msg/s\nalone", "msg/s\nunder run", "CPU µs\nalone", "CPU µs\nunder run", "gain"):
        table.add_column(name, justify="right")
    before = None
    for row in work.rows:
        if row.program is not before:
            table.add_row(f"[bold]{row.program.name}")
        rates = [f"{rate:,.0f}" for rate in row.rates()]
        costs = [f"{cost:.1f}" for cost in row.cpu_us() or ()] or ["-", "-"]
        table.add_row(f"  {row.message}", str(row.depth), *rates, *costs, f"[bold]{row.gain():.2f}x")
        before = row.program
    console.print(table)
    for note in _notes(work):
        console.print(note, highlight=False, markup=False)


def _notes(work: Rounds) -> list[str]:
    """Tell how it was measured, and what the servers said."""
    pinned = "server and load on a CPU each" if work.cpus else "server and load not pinned to CPUs"
    return [
        "CPU: of the server, a message. gain: in CPU time.",
        "depth: messages sent in one write; the next write after all replies.",
        "compressed: JSON documents that all differ, with permessage-deflate, as browsers send them.",
        f"median of {work.done} rounds, alternating; {pinned}.",
        *dict.fromkeys(work.remarks),
    ]
