"""Run the Autobahn TestSuite against wsframe: every case, both directions, both twins.

    python tests/conformance/run.py                    all 517 cases, some minutes each time
    python tests/conformance/run.py --fast             the cases of protocol, text and limits
    python tests/conformance/run.py --target connect --twin py --cases '7.*'

Exit status: 0 all passed, 1 some failed, 2 the run went wrong, 77 there is no Python 2.7.
"""

from __future__ import annotations

import collections
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from suite import (
    HERE,
    Trouble,
    cases_of,
    free_port,
    last,
    numbers,
    parser,
    report,
    started,
    status_of,
    wait_for,
    wait_to_end,
    without_python,
    written,
    wstest,
)

TARGETS = ("serve", "connect", "uvicorn")
TWINS = ("c", "py")
AGENT = "wsframe"

# What passes; behaviour and close are judged apart.  INFORMATIONAL are 7.1.6, 7.13.1 and 7.13.2.
PASSED = ("OK", "INFORMATIONAL")


def examine(target: str, twin: str, cases: list[str], folder: Path, timeout: float) -> dict[str, dict]:
    """Run the suite once; return its report by case."""
    port = free_port()
    url = f"ws://127.0.0.1:{port}"
    env = {**os.environ, "WSFRAME_PURE": "1" if twin == "py" else "0", "WSFRAME_REQUIRE_EXTENSIONS": "1"}
    ours = [sys.executable, HERE / "targets.py", target, url if target == "connect" else port], env
    if target == "connect":
        first = wstest("fuzzingserver", written(folder, cases, url=url)), without_python()
        second = ours
    else:
        spec = written(folder, cases, servers=[{"agent": AGENT, "url": url}])
        first, second = ours, (wstest("fuzzingclient", spec), without_python())
    logs = folder / "first.log", folder / "second.log"
    with started(first[0], logs[0], first[1]) as listening:
        wait_for(port, listening, logs[0])
        with started(second[0], logs[1], second[1]) as attacking:
            wait_to_end(attacking, logs[1], timeout)
        if listening.poll() is not None:
            raise Trouble(f"{first[0][0]} ended early:\n{last(logs[0])}")
    return report(folder, AGENT)


def judge(target: str, twin: str, report: dict[str, dict]) -> bool:
    """Print the outcome; return whether all passed."""
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


def judged(options: Namespace) -> Iterator[bool]:
    """Run every target on every twin; yield each time whether all passed."""
    cases = cases_of(options)
    for target in options.target or TARGETS:
        for twin in options.twin or TWINS:
            with tempfile.TemporaryDirectory() as folder:
                report_of = examine(target, twin, cases, Path(folder), options.timeout)
            yield judge(target, twin, report_of)


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument("--target", choices=TARGETS, action="append", help="all of them by default")
    arguments.add_argument("--twin", choices=TWINS, action="append", help="both by default")
    return status_of(judged(arguments.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
