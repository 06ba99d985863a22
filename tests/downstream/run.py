"""Run the test suites of the host libraries as they are and accelerated, and compare test by test.

    python tests/downstream/run.py [SUITE | HOST==VERSION ...] [--checkout SUITE==VERSION=DIRECTORY ...]

Every suite runs three times: as it is, accelerated, and accelerated with the pure twin.  One that tests an
endpoint of our own runs with each twin, and none of its tests may fail.  A suite in which a test ended
otherwise runs again, whole, up to ROUNDS times in all: many of the tests watch the clock.
Exit status: 0 when all is well, 1 when a test is not, 2 when a suite cannot be had or is not accelerated.
"""

from __future__ import annotations

import argparse
import glob
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from prepare import ROOT, SETTINGS, WORK, Failure, Skip, prepare
from suites import MAKERS, RELEASES, SUITES, Checkout, Suite

ROUNDS = 3
FINE = {"passed", "skipped"}
Outcomes = dict[str, str]
Ended = dict[str, set[str]]  # how each test ended, in all rounds


class Way(NamedTuple):
    """A way to run a suite."""

    name: str
    accelerated: bool
    switch: str  # the variable that decides on the twin


AS_IT_IS = Way("as it is", False, "WSFRAME_REQUIRE_EXTENSIONS")
COMPARED = (
    AS_IT_IS,
    Way("accelerated", True, "WSFRAME_REQUIRE_EXTENSIONS"),
    Way("accelerated, pure twin", True, "WSFRAME_PURE"),
)
OURS = (
    Way("compiled twin", False, "WSFRAME_REQUIRE_EXTENSIONS"),
    Way("pure twin", False, "WSFRAME_PURE"),
)


def main() -> int:
    suites = chosen()
    status = 0
    for suite in suites:
        try:
            status = max(status, judge(suite))
        except Skip as skip:
            print(f"{suite.name}: skipped: {skip}")
        except Failure as failure:
            print(f"{suite.name}: {failure}")
            status = 2
    return status


def chosen() -> list[Suite]:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    known = ", ".join(suite.name for suite in SUITES)
    parser.add_argument(
        "suite",
        nargs="*",
        help=f"{known}, SUITE-VERSION of a checkout, or HOST==VERSION with a host of {', '.join(RELEASES)};"
        " all of the first when left out",
    )
    parser.add_argument("--checkout", action="append", default=[], metavar="SUITE==VERSION=DIRECTORY")
    options = parser.parse_args()
    suites = {suite.name: suite for suite in [*SUITES, *map(from_checkout, options.checkout)]}
    found: list[Suite] = []
    for name in options.suite or suites:
        host, _, version = name.partition("==")
        if version and host in RELEASES:
            found += RELEASES[host](version)
        elif name in suites:
            found.append(suites[name])
        else:
            parser.error(f"no suite {name}, only {', '.join(suites)}")
    return found


def from_checkout(text: str) -> Suite:
    release, _, path = text.rpartition("=")
    suite, _, version = release.partition("==")
    if suite not in MAKERS or not version:
        raise SystemExit(f"{text}: wanted SUITE==VERSION=DIRECTORY, SUITE of {', '.join(MAKERS)}")
    if not Path(path, "tests").is_dir():
        raise SystemExit(f"{text}: no tests in {path}")
    return MAKERS[suite](version, Checkout(path))


def judge(suite: Suite) -> int:
    """Run a suite every way; print what is wrong, and return the exit status."""
    print(f"{suite.name}: preparing", flush=True)
    python = prepare(suite)
    ways = COMPARED if suite.accelerated else OURS
    ended: dict[Way, Ended] = {way: defaultdict(set) for way in ways}
    for _ in range(ROUNDS):
        for way in ways:
            outcomes = run(suite, python, way)
            print(f"{suite.name}, {way.name}: {summary(outcomes)}", flush=True)
            for test, outcome in outcomes.items():
                ended[way][test].add(outcome)
        wrong = list(faults(ended))
        if not wrong:
            return 0
    for line in wrong:
        print(f"{suite.name}: {line}")
    return 1


def faults(ended: dict[Way, Ended]) -> Iterable[str]:
    """Name the tests that never ended as they do as it is, or never well where there is no such thing."""
    every = sorted({test for tests in ended.values() for test in tests})
    for way in ended:
        for test in every:
            wanted = ended[AS_IT_IS][test] if AS_IT_IS in ended else FINE
            if not wanted & ended[way][test]:
                yield f"{test}: {either(ended[way][test])} {way.name}, wanted {either(wanted)}"


def either(outcomes: set[str]) -> str:
    return " or ".join(sorted(outcomes)) or "missing"


def run(suite: Suite, python: Path, way: Way) -> Outcomes:
    """Run a suite one way, and read how each test ended."""
    report = WORK / suite.name / "report.xml"
    report.unlink(missing_ok=True)
    home = WORK / suite.name / "run"
    modules = sorted(glob.glob(suite.modules, root_dir=home))
    if not modules:
        raise Failure(f"no {suite.modules} in {home}")
    # Without -c pytest might take our own settings.
    pytest = ["-m", "pytest", "-c", SETTINGS, "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
    select = ["-k", suite.chosen, *modules]
    command = [str(python), *suite.options, *pytest, f"--junitxml={report}", "--timeout=120", *select]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WSFRAME_")}
    paths = os.pathsep.join([str(ROOT / "src"), str(Path(__file__).with_name("plugins"))])
    environment = {**inherited, **suite.environment, "PYTHONPATH": paths, way.switch: "1"}
    if way.accelerated:
        only = ",".join(suite.accelerated)
        launch = [str(python), "-m", "wsframe", "run", "--quiet", "--only", only, "--"]
        active = str(Path(__file__).with_name("active.py"))
        check([*launch, str(python), active, *suite.accelerated], environment)
        command = [*launch, *command]
    with open(WORK / suite.name / "output.txt", "ab") as output:
        subprocess.run(command, cwd=home, env=environment, stdout=output, stderr=output, check=False)
    outcomes = dict(read(report)) if report.is_file() else {}
    if "passed" not in outcomes.values():
        raise Failure(f"nothing passed, {way.name}: see {output.name}")
    return outcomes


def check(command: list[str], environment: dict[str, str]) -> None:
    """See that the tests will meet the new code."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"not accelerated: {done.stderr.strip()}")


def read(report: Path) -> Iterable[tuple[str, str]]:
    """List the tests of a JUnit report, and how each ended."""
    for case in ElementTree.parse(report).iter("testcase"):
        outcome = "passed"
        for child in case:
            if child.tag in ("failure", "error", "skipped"):
                outcome = child.tag
        yield f"{case.get('classname')}.{case.get('name')}", outcome


def summary(outcomes: Outcomes) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(Counter(outcomes.values()).items()))


if __name__ == "__main__":
    sys.exit(main())
