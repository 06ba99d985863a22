"""The extension modules and the switches of their build."""

import os
import sys
from glob import glob

from setuptools import Extension, setup

PURE = os.environ.get("WSFRAME_PURE", "0") not in ("", "0")
REQUIRED = os.environ.get("WSFRAME_REQUIRE_EXTENSIONS", "0") not in ("", "0")
MODULES = (
    "kernel",
    "mask",
    "header",
    "accept",
    "utf8",
    "decoder",
    "encoder",
    "coalescer",
    "stream",
    "watch",
)
KERNELS = sorted(glob("ext/kernels/*.c"))
HEADERS = sorted(glob("ext/**/*.h", recursive=True))
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "auto_pickle": False,
    "autotestdict": False,
    "freethreading_compatible": True,
}
if sys.platform == "win32":
    FLAGS = "/O2"
else:  # a macro that CPython dropped must not wait for the import to fail
    FLAGS = "-O3 -g0 -fvisibility=hidden -Werror=implicit-function-declaration"


def extensions():
    if PURE:
        return []
    if sys.implementation.name != "cpython":
        if REQUIRED:
            raise SystemExit("WSFRAME_REQUIRE_EXTENSIONS: the compiled modules need CPython")
        return []
    from Cython.Build import cythonize

    modules = [
        Extension(
            f"wsframe._c.{name}",
            [f"ext/wsframe/_c/{name}.pyx", *(KERNELS if name == "kernel" else [])],
            depends=HEADERS,
            include_dirs=["ext", "ext/wsframe/_c"],
            extra_compile_args=os.environ.get("WSFRAME_CFLAGS", FLAGS).split(),
        )
        for name in MODULES
    ]
    modules = cythonize(
        modules, build_dir="build/cython", include_path=["ext"], compiler_directives=DIRECTIVES
    )
    for module in modules:
        module.optional = not REQUIRED  # cythonize() would drop it above
    return modules


setup(ext_modules=extensions())
