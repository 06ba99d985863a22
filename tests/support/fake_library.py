"""A library of three modules, written to disk, and the file that makes it a host."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from wsframe import accelerate

LIBRARY = {
    "__init__.py": "",
    "core.py": """
def speed():
    return "slow"
""",
    "user.py": """
from fakehost.core import speed
class Codec:
    def name(self):
        return "slow codec"
    @staticmethod
    def twice():
        return 2 * speed()
""",
    "extra.py": """
def more():
    return "slow"
""",
}
HOST = """
from wsframe.accelerate.host import Host, Part

def fast(original, host):
    return lambda: "fast"

CODEC = {
    "name": lambda original, host: lambda self: "fast codec",
    "twice": lambda original, host: staticmethod(lambda: "fast twice"),
}

def prove():
    from fakehost.user import Codec
    if Codec().name() != "fast codec":
        raise RuntimeError("the original code was called")

HOST = Host(
    name="fakehost", first=(1, 2), before=(3, 0), modules=("fakehost.core", "fakehost.user"),
    seams={"fakehost.core": {"speed": fast}, "fakehost.user:Codec": CODEC},
    adds={"fakehost.user:Codec": {"added": 1}},
    prove=prove,
    parts=(Part(modules=("fakehost.extra",), seams={"fakehost.extra": {"more": fast}}, prove=lambda: None),),
)
"""


def write(where: Path) -> None:
    """Put the library, version 1.4, into `where/lib` and its host file into `where/hosts`."""
    package = where / "lib" / "fakehost"
    package.mkdir(parents=True)
    for name, source in LIBRARY.items():
        (package / name).write_text(source)
    set_version(where, "1.4")
    (where / "hosts").mkdir()
    write_host(where)


def set_version(where: Path, version: str) -> None:
    info = where / "lib" / "fakehost-0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fakehost\nVersion: {version}\n")


def write_host(where: Path, old: str = "", new: str = "") -> None:
    """Write the host file, with one thing different."""
    assert old in HOST
    (where / "hosts" / "fakehost.py").write_text(HOST.replace(old, new, 1))


def load(name: str) -> Any:
    return importlib.import_module(name)


def record() -> accelerate.HostStatus:
    (found,) = [line for line in accelerate.status() if line.host == "fakehost"]
    return found
