"""Run the Autobahn TestSuite against wsframe: every case, both directions, both twins.

    python tests/conformance/run.py                    all 517 cases, some minutes each time
    python tests/conformance/run.py --fast             the cases of protocol, text and limits
    python tests/conformance/run.py --target connect --twin py --cases '7.*'

The suite needs Python 2.7: python2.7 on the PATH, one that pyenv has, or the one that PYTHON27
names.  It is installed below build/ at first use.  Exit status: 0 all passed, 1 some failed, 2 the
run went wrong, 77 there is no Python 2.7.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE.parent.parent / "build" / "autobahn"
TARGETS = ("serve", "connect", "uvicorn")
TWINS = ("c", "py")
FAST = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*")

# What passes; behaviour and close are judged apart.  INFORMATIONAL are 7.1.6, 7.13.1 and 7.13.2.
PASSED = ("OK", "INFORMATIONAL")
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
    """Put the suite where it is looked for; answer its program."""
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


def run(command: list, **options) -> None:
    subprocess.run([str(part) for part in command], check=True, **options)


def without_python() -> dict[str, str]:
    """The environment without what is meant for our own interpreter."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


@contextmanager
def started(command: list, log: Path, env: dict[str, str]) -> Iterator[subprocess.Popen]:
    """A process in a group of its own, whose end is ours to see to."""
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


def wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise Trouble(f"nothing listens on port {port}:\n{log.read_text(errors='replace')[-2000:]}")


def examine(target: str, twin: str, cases: list[str], folder: Path, timeout: float) -> dict[str, dict]:
    """Run the suite once; answer its report by case."""
    wstest = install()
    port = free_port()
    url = f"ws://127.0.0.1:{port}"
    spec: dict = {"outdir": str(folder / "reports"), "cases": cases, "exclude-cases": []}
    spec["exclude-agent-cases"] = {}
    mode = "fuzzingserver" if target == "connect" else "fuzzingclient"
    if target == "connect":
        spec["url"] = url
    else:
        spec["servers"] = [{"agent": "wsframe", "url": url}]
    (folder / "spec.json").write_text(json.dumps(spec))
    suite = [wstest, "-m", mode, "-u", "0", "-s", folder / "spec.json"]
    ours = [sys.executable, HERE / "targets.py", target, url if target == "connect" else port]
    env = {**os.environ, "WSFRAME_PURE": "1" if twin == "py" else "0", "WSFRAME_REQUIRE_EXTENSIONS": "1"}
    first, second = (suite, ours) if target == "connect" else (ours, suite)
    first_env, second_env = (without_python(), env) if target == "connect" else (env, without_python())
    logs = folder / "first.log", folder / "second.log"
    with started(first, logs[0], first_env) as listening:
        wait_for(port, listening, logs[0])
        with started(second, logs[1], second_env) as attacking:
            try:
                status = attacking.wait(timeout)
            except subprocess.TimeoutExpired:
                raise Trouble(f"{target}/{twin}: not done after {timeout:.0f} s") from None
            if status:
                raise Trouble(
                    f"{second[0]} ended with {status}:\n{logs[1].read_text(errors='replace')[-2000:]}"
                )
        if listening.poll() is not None:
            raise Trouble(f"{first[0]} ended early:\n{logs[0].read_text(errors='replace')[-2000:]}")
    report = json.loads((folder / "reports" / "index.json").read_text())
    return report["wsframe"]


def judge(target: str, twin: str, report: dict[str, dict]) -> bool:
    """Print the outcome; answer whether all passed."""
    counts = collections.Counter(case["behavior"] for case in report.values())
    failed = {
        name: (case["behavior"], case["behaviorClose"], case.get("remoteCloseCode"))
        for name, case in report.items()
        if case["behavior"] not in PASSED or case["behaviorClose"] not in PASSED
    }
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    print(f"{target}/{twin}: {len(report)} cases: {told}", flush=True)
    for name, (behavior, close, code) in sorted(failed.items(), key=lambda item: numbers(item[0])):
        print(f"  {name}: {behavior}, close {close} ({code})")
    return bool(report) and not failed


def numbers(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


def main() -> int:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", choices=TARGETS, action="append", help="all of them by default")
    parser.add_argument("--twin", choices=TWINS, action="append", help="both by default")
    parser.add_argument("--cases", action="append", help="such as '7.*'")
    parser.add_argument("--fast", action="store_true", help=f"only {' '.join(FAST)}")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for each run")
    options = parser.parse_args()
    cases = options.cases or (list(FAST) if options.fast else ["*"])
    good = True
    try:
        for target in options.target or TARGETS:
            for twin in options.twin or TWINS:
                with tempfile.TemporaryDirectory() as folder:
                    report = examine(target, twin, cases, Path(folder), options.timeout)
                good &= judge(target, twin, report)
    except (Trouble, subprocess.CalledProcessError) as exc:
        print(f"conformance: {exc}", file=sys.stderr)
        return 2
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
