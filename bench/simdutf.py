"""The kernels beside simdutf: python -m bench.simdutf

Ratios of times in one run, the least of many rounds in turn: below 1 the kernels of wsframe are faster.
It takes a C++ compiler and simdutf: Debian's libsimdutf-dev, or SIMDUTF=/a/folder with its sources, which
is a copy of the repository or the two files of a release, simdutf.h and simdutf.cpp.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.texts import KINDS, text

ROOT = Path(__file__).parent.parent
KERNELS = ROOT / "ext" / "kernels"
PROGRAM = ROOT / "bench" / "native" / "simdutf.cpp"
CXX = shlex.split(os.environ.get("CXX", "c++"))
CC = shlex.split(os.environ.get("CC", "cc"))
SIZES = {"16 KiB": 2**14, "1 MiB": 2**20}


def simdutf(sources: str | None) -> list[str]:
    """The arguments that bring simdutf into a program."""
    if sources is None:
        return ["-lsimdutf"]
    folder = Path(sources)
    if (folder / "include" / "simdutf.h").exists():
        folder = folder.absolute()
        return [f"-I{folder / 'include'}", f"-I{folder / 'src'}", str(folder / "src" / "simdutf.cpp")]
    return [f"-I{folder}", str(folder / "simdutf.cpp")]


def build(folder: Path) -> Path | None:
    """Compile the program, or tell why that cannot be."""
    missing = [command[0] for command in (CXX, CC) if not shutil.which(command[0])]
    if missing:
        print(f"skipped: no {' and no '.join(missing)}")
        return None
    library = simdutf(os.environ.get("SIMDUTF"))
    includes = [flag for flag in library if flag.startswith("-I")]
    header = "#include <simdutf.h>\n"
    found = subprocess.run(
        [*CXX, *includes, "-E", "-x", "c++", "-"], input=header, capture_output=True, text=True
    )
    if found.returncode:
        print("skipped: no simdutf.h (libsimdutf-dev, or SIMDUTF=/a/folder with the sources)")
        return None
    sources = sorted(KERNELS.glob("*.c"))
    subprocess.run([*CC, "-std=c11", "-O3", f"-I{KERNELS}", "-c", *sources], check=True, cwd=folder)
    program = folder / "compare"
    objects = [folder / f"{source.stem}.o" for source in sources]
    subprocess.run(
        [*CXX, "-std=c++17", "-O3", f"-I{KERNELS}", PROGRAM, *objects, *library, "-o", program], check=True
    )
    return program


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = build(folder)
        if program is None:
            return 0
        for kind in KINDS:
            for size, length in SIZES.items():
                (folder / f"{size} {kind}").write_bytes(text(kind, length).encode())
        files = [f"{size} {kind}" for size in SIZES for kind in KINDS]
        done = subprocess.run([program, *files], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    print(f"{'':18}{'':10}{'kernel':8}{'wsframe':>10}{'simdutf':>10}{'ratio':>8}")
    for line in done.stdout.splitlines():
        file, work, kernel, ours, theirs = line.split("\t")
        times = f"{float(ours) / 1000:7.1f} us{float(theirs) / 1000:7.1f} us"
        print(f"{file:18}{work:10}{kernel:8}{times}{float(ours) / float(theirs):8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
