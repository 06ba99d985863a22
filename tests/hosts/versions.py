"""Run the tests of a host with other versions of it.

    python tests/hosts/versions.py [NAME==VERSION | NAME ...]

A name alone means all versions below, no name all hosts. A release goes into a folder of its own below
build/, which comes first on the path; all else is what this environment has. Conversations, violations and
wrappers must come out the same, as the host is and accelerated. Exit status 1: a test has failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
WORK = ROOT / "build" / "versions"
# Tests of all hosts, of which each takes those that name it.
SHARED = tuple(
    HERE / f"test_{name}.py"
    for name in ("asgi_conversations", "failures", "later_wrappers", "proof", "signatures")
)


class Dialogs(NamedTuple):
    """The tests of one host.

    Attributes:
        files: a pattern.
        chosen: which of the shared tests, as pytest's -k has it.
        versions: the ends of the tested range, and what lies between.
        elsewhere: versions that other tests are for: those of `tests/uvicorn/versions.py`.
        needs: by the beginning of a version, what it needs of another version than this environment has.
        parts: by the beginning of a version that has not all of the host: the files for what it has, as
            patterns with spaces between. None of the shared tests is for it.
    """

    files: str
    chosen: str
    versions: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()
    needs: Mapping[str, tuple[str, ...]] = {}
    parts: Mapping[str, str] = {}


HOSTS = {
    "wsproto": Dialogs(
        files="test_wsproto*.py",
        chosen="wsproto or hypercorn",
        versions=("1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.3.1", "1.3.2"),
    ),
    "hypercorn": Dialogs(
        files="test_hypercorn*.py",
        chosen="hypercorn",
        versions=("0.14.4", "0.15.0", "0.16.0", "0.17.0", "0.17.3", "0.18.0"),
    ),
    "tornado": Dialogs(
        files="test_tornado.py",
        chosen="tornado",
        versions=("6.1", "6.2", "6.3.3", "6.4.2", "6.5.10", "6.6.1"),
    ),
    "aiohttp": Dialogs(
        files="test_aiohttp*.py",
        chosen="aiohttp",
        versions=(
            "3.8.6",
            "3.9.0",
            "3.9.5",
            "3.10.0",
            "3.10.11",
            "3.11.0",
            "3.11.18",
            "3.12.15",
            "3.13.0",
            "3.13.2",
            "3.14.5",
        ),
        needs={"3.8.": ("async-timeout<5", "charset-normalizer<4")},
    ),
    "websocket_client": Dialogs(
        files="test_websocket_client.py",
        chosen="websocket_client or websocket-client",
        versions=("1.2.0", "1.2.3", "1.3.3", "1.4.2", "1.5.2", "1.6.4", "1.7.0", "1.8.0", "1.9.2"),
    ),
    "websockets": Dialogs(
        files="test_websockets*.py",
        chosen="websockets",
        versions=(
            "10.0",
            "10.1",
            "10.2",
            "10.3",
            "10.4",
            "11.0.3",
            "12.0",
            "13.1",
            "14.2",
            "15.0.1",
            "16.1.1",
            "17.4",
        ),
        parts={
            "10.": "test_websockets_legacy*.py",
            **dict.fromkeys(
                ("11.", "12."),
                "test_websockets_legacy*.py test_websockets_protocol.py test_websockets_sync*.py",
            ),
        },
    ),
    "autobahn": Dialogs(
        files="test_autobahn*.py",
        chosen="autobahn",
        versions=(
            "21.1.1",
            "21.11.1",
            "22.1.1",
            "22.3.2",
            "22.4.2",
            "22.12.1",
            "23.6.2",
            "24.4.2",
            "25.12.2",
            "26.10.2",
        ),
        needs=dict.fromkeys(("21.", "22.", "23.", "24."), ("txaio==23.1.1",)),
    ),
    "uvicorn": Dialogs(
        files="test_uvicorn*.py",
        chosen="uvicorn",
        versions=("0.54.0",),
        elsewhere=(
            "0.27.1",
            "0.30.6",
            "0.34.3",
            "0.35.0",
            "0.40.0",
            "0.44.0",
            "0.46.0",
            "0.49.0",
            "0.50.2",
            "0.53.0",
        ),
    ),
}


def main() -> int:
    releases = [
        (name, version)
        for name, _, number in (asked.partition("==") for asked in sys.argv[1:] or HOSTS)
        for version in ((number,) if number else HOSTS[name].versions)
    ]
    failed = [f"{name} {version}" for name, version in releases if not passes(name, version)]
    print(f"failed: {', '.join(failed)}" if failed else f"passed: {len(releases)} releases")
    return bool(failed)


def passes(name: str, version: str) -> bool:
    """Run the tests with one release."""
    print(f"{name} {version}", flush=True)
    path = os.pathsep.join(filter(None, (str(prepare(name, version)), os.environ.get("PYTHONPATH"))))
    # Old releases use what Python and their other libraries warn of by now.
    pytest = (sys.executable, "-m", "pytest", "-q", "-o", "filterwarnings=", "--tb=short")
    host = HOSTS[name]
    parts = [files for start, files in host.parts.items() if version.startswith(start)]
    files = sorted(file for pattern in (parts or [host.files])[0].split() for file in HERE.glob(pattern))
    shared = [] if parts else [("-k", host.chosen, *map(str, SHARED))]
    ended = [
        subprocess.run([*pytest, *more], cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, check=False)
        for more in (map(str, files), *shared)
    ]
    return not any(done.returncode for done in ended)


def prepare(name: str, version: str) -> Path:
    """Install a release, and of what it asks for only `needs`; return its folder."""
    home = WORK / f"{name}-{version}"
    if not home.exists():
        pip = (sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps")
        needs = [more for start, more in HOSTS[name].needs.items() if version.startswith(start)]
        packages = f"{name}=={version}", *chain(*needs)
        subprocess.run([*pip, "--target", str(home), *packages], check=True)
    return home


if __name__ == "__main__":
    sys.exit(main())
