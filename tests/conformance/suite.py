"""The Autobahn TestSuite: how it is installed, started and waited for, and what is asked on the command line.

It needs Python 2.7: python2.7 on the PATH, one that pyenv has, or the one that PYTHON27 names.  It is
installed below build/ at first use.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
VENV = HERE.parent.parent / "build" / "autobahn"
FAST = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*")
SKIPPED = 77


class Trouble(Exception):
    """The run itself went wrong."""


def python27() -> str | None:
    """Find a Python 2.7."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = [os.environ.get("PYTHON27"), shutil.which("python2.7")]
    for candidate in [*named, *map(str, sorted(pyenv.glob("2.7*/bin/python2.7")))]:
        if candidate and not subprocess.run([candidate, "-c", "import ssl"], capture_output=True).returncode:
            return candidate
    return None


def install() -> Path:
    """Install the suite where it is expected; return its program."""
    wstest = VENV / "bin" / "wstest"
    if wstest.exists():
        return wstest
    python = python27()
    if python is None:
        print("conformance: skipped: the Autobahn TestSuite needs Python 2.7, and none was found")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as folder:
        tool = Path(folder, "bin")
        run([sys.executable, "-m", "venv", folder])
        run([tool / "pip", "install", "-q", "virtualenv==20.21.1"])  # the last that makes them for 2.7
        versions = ["--pip", "20.3.4", "--setuptools", "44.1.1", "--wheel", "0.37.1"]
        run([tool / "virtualenv", "-q", "-p", python, "--no-periodic-update", *versions, VENV])
    requirements = HERE / "requirements.txt"
    run([VENV / "bin" / "pip", "install", "-q", "--no-deps", "-r", requirements], env=without_python())
    return wstest


def run(command: list[Any], **options: Any) -> None:
    subprocess.run([str(part) for part in command], check=True, **options)


def without_python() -> dict[str, str]:
    """The environment without what is meant for our own interpreter."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


@contextmanager
def started(command: list[Any], log: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process in its own process group, and end it with the block."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(part) for part in command], stdout=out, stderr=out, env=env, start_new_session=True
        )
    try:
        yield process
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
                process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise Trouble(f"nothing listens on port {port}:\n{last(log)}")


def last(log: Path) -> str:
    """What a process said before it ended."""
    return log.read_text(errors="replace")[-2000:]


def wait_to_end(process: subprocess.Popen[bytes], log: Path, timeout: float) -> None:
    """Wait for a good end."""
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise Trouble(f"not done after {timeout:.0f} s") from None
    if status:
        raise Trouble(f"ended with {status}:\n{last(log)}")


def written(folder: Path, cases: list[str], **spec: Any) -> Path:
    """Write what the suite is to do, and where its reports go."""
    spec |= {
        "outdir": str(folder / "reports"),
        "cases": cases,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    path = folder / "spec.json"
    path.write_text(json.dumps(spec))
    return path


def wstest(mode: str, spec: Path) -> list[Any]:
    """The command of a client or a server that tries the other side."""
    return [install(), "-m", mode, "-u", "0", "-s", spec]


def report(folder: Path, agent: str) -> dict[str, dict[str, Any]]:
    """Read how each case went."""
    index = json.loads((folder / "reports" / "index.json").read_text())
    found: dict[str, dict[str, Any]] = index[agent]
    return found


def numbers(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


def parser(description: str | None) -> argparse.ArgumentParser:
    """Ask for what every run is asked for."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--cases", action="append", help="such as '7.*'")
    made.add_argument("--fast", action="store_true", help=f"only {' '.join(FAST)}")
    made.add_argument("--timeout", type=float, default=3600, help="seconds for each run")
    return made


def cases_of(options: argparse.Namespace) -> list[str]:
    return options.cases or (list(FAST) if options.fast else ["*"])


def status_of(outcomes: Iterable[bool]) -> int:
    """Go through all runs, good or not; return the exit status."""
    try:
        return 0 if all(list(outcomes)) else 1
    except (Trouble, subprocess.CalledProcessError) as exc:
        print(f"conformance: {exc}", file=sys.stderr)
        return 2
