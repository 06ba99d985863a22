"""The measurements, their order, and the statistics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from .load import TEXT, Load, LoadProcess, Result
from .servers import Program, Server, running, two_cpus

DOCUMENTS = (0, 1000)  # bytes; 0: the text of load.py, and no compression
DEPTHS = (1, 64)
CONNECTIONS = 8
LONGEST = 45.0  # seconds; the rest of the minute is for starting and the chart


@dataclass
class Row:
    """One server under one load: alone, and under `wsframe run`."""

    program: Program
    documents: int
    depth: int
    alone: list[Result] = field(default_factory=list)
    under_run: list[Result] = field(default_factory=list)

    @property
    def message(self) -> str:
        """What is sent, in few words."""
        return f"{self.documents / 1000:g} kB compressed" if self.documents else f"{len(TEXT)} B text"

    def rates(self) -> tuple[float, float]:
        """Messages a second."""
        return median(r.rate for r in self.alone), median(r.rate for r in self.under_run)

    def cpu_us(self) -> tuple[float, float] | None:
        """Microseconds of the server's CPU a message; None where the system does not provide it."""
        alone = [r.cpu_us for r in self.alone if r.cpu_us]
        under_run = [r.cpu_us for r in self.under_run if r.cpu_us]
        return (median(alone), median(under_run)) if alone and under_run else None

    def gain(self) -> float:
        """How many times more messages the server handles per CPU time; the median over the rounds."""
        return median(
            (a.cpu_us / b.cpu_us) if a.cpu_us and b.cpu_us else b.rate / a.rate
            for a, b in zip(self.alone, self.under_run, strict=True)
        )


class Rounds:
    """The servers, all running, measured alternately: A B A B ...

    Args:
        logs: a directory for the output of the servers.
        rounds: number of rounds; fewer if they would take more than a minute, at least one.
        seconds: the length of one measurement.
    """

    def __init__(self, logs: Path, rounds: int, seconds: float) -> None:
        self._logs = logs
        self._rounds = rounds
        self._seconds = seconds
        self.rows: list[Row] = [
            Row(program, documents, depth)
            for program in Program.all()
            for documents in DOCUMENTS
            for depth in DEPTHS
        ]
        self.done: int = 0
        self.cpus: tuple[int, int] | None = two_cpus()
        self.remarks: list[str] = []

    def steps(self) -> int:
        """Return the maximum number of measurements."""
        return self._rounds * len(self.rows) * 2

    def run(self) -> Iterator[Row]:
        """Measure; yield the row before each measurement.

        Raises:
            ServerError: a server did not start.
            LoadError: a reply of a server was wrong or missing.
        """
        begin = time.monotonic()
        with ExitStack() as stack:
            servers = self._start(stack)
            load = stack.enter_context(closing(LoadProcess()))
            ports = {key: server.port() for key, server in servers.items()}
            self.remarks = [remark for server in servers.values() for remark in server.remarks()]
            while self.done < self._rounds:
                start = time.monotonic()
                for row in self.rows:
                    for accelerated, results in ((False, row.alone), (True, row.under_run)):
                        yield row
                        key = row.program, accelerated
                        results.append(load.measure(self._load(servers[key], ports[key], row)))
                self.done += 1
                if 2 * time.monotonic() - start - begin > LONGEST:
                    break

    def _start(self, stack: ExitStack) -> dict[tuple[Program, bool], Server]:
        servers = {}
        for number, program in enumerate({row.program: None for row in self.rows}):
            for accelerated in (False, True):
                log = self._logs / f"{number}-{accelerated}.log"
                server = stack.enter_context(running(program, log, accelerated=accelerated))
                servers[program, accelerated] = server
        return servers

    def _load(self, server: Server, port: int, row: Row) -> Load:
        return Load(
            port=port,
            documents=row.documents,
            depth=row.depth,
            connections=CONNECTIONS,
            seconds=self._seconds,
            server_pid=server.process.pid,
            server_cpu=self.cpus[0] if self.cpus else -1,
            load_cpu=self.cpus[1] if self.cpus else -1,
        )
