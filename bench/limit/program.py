"""The server in C, compiled when it is asked for."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "ext" / "kernels"
SOURCE = Path(__file__).with_name("echo.c")
CC = shlex.split(os.environ.get("CC", "cc"))


class NoCompilerError(Exception):
    """There is no C compiler."""


def build() -> Path:
    """Compile the server, unless it is newer than its sources; return the program.

    Raises:
        NoCompilerError: there is no `cc`, and no other in the variable CC.
    """
    program = ROOT / "build" / "limit" / "echo"
    sources = [SOURCE, *sorted(KERNELS.glob("*.c"))]
    newest = max(path.stat().st_mtime for path in [*sources, *KERNELS.glob("*.h")])
    if program.exists() and program.stat().st_mtime > newest:
        return program
    if not shutil.which(CC[0]):
        raise NoCompilerError(f"skipped: no {CC[0]}")
    program.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([*CC, "-std=gnu11", "-O3", f"-I{KERNELS}", *sources, "-o", program], check=True)
    return program
