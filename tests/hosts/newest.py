"""Try the newest release of a host, if it is newer than those that were tested.

    python tests/hosts/newest.py NAME

Says whether wsframe accelerates it, and runs the tests of `versions.py` and the suite of the host with it,
accelerated whatever its code is. Exit status 1: it is left alone, or a test has failed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from versions import HOSTS, ROOT, passes, prepare

from wsframe.accelerate.fingerprints import code_of, known_code, unknown
from wsframe.accelerate.host import load_host

WITH_SUITES = {"aiohttp", "autobahn", "hypercorn", "tornado", "uvicorn", "websocket_client", "wsproto"}


def main() -> int:
    (name,) = sys.argv[1:]
    version = newest(name)
    found = code_of(load_host(name), version, str(prepare(name, version)))
    changed = list(unknown(found, known_code(name)))
    if version == HOSTS[name].versions[-1]:
        print(f"{name} {version} was tested", *(["fingerprints.py did not see it"] if changed else []))
        return bool(changed)
    print(
        f"{name} {version}:",
        f"changed: {', '.join(changed)}" if changed else "the code is that of a tested version",
    )
    os.environ["WSFRAME_UNTESTED"] = "1"
    failed = not passes(name, version)
    if name in WITH_SUITES:
        command = [sys.executable, "tests/downstream/run.py", f"{name}=={version}"]
        failed |= subprocess.run(command, cwd=ROOT, check=False).returncode != 0
    return bool(failed or (changed and not load_host(name).covers(version)))


def newest(name: str) -> str:
    """Ask pip for the newest release."""
    pip = (sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps")
    dry = [*pip, "--ignore-installed", "--dry-run", "--report", "-", name]
    report = subprocess.run(dry, stdout=subprocess.PIPE, check=True).stdout
    version: str = json.loads(report)["install"][0]["metadata"]["version"]
    return version


if __name__ == "__main__":
    sys.exit(main())
