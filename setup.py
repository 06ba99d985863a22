"""The extension modules and the switches of their build."""

import os
import re
import sys
from glob import glob
from pathlib import Path

from setuptools import Extension, setup

PURE = os.environ.get("WSFRAME_PURE", "0") not in ("", "0")
REQUIRED = os.environ.get("WSFRAME_REQUIRE_EXTENSIONS", "0") not in ("", "0")
TRACED = os.environ.get("WSFRAME_TRACE", "0") not in ("", "0")  # for `make coverage`: slow
MODULES = (
    "kernel",
    "mask",
    "header",
    "accept",
    "request",
    "utf8",
    "decoder",
    "frame_decoder",
    "message_decoder",
    "whole_frames",
    "encoder",
    "coalescer",
    "waiter",
    "receiver",
    "messages",
    "stream",
    "asgi",
    "watch",
    "broadcaster",
    "fast_connection",
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
TRACE = [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]
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
            define_macros=TRACE if TRACED else [],
            extra_compile_args=os.environ.get("WSFRAME_CFLAGS", FLAGS).split(),
        )
        for name in MODULES
    ]
    modules = cythonize(
        modules,
        build_dir=None if TRACED else "build/cython",  # coverage looks for the C beside the .pyx
        include_path=["ext"],
        compiler_directives={**DIRECTIVES, "linetrace": TRACED},
    )
    for module in modules:
        module.optional = not REQUIRED  # cythonize() would drop it above
    return modules


def description(url, site):
    """Return README.md, with absolute links if the address of the repository is known: PyPI needs them.

    Pages of the documentation are those of its site, if that has an address.
    """
    text = Path("README.md").read_text(encoding="utf-8")
    if not url:
        return text
    version = re.search('__version__ = "(.*)"', Path("src/wsframe/__init__.py").read_text())[1]

    def absolute(match):
        picture, name, target = match.groups()
        page = re.fullmatch(r"docs/(.+)\.md(#.+)?", target)
        if site and page:
            return f"{name}({site}/{page[1]}.html{page[2] or ''})"
        return f"{picture}{name}({url}/{'raw' if picture else 'blob'}/v{version}/{target})"

    return re.sub(r"(!?)(\[[^]]*\])\((?!https?:)([^)]+)\)", absolute, text)


def urls(url, site):
    """Return the links of the project; they begin where a release is made."""
    places = {
        "Changelog": "/blob/main/CHANGELOG.md",
        "Source": "",
        "Issues": "/issues",
        "Security": "/security/policy",
    }
    if not url:
        return {}
    documentation = site or f"{url}/blob/main/docs/index.md"
    return {"Documentation": documentation, **{name: f"{url}{place}" for name, place in places.items()}}


def people(email):
    """Return the authors and the maintainers, who are one team; a release adds their address."""
    name = "the wsframe developers"
    if email:
        return {"author_email": f"{name} <{email}>", "maintainer_email": f"{name} <{email}>"}
    return {"author": name, "maintainer": name}


# Releases name the address of the repository that they are made from, that of the site, and that of the
# maintainers.
URL = os.environ.get("WSFRAME_URL", "").rstrip("/")
SITE = os.environ.get("WSFRAME_DOCS_URL", "").rstrip("/")
EMAIL = os.environ.get("WSFRAME_EMAIL", "")

setup(
    **people(EMAIL),
    ext_modules=extensions(),
    long_description=description(URL, SITE),
    long_description_content_type="text/markdown",
    project_urls=urls(URL, SITE),
)
