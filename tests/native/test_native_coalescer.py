"""The coalescer as C alone, under the thread sanitizer where there is one; `make race` runs it longer."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HEADERS = HERE.parent.parent / "ext" / "wsframe" / "_c"
CC = shlex.split(os.environ.get("CC", "cc"))
FLAGS = ["-std=gnu11", "-O1", "-g", "-Wall", "-Werror", f"-I{HEADERS}"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not shutil.which(CC[0]), reason="no C compiler for POSIX"
)


def sanitizes(folder: Path) -> bool:
    """Tell whether a program under the thread sanitizer is built here, and runs."""
    source, program = folder / "empty.c", folder / "empty"
    source.write_text("int main(void) { return 0; }\n")
    built = subprocess.run(
        [*CC, "-fsanitize=thread", source, "-o", program], capture_output=True, env=ENVIRONMENT, check=False
    )
    return (
        built.returncode == 0 and subprocess.run([program], capture_output=True, check=False).returncode == 0
    )


def test_coalescer_handles_threads_full_sockets_and_forks(tmp_path: Path) -> None:
    program = tmp_path / "test_coalescer"
    sanitizer = ["-fsanitize=thread"] if sanitizes(tmp_path) else []
    command = [*CC, *FLAGS, *sanitizer, HERE / "test_coalescer.c", "-o", program, "-lpthread"]
    subprocess.run(command, check=True, env=ENVIRONMENT)
    # The sanitizer ends a child that makes threads, as one of ours does.
    env = ENVIRONMENT | {"TSAN_OPTIONS": "die_after_fork=0 halt_on_error=1"}
    done = subprocess.run([program, "1000"], capture_output=True, text=True, env=env, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")
