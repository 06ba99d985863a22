"""The stock servers, started and stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

PROGRAMS = Path(__file__).with_name("programs")
# Else the 256 KiB reads of asyncio use one of two kinds of memory, at random.
STEADY_MALLOC = {
    "MALLOC_TOP_PAD_": "4194304",
    "MALLOC_TRIM_THRESHOLD_": "16777216",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
}
UNDER_RUN = [sys.executable, "-m", "wsframe", "run", "--"]


class ServerError(Exception):
    """A server did not start."""


@dataclass(frozen=True)
class Program:
    """A server to measure, and its name."""

    name: str
    command: tuple[str, ...]

    @classmethod
    def all(cls) -> list[Program]:
        uvicorn = ("-m", "uvicorn", "--port", "0", "--app-dir", str(PROGRAMS))
        return [
            cls(f"websockets {version('websockets')}", (str(PROGRAMS / "echo_websockets.py"),)),
            cls(f"uvicorn {version('uvicorn')}", (*uvicorn, "echo_asgi:app")),
        ]


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    log: Path

    def port(self, timeout: float = 20.0) -> int:
        """Wait until the server prints its port.

        Raises:
            ServerError: it ended, or printed no port in `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            ended = self.process.poll() is not None
            port = re.search(r"(?:port |127\.0\.0\.1:)(\d+)", self.log.read_text())
            if port:
                return int(port[1])
            if ended:
                break
            time.sleep(0.02)
        last = self.log.read_text().strip().rpartition("\n")[2]
        raise ServerError(f"server did not start: {last or 'no output'}")

    def remarks(self) -> list[str]:
        """Return the lines that `wsframe run` printed."""
        return [line for line in self.log.read_text().splitlines() if line.startswith("wsframe: ")]


@contextmanager
def running(
    program: Program,
    log: Path,
    *,
    accelerated: bool = False,
    variables: Mapping[str, str] = STEADY_MALLOC,
    python: Path | str = sys.executable,
) -> Iterator[Server]:
    """Start a server; stop it at the end.

    Args:
        program: the server.
        log: the file for its output.
        accelerated: start it under `wsframe run`.
        variables: additional environment variables.
        python: the interpreter.
    """
    command = [str(python), *(UNDER_RUN[1:] if accelerated else []), *program.command]
    process = None
    try:
        with log.open("wb") as output, _uninterrupted():
            process = subprocess.Popen(
                command,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        yield Server(process, log)
    finally:
        if process:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delay signals: one between fork and the return of `Popen` would leave the process running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = [signal.signal(number, lambda number, _: came.append(number)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    for number in came:
        signal.raise_signal(number)


def two_cpus() -> tuple[int, int] | None:
    """Choose a CPU for the servers and one for the load, on different cores if possible."""
    if sys.platform != "linux":
        return None
    first, *others = sorted(os.sched_getaffinity(0))
    siblings = Path(f"/sys/devices/system/cpu/cpu{first}/topology/thread_siblings_list")
    shared = siblings.read_text() if siblings.exists() else ""
    near = {int(cpu) for cpu in re.split(r"[,-]", shared) if cpu.strip()}
    others.sort(key=lambda cpu: (cpu in near, cpu))
    return (first, others[0]) if others else None
