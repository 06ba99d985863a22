"""Run the test suites of the host libraries as they are and accelerated, and compare test by test.

    python tests/downstream/run.py [SUITE ...] [--checkout HOST==VERSION=DIRECTORY ...]

Every suite runs three times: as it is, accelerated, and accelerated with the pure twin.  A test that ended
differently runs again, with all others, up to ROUNDS times in all: those of websockets watch the clock.
Exit status: 0 when all agree, 1 when a test does not, 2 when a suite cannot be had or is not accelerated.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from suites import MAKERS, SUITES, Archive, Checkout, Sdist, Suite

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "downstream"
ROUNDS = 3
WAYS = {
    "as it is": None,
    "accelerated": {},
    "accelerated, pure twin": {"WSFRAME_PURE": "1"},
}
Outcomes = dict[str, str]


class Failure(Exception):
    """Why a suite cannot be compared."""


class Skip(Exception):
    """Why a suite is left out."""


def main() -> int:
    suites = chosen()
    status = 0
    for suite in suites:
        try:
            status = max(status, compare(suite))
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
    parser.add_argument("suite", nargs="*", help=f"{known}, or HOST-VERSION of a checkout; all when left out")
    parser.add_argument("--checkout", action="append", default=[], metavar="HOST==VERSION=DIRECTORY")
    options = parser.parse_args()
    suites = {suite.name: suite for suite in [*SUITES, *map(from_checkout, options.checkout)]}
    for name in options.suite:
        if name not in suites:
            parser.error(f"no suite {name}, only {', '.join(suites)}")
    return [suites[name] for name in options.suite or suites]


def from_checkout(text: str) -> Suite:
    release, _, path = text.rpartition("=")
    host, _, version = release.partition("==")
    if host not in MAKERS or not version or not Path(path, "tests").is_dir():
        raise SystemExit(
            f"{text}: wanted HOST==VERSION=DIRECTORY with tests in it, HOST of {', '.join(MAKERS)}"
        )
    return MAKERS[host](version, Checkout(path))


def compare(suite: Suite) -> int:
    """Run a suite every way; print what differs, and answer the exit status."""
    print(f"{suite.name}: preparing", flush=True)
    python = prepare(suite)
    ended: dict[str, dict[str, set[str]]] = {way: defaultdict(set) for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            outcomes = run(suite, python, way)
            print(f"{suite.name}, {way}: {told(outcomes)}", flush=True)
            for test, outcome in outcomes.items():
                ended[way][test].add(outcome)
        different = list(differences(ended))
        if not different:
            return 0
    for line in different:
        print(f"{suite.name}: {line}")
    return 1


def differences(ended: dict[str, dict[str, set[str]]]) -> Iterable[str]:
    """Name the tests that never ended the same way."""
    plain, *others = WAYS
    for way in others:
        for test in sorted({*ended[plain], *ended[way]}):
            if not ended[plain][test] & ended[way][test]:
                one, other = (" or ".join(sorted(ended[which][test])) or "missing" for which in (plain, way))
                yield f"{test}: {one}, but {other} {way}"


def run(suite: Suite, python: Path, way: str) -> Outcomes:
    """Run a suite one way, and read how each test ended."""
    report = WORK / suite.name / "report.xml"
    report.unlink(missing_ok=True)
    home = WORK / suite.name / "run"
    modules = sorted(glob.glob(suite.modules, root_dir=home))
    pytest = ["-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider", f"--junitxml={report}"]
    command = [str(python), *suite.options, *pytest, "--timeout=120", *modules]
    environment = {**os.environ, **suite.environment, "PYTHONPATH": str(ROOT / "src")}
    for name in ("WSFRAME_PURE", "WSFRAME_ACCELERATE", "WSFRAME_KERNEL"):
        environment.pop(name, None)
    if WAYS[way] is not None:
        environment.update(WAYS[way])
        launch = [str(python), "-m", "wsframe", "run", "--quiet", "--only", suite.host, "--"]
        check(suite, [*launch, str(python)], environment)
        command = [*launch, *command]
    with open(WORK / suite.name / "output.txt", "ab") as output:
        subprocess.run(command, cwd=home, env=environment, stdout=output, stderr=output, check=False)
    if not report.is_file():
        raise Failure(f"no report, {way}: see {output.name}")
    return dict(read(report))


def check(suite: Suite, python: list[str], environment: dict[str, str]) -> None:
    """See that the tests will meet the new code."""
    question = (
        f"import {suite.host}.{ {'websockets': 'asyncio.server', 'wsproto': 'connection'}[suite.host] }\n"
        "from wsframe import accelerate\n"
        f"[line] = [line for line in accelerate.status() if line.host == {suite.host!r}]\n"
        "raise SystemExit(line.why_not or not line.active)"
    )
    answer = subprocess.run(
        [*python, "-c", question], env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise Failure(f"not accelerated: {answer.stderr.strip()}")


def read(report: Path) -> Iterable[tuple[str, str]]:
    """List the tests of a JUnit report, and how each ended."""
    for case in ElementTree.parse(report).iter("testcase"):
        outcome = "passed"
        for child in case:
            if child.tag in ("failure", "error", "skipped"):
                outcome = child.tag
        yield f"{case.get('classname')}.{case.get('name')}", outcome


def told(outcomes: Outcomes) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(Counter(outcomes.values()).items()))


def prepare(suite: Suite) -> Path:
    """Lay out the tests, and a virtual environment to run them in; answer its interpreter."""
    home = WORK / suite.name
    shutil.rmtree(home / "run", ignore_errors=True)
    (home / "run").mkdir(parents=True)
    (home / "output.txt").write_bytes(b"")
    python = home / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        call(sys.executable, "-m", "venv", str(home / "venv"))
    wanted = [f"{suite.host}=={suite.version}", "pytest>=9", "pytest-timeout", *suite.needs]
    call(str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted)
    for source in suite.sources:
        if isinstance(source, Checkout):
            shutil.copytree(Path(source.path, "tests"), home / "run" / "tests", dirs_exist_ok=True)
        else:
            unpack(download(source) if isinstance(source, Archive) else sdist(source, python), home / "run")
    return python


def unpack(file: Path, target: Path) -> None:
    """Take the tests out of an archive."""
    with tarfile.open(file) as archive:
        for member in archive:
            _, _, path = member.name.partition("/")
            if member.isfile() and path.startswith("tests/") and ".." not in path:
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_bytes(archive.extractfile(member).read())


def download(source: Archive) -> Path:
    """Fetch an archive, once."""
    file = WORK / source.path.rpartition("/")[2]
    if file.exists():
        return file
    mirror = os.environ.get("DEBIAN_MIRROR")
    if not mirror:
        raise Skip(f"{source.path}: DEBIAN_MIRROR does not say where to find it")
    try:
        with urllib.request.urlopen(f"{mirror.rstrip('/')}/{source.path}", timeout=60) as answer:
            data = answer.read()
    except OSError as exc:
        raise Failure(f"{source.path}: {exc}") from exc
    if hashlib.sha256(data).hexdigest() != source.sha256:
        raise Failure(f"{source.path}: not the archive it was")
    file.write_bytes(data)
    return file


def sdist(source: Sdist, python: Path) -> Path:
    """Fetch the sdist of a release, once."""
    file = WORK / f"{source.requirement.replace('==', '-')}.tar.gz"
    if not file.exists():
        pip = (str(python), "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps")
        call(*pip, "--no-binary", ":all:", "-d", str(WORK), source.requirement)
    return file


def call(*command: str) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise Failure(f"{' '.join(command)}: exit status {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
