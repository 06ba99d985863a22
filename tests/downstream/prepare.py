"""Lay out the tests of a suite below build/downstream, and a virtual environment to run them in."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from pathlib import Path

from suites import Archive, Checkout, Edit, Inside, Sdist, Suite

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "downstream"
SETTINGS = "pyproject.toml"


class Failure(Exception):
    """Why a suite cannot be compared."""


class Skip(Exception):
    """Why a suite is left out."""


def prepare(suite: Suite) -> Path:
    """Prepare a suite; return the interpreter of its environment."""
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
            settings = Path(source.path, SETTINGS)  # old releases have other files for them
            (home / "run" / SETTINGS).write_bytes(settings.read_bytes() if settings.is_file() else b"")
        elif isinstance(source, Archive):
            unpack(download(source), home / "run")
        elif isinstance(source, Inside):
            shutil.copytree(installed(python, source.path), home / "run" / "tests", dirs_exist_ok=True)
            (home / "run" / SETTINGS).touch()
        else:
            unpack(sdist(source, python), home / "run")
    for change in suite.edits:
        edit(home / "run", change)
    return python


def installed(python: Path, path: str) -> Path:
    """Find a file of a package that is installed."""
    question = "import sysconfig; print(sysconfig.get_path('platlib'))"
    response = subprocess.run([str(python), "-c", question], capture_output=True, text=True, check=True)
    return Path(response.stdout.strip(), path)


def edit(home: Path, change: Edit) -> None:
    """Change a file of the tests."""
    file = home / change.path
    text = file.read_text("utf-8") if file.is_file() else ""
    if text.count(change.old) != change.times:
        found = f"there {text.count(change.old)} times, not {change.times}"
        raise Failure(f"{change.path} is not what it was: {change.old} is {found}")
    file.write_text(text.replace(change.old, change.new), "utf-8")


def unpack(file: Path, target: Path) -> None:
    """Take the tests out of an archive, and the settings of pytest if there are any."""
    (target / SETTINGS).touch()
    with tarfile.open(file) as archive:
        for member in archive:
            _, _, path = member.name.partition("/")
            if path.startswith("test/"):  # wsproto before 1.3
                path = path.replace("test/", "tests/", 1)
            wanted = path == SETTINGS or path.startswith("tests/")
            if member.isfile() and wanted and ".." not in path:
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
        with urllib.request.urlopen(f"{mirror.rstrip('/')}/{source.path}", timeout=60) as response:
            data = response.read()
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
