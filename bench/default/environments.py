"""Virtual environments with pinned versions, kept under build/, in which this checkout is importable."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "bench-default"


def environment(pins: tuple[str, ...]) -> Path:
    """Return the interpreter of an environment with these packages, and isal and uvloop; make it first."""
    name = hashlib.sha256(f"{sys.version} {sorted(pins)}".encode()).hexdigest()[:16]
    folder = FOLDER / name
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print("installing", *pins, file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*install, *pins, "httptools", "uvloop", "isal"], check=True)
        found = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        packages = Path(subprocess.run(found, check=True, capture_output=True, text=True).stdout.strip())
        (packages / "wsframe.pth").write_text(f"{ROOT / 'src'}\n")
        (folder / "ready").touch()
    return python
