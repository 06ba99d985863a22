"""The kernels as C alone, on this processor; `make qemu` runs the same program on others."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KERNELS = HERE.parent.parent / "ext" / "kernels"
CC = shlex.split(os.environ.get("CC", "cc"))


@pytest.mark.skipif(not shutil.which(CC[0]), reason="no C compiler")
def test_every_kernel_computes_what_naive_code_does_within_its_bounds(tmp_path: Path) -> None:
    program = tmp_path / "test_kernels"
    sources = [HERE / "test_kernels.c", *KERNELS.glob("*.c")]
    env = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    subprocess.run([*CC, "-std=c11", "-O2", f"-I{KERNELS}", *sources, "-o", program], check=True, env=env)
    done = subprocess.run([program], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("ok: ")
