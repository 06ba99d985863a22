"""What `import wsframe` costs a program, beside a program that imports nothing."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

from bench.sweep import alternating

PROGRAMS = {"nothing": "pass", "wsframe": "import wsframe"}
ADDED = """
import sys
before = set(sys.modules)
import wsframe
added = [name for name in set(sys.modules) - before if hasattr(sys.modules[name], "__file__")]
print(*{name.partition(".")[0] for name in added} - sys.stdlib_module_names)
"""


# What is installed has been compiled.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run(program):
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout


def computed():
    """Seconds that programs which have ended have computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@alternating(["import"], list(PROGRAMS), repeats=20)
def test_import(benchmark, peer, case, repeat):
    run(PROGRAMS[peer])  # the files are in the cache of the system now
    before = computed()
    benchmark.pedantic(run, [PROGRAMS[peer]], rounds=1)
    benchmark.extra_info.update(calls=1, cpu=computed() - before)


def test_nothing_else_is_imported():
    assert run(ADDED).split() == ["wsframe"]
