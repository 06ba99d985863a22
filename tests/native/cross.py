"""Compiles the kernels and the Cython modules for machines that are not here: `make cross`.

Only a compile check: warnings are errors, except in what Cython writes. zig has the headers of each C
library; those of Python are the ones of this interpreter, with a pyconfig.h for the other machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension

ROOT = Path(__file__).parents[2]
CROSS = ROOT / "build" / "cross"
# Target of zig: bits of `long`, and of a pointer.
TARGETS = {
    "x86_64-linux-musl": (64, 64),
    "x86-linux-gnu": (32, 32),
    "aarch64-linux-gnu": (64, 64),
    "arm-linux-gnueabihf": (32, 32),
    "powerpc64le-linux-gnu": (64, 64),
    "powerpc64-linux-musl": (64, 64),
    "s390x-linux-gnu": (64, 64),
    "riscv64-linux-gnu": (64, 64),
    "x86_64-macos": (64, 64),
    "aarch64-macos": (64, 64),
    "x86_64-windows-gnu": (32, 64),
    "x86-windows-gnu": (32, 32),
    "aarch64-windows-gnu": (32, 64),
}
STRICT = (
    *("-Wall", "-Wextra", "-Werror", "-Wvla", "-Wpointer-arith"),
    *("-Wgnu-statement-expression", "-Wno-unknown-warning-option"),
)
LAX = ("-O0", "-D_GNU_SOURCE", "-w", "-Werror=implicit-function-declaration")
# The Windows part of CPython's own PC/pyconfig.h that its headers look at.
WINDOWS = """
#define MS_WINDOWS 1
#define MS_WIN32 1
#define NT_THREADS 1
#define WITH_THREAD 1
#define PLATLIBDIR "DLLs"
#define HAVE_WINDOWS_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_SYS_STAT_H 1
#define HAVE_STDDEF_H 1
#define HAVE_STDINT_H 1
#define SIZEOF_WCHAR_T 2
#define SIZEOF_PID_T SIZEOF_INT
#include <basetsd.h>
#include <stddef.h>
typedef SSIZE_T Py_ssize_t;
#define HAVE_PY_SSIZE_T 1
#define PY_SSIZE_T_MAX SSIZE_MAX
#define HAVE_DECLSPEC_DLL 1
#define Py_NO_LINK_LIB 1
"""


def pyconfig(target: str, long: int, pointer: int) -> str:
    """Write the pyconfig.h of a target."""
    sizes = {"INT": 4, "SHORT": 2, "LONG": long // 8, "LONG_LONG": 8, "VOID_P": pointer // 8}
    sizes |= {"SIZE_T": pointer // 8, "FLOAT": 4, "DOUBLE": 8, "TIME_T": 8, "OFF_T": 8, "FPOS_T": 16}
    lines = [f"#undef SIZEOF_{name}\n#define SIZEOF_{name} {size}" for name, size in sizes.items()]
    if "windows" in target:
        return "\n".join([*lines, f"#define MS_WIN{pointer} 1", WINDOWS])
    host = Path(sysconfig.get_config_h_filename()).read_text("utf-8")
    if "s390x" in target or target.startswith("powerpc64-"):
        lines.append("#define WORDS_BIGENDIAN 1")
    return "\n".join([host, *lines])


def headers(target: str) -> Path:
    """Make the headers of Python for a target."""
    folder = CROSS / target / "include"
    shutil.copytree(sysconfig.get_path("include"), folder, ignore=shutil.ignore_patterns("pyconfig*.h"))
    (folder / "pyconfig.h").write_text(pyconfig(target, *TARGETS[target]), "utf-8")
    return folder


def sources() -> list[str]:
    """Let Cython write the C of every module; return its files, and leave the kernels out."""
    paths = sorted((ROOT / "ext/wsframe/_c").glob("*.pyx"))
    modules = [Extension(f"wsframe._c.{path.stem}", [str(path.relative_to(ROOT))]) for path in paths]
    directives = {"language_level": 3, "freethreading_compatible": True}
    made = cythonize(
        modules, build_dir="build/cross/c", include_path=["ext"], compiler_directives=directives, quiet=True
    )
    return [module.sources[0] for module in made]


def compiles(target: str, file: str, *words: str) -> bool:
    """Compile a file for a target; say what went wrong."""
    made = CROSS / target / f"{Path(file).stem}.o"
    command = [sys.executable, "-m", "ziglang", "cc", "-target", target, "-std=c11", *words, "-c", file, "-o"]
    done = subprocess.run([*command, str(made)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(f"{target}: {done.stderr[-3000:]}", flush=True)
    return not done.returncode


def main(wanted: list[str]) -> int:
    os.chdir(ROOT)
    shutil.rmtree(CROSS, ignore_errors=True)
    kernels = [str(path) for path in sorted(Path("ext/kernels").glob("*.c"))]
    modules, failed = sources(), []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for target in wanted or TARGETS:
            paths = ("-Iext", "-Iext/wsframe/_c", f"-I{headers(target)}")
            work = [(target, file, "-O1", *STRICT) for file in kernels]
            work += [(target, file, *paths, *LAX) for file in modules]
            good = all(list(pool.map(lambda words: compiles(*words), work)))
            print(f"{target}: {f'{len(work)} files' if good else 'FAILED'}", flush=True)
            if not good:
                failed.append(target)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
