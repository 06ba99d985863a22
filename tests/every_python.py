"""Run the suite on every CPython that wsframe is for and that is found here: `make test-all`.

Looked for as pythonX.Y on the PATH, among the versions of pyenv, and in WSFRAME_PYTHONS, a list
of interpreters with spaces between.  Each gets a virtual environment of its own, kept for next time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

WANTED = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.14t")
IDENTIFY = """
import sys, sysconfig
if sys.implementation.name == "cpython":
    print("%d.%d" % sys.version_info[:2] + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""))
"""


def output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()
    except OSError:
        return ""


def candidates() -> list[str]:
    listed = os.environ.get("WSFRAME_PYTHONS", "").split()
    named = [shutil.which(f"python{version}") for version in WANTED]
    root = output("pyenv", "root")
    kept = sorted(map(str, Path(root, "versions").glob("*/bin/python"))) if root else []
    return [*listed, *filter(None, named), *kept, sys.executable]


def main() -> int:
    found: dict[str, str] = {}
    for python in candidates():
        found.setdefault(output(python, "-c", IDENTIFY), python)
    results = {}
    for version in WANTED:
        if version in found:
            print(f"\n== CPython {version}: {found[version]}", flush=True)
            make = ["make", "test", f"PYTHON={found[version]}", f"VENV=.venv-{version}"]
            results[version] = subprocess.run(make).returncode
    print()
    for version in WANTED:
        print(f"{version:6}", {0: "passed", None: "not found"}.get(results.get(version), "FAILED"))
    return 1 if any(results.values()) or not results else 0


if __name__ == "__main__":
    sys.exit(main())
