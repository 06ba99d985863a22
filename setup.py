"""The extension modules and the switches of their build."""

import os
import sys
from glob import glob

from setuptools import Extension, setup

REQUIRED = os.environ.get("WSFRAME_REQUIRE_EXTENSIONS", "0") not in ("", "0")
PURE = os.environ.get("WSFRAME_PURE", "0") not in ("", "0")
MODULES = ("kernel", "mask", "header", "accept", "utf8", "decoder", "encoder")
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
FLAGS = ["/O2"] if sys.platform == "win32" else ["-O3", "-g0", "-Werror=implicit-function-declaration"]


def extensions():
    if PURE or sys.implementation.name != "cpython":
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        if REQUIRED:
            raise
        return []
    modules = [
        Extension(
            f"wsframe._c.{name}",
            [f"ext/wsframe/_c/{name}.pyx", *(KERNELS if name == "kernel" else [])],
            depends=HEADERS,
            include_dirs=["ext", "ext/wsframe/_c"],
            extra_compile_args=os.environ.get("WSFRAME_CFLAGS", " ".join(FLAGS)).split(),
        )
        for name in MODULES
    ]
    modules = cythonize(
        modules, build_dir="build/cython", include_path=["ext"], compiler_directives=DIRECTIVES
    )
    for module in modules:
        module.optional = not REQUIRED
    return modules


setup(ext_modules=extensions())
