"""Builds what a release uploads, checks it, installs it, and uploads nothing: `make release-check`.

It leaves the sdist, the wheels and the bill of materials in build/release.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
RELEASE = ROOT / "build" / "release"
DIST = RELEASE / "dist"
BIN = Path(sys.executable).parent
# The address that a release sets; without one the description has no links to follow.
URL = os.environ.get("WSFRAME_URL", "https://git.example/wsframe")
EMAIL = os.environ.get("WSFRAME_EMAIL", "maintainers@git.example")  # and the one that mail goes to
GENERATED = ("PKG-INFO", "setup.cfg", "src/wsframe.egg-info/")
PURE = {"WSFRAME_PURE": "1"}
COMPILED = {"WSFRAME_REQUIRE_EXTENSIONS": "1"}


def run(*words: str | Path, more: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    """Run a command; return what it writes to stdout, or exit with all that it writes."""
    print("$", *(Path(word).name if Path(word).is_absolute() else word for word in words), flush=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WSFRAME_")}
    environ |= {"WSFRAME_URL": URL, "WSFRAME_EMAIL": EMAIL, **(more or {})}
    done = subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{done.stderr}\nexit status {done.returncode}")
    return done.stdout


def only(pattern: str, folder: Path = DIST) -> Path:
    """Find the one file of a pattern."""
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise SystemExit(f"{len(found)} files {pattern}: {', '.join(map(str, found))}")
    return found[0]


def build_sdist() -> Path:
    """Build the sdist, and compare it with the files of the repository."""
    run(BIN / "python", "-m", "build", "--no-isolation", "--sdist", "--outdir", DIST)
    sdist = only("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if name.partition("/")[2]}
        files = {name for name in names if not any(other.startswith(f"{name}/") for other in names)}
    tracked = {name for name in run("git", "ls-files").splitlines() if (ROOT / name).exists()}
    missing, strange = tracked - files, {name for name in files - tracked if not name.startswith(GENERATED)}
    if missing or strange:
        raise SystemExit(f"sdist: missing {sorted(missing)}, not in the repository {sorted(strange)}")
    print(f"  {len(files)} files, {sdist.stat().st_size // 1024} kB: the repository and what setuptools adds")
    return sdist


def build_wheel(sdist: Path, more: dict[str, str], *options: str) -> Path:
    """Build a wheel from the sdist."""
    folder = RELEASE / ("pure" if more is PURE else "compiled")
    build = ("wheel", "--no-deps", "--no-build-isolation", "--no-cache-dir", "-q", "--wheel-dir", folder)
    run(BIN / "python", "-m", "pip", *build, *options, sdist, more=more)
    return only("*.whl", folder)


def check_modules(wheel: Path) -> None:
    """See that a wheel has every compiled module, and none of the sources."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    wanted = {path.stem for path in (ROOT / "ext" / "wsframe" / "_c").glob("*.pyx")}
    got = {Path(name).name.partition(".")[0] for name in names if name.endswith((".so", ".pyd"))}
    sources = [name for name in names if name.endswith((".c", ".h", ".pyx", ".pxd"))]
    if got != wanted or sources:
        raise SystemExit(f"{wheel.name}: not {sorted(wanted ^ got)}; sources {sources}")
    print(f"  {wheel.name}: {len(got)} compiled modules, {wheel.stat().st_size // 1024} kB")


def install(what: Path, name: str, more: dict[str, str], *options: str) -> Path:
    """Install into a fresh environment, run it there, and return its Python."""
    folder = RELEASE / name
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(python, "-m", "pip", "install", "-q", "--no-cache-dir", *options, what, more=more)
    run(python, "-m", "pip", "check")
    said = run(python.with_name("wsframe"), "status", "--json", cwd=folder)
    facts = json.loads(said)
    compiled = facts["backend"] != "py"
    if compiled is not (more is COMPILED):
        raise SystemExit(f"{what.name}: backend {facts['backend']}")
    print(f"  {what.name}: {facts['wsframe']}, backend {facts['backend']}")
    return python


def main() -> None:
    shutil.rmtree(RELEASE, ignore_errors=True)
    sdist = build_sdist()
    wheel = build_wheel(sdist, COMPILED)
    check_modules(wheel)
    if sys.platform == "linux":
        run(
            BIN / "auditwheel",
            "repair",
            "--wheel-dir",
            DIST,
            wheel,
            more={"PATH": f"{BIN}:{os.environ['PATH']}"},
        )
        wheel = only("*manylinux*.whl")
        print(run(BIN / "auditwheel", "show", wheel).strip())
    else:
        wheel = Path(shutil.copy(wheel, DIST))
    pure = Path(shutil.copy(build_wheel(sdist, PURE, "-C--build-option=--python-tag=pp3"), DIST))
    run(BIN / "twine", "check", "--strict", sdist, wheel, pure)
    run(BIN / "check-wheel-contents", wheel, pure)
    print(run(BIN / "pyroma", "--min", "10", sdist).strip())
    python = install(wheel, "from-wheel", COMPILED)
    install(sdist, "from-sdist", COMPILED)
    install(sdist, "from-sdist-pure", PURE)
    run(python, "-m", "pip", "uninstall", "-q", "-y", "pip", "setuptools")  # nothing is left but the wheel
    bill = RELEASE / "wsframe.cdx.json"
    run(BIN / "cyclonedx-py", "environment", "--output-reproducible", "--output-file", bill, python)
    components = [one["name"] for one in json.loads(bill.read_text("utf-8"))["components"]]
    if "wsframe" not in components:
        raise SystemExit(f"{bill.name}: {components}")
    print(f"{bill.name}: {', '.join(components)}")
    print("all sound:", *sorted(path.name for path in DIST.iterdir()))


if __name__ == "__main__":
    main()
