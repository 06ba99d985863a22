"""Play all dialogs in other versions of uvicorn, with each of its classes and with ours in its place.

    python tests/uvicorn/versions.py 0.30.6 0.46.0 ...

Each version gets a virtual environment of its own below build/. Exit status 1: something differs that
docs/how-to/uvicorn.md does not tell.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from differences import comparable, different

ROOT = Path(__file__).parents[2]
DIALOGS = Path(__file__).with_name("dialogs.py")


def main() -> int:
    lines = [line for version in sys.argv[1:] for line in differences(version)]
    print("\n".join(lines) or "nothing differs but what is documented")
    return bool(lines)


def differences(version: str) -> Iterable[str]:
    numbers = tuple(map(int, version.split(".")))
    websockets = "12.0" if numbers < (0, 30) else "13.1" if numbers < (0, 34) else "15.0.1"
    if numbers >= (0, 54):
        websockets = "17.4"
    python = prepare(version, websockets)
    for ws in ("websockets", "websockets-sansio", "wsproto"):
        if ws == "websockets-sansio" and numbers < (0, 35):
            continue
        theirs, ours = (summary(python, ws + kind) for kind in ("", "+ours"))
        known = different(ws, numbers, tuple(map(int, websockets.split("."))), (1, 2, 0))
        for case, story in ours.items():
            if story["left"] or not story["ends"]:
                yield f"{version}, {ws}, {case}: a connection is left, or the server does not end"
            elif case not in known:
                for what, value in comparable(theirs[case], ws).items():
                    if value != comparable(story, ws)[what]:
                        yield f"{version}, {ws}, {case}: {what}"


def prepare(version: str, websockets: str) -> Path:
    """Make a virtual environment; return its interpreter."""
    home = ROOT / "build" / "uvicorn" / version
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    wanted = (f"uvicorn=={version}", f"websockets=={websockets}", "wsproto==1.2.0", "httptools")
    subprocess.run([str(python), "-m", "pip", "install", "-q", *wanted], check=True)
    return python


def summary(python: Path, ws: str) -> dict[str, dict[str, Any]]:
    """Play all dialogs there."""
    command = [str(python), "-W", "ignore", str(DIALOGS), ws]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(ROOT / "src")}, stdout=subprocess.PIPE, check=True, timeout=600
    )
    stories: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return stories


if __name__ == "__main__":
    sys.exit(main())
