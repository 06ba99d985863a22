"""Virtual environments with pinned versions, kept under build/, in which this checkout is importable."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "bench-default"
BUILD = ("setuptools>=77", "cython>=3.1")
BESIDE = ("httptools", "uvloop", "isal")


class NotInstallable(Exception):
    """Packages that cannot be installed for an interpreter."""


@cache
def python_version(python: str) -> str:
    """Return the version of an interpreter, as in "3.12.1"."""
    question = "import platform; print(platform.python_version())"
    return subprocess.run([python, "-c", question], check=True, capture_output=True, text=True).stdout.strip()


@cache
def compile_for(python: str) -> None:
    """Build the compiled modules of this checkout for an interpreter, in place."""
    command = [_environment(BUILD, python), "setup.py", "-q", "build_ext", "-i"]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "WSFRAME_REQUIRE_EXTENSIONS": "1"})


def environment(pins: tuple[str, ...], python: str) -> Path:
    """Return the interpreter of an environment with these packages, and isal and uvloop; make it first.

    Raises:
        NotInstallable: one of them is not for this CPython.
    """
    compile_for(python)
    return _environment((*pins, *BESIDE), python)


@cache
def _environment(packages: tuple[str, ...], base: str) -> Path:
    version = python_version(base)
    name = hashlib.sha256(f"{version} {sorted(packages)}".encode()).hexdigest()[:16]
    folder = FOLDER / f"{version}-{name}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"CPython {version}: installing", *packages, file=sys.stderr)
        subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages]
        if subprocess.run(install).returncode:
            raise NotInstallable(f"cannot install {' '.join(packages)} for CPython {version}")
        found = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        path = Path(subprocess.run(found, check=True, capture_output=True, text=True).stdout.strip())
        (path / "wsframe.pth").write_text(f"{ROOT / 'src'}\n")
        (folder / "ready").touch()
    return python
