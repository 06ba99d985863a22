"""What would make this machine faster: the steps that `wsframe status` names."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from . import backend
from .accelerate import HostStatus
from .accelerate.compression import INSTALL_FASTER, resolved_zlib
from .accelerate.host import load_host
from .accelerate.untested import refusal

OWN_PROTOCOL = "own protocol"  # the note of a uvicorn that uses our class
OWN_CLASS = "uvicorn --ws wsframe.uvicorn:WebSocketProtocol"


def next_steps(hosts: Sequence[HostStatus]) -> list[str]:
    """Name what is left to do, the best step first.

    Args:
        hosts: the state of the libraries under `wsframe run`.
    """
    steps = _of_versions(hosts), _of_compression(hosts), _of_uvicorn(hosts), _of_libraries(hosts)
    return [*_of_the_backend(), *chain(*steps), *_of_programs(hosts)]


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # its package is absent, or it has been ruled out
        return False


def _of_the_backend() -> Iterator[str]:
    if backend != "py" or sys.implementation.name != "cpython":  # PyPy
        return
    if _is_there("wsframe._c.kernel"):
        yield "unset WSFRAME_PURE: the compiled modules are here, and not used"
    else:
        again = "pip install --force-reinstall --no-cache-dir wsframe"
        missing = _missing_to_compile()
        yield f"{f'install {missing}, then ' if missing else ''}`{again}`: all is pure Python now"


def _missing_to_compile() -> str:
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cl").split()[0]
    if not shutil.which(compiler):
        return "a C compiler"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "the C headers of Python (python3-dev, python3-devel)"
    return ""


def _of_versions(hosts: Sequence[HostStatus]) -> Iterator[str]:
    for host in hosts:
        if host.version and refusal(load_host(host.host), host.version):
            wanted = f"{host.host.replace('_', '-')}{host.tested}"
            yield f"pip install '{wanted}': {host.host} {host.version} is left alone"


def _of_compression(hosts: Sequence[HostStatus]) -> Iterator[str]:
    chosen = os.environ.get("WSFRAME_ZLIB") or "auto"
    if chosen != "auto" or resolved_zlib(chosen) != "zlib":
        return
    if any(host.active and (load_host(host.host).deflating or host.notes) for host in hosts):
        yield f"{INSTALL_FASTER}: messages are compressed faster by isal than by zlib"


def _of_uvicorn(hosts: Sequence[HostStatus]) -> Iterator[str]:
    for host in hosts:
        # Where `wsframe run` uses our class by itself, there is nothing left to do.
        if host.host != "uvicorn" or not host.version or OWN_PROTOCOL in host.notes:
            continue
        if not _is_there("httptools"):
            yield "pip install httptools: wsframe's own protocol for uvicorn, its fastest, needs it"
            continue
        try:
            importlib.import_module("wsframe.uvicorn")
        except Exception:  # this version of uvicorn has not what it needs
            continue
        yield f"`{OWN_CLASS}` is faster than any class of uvicorn that is accelerated"


def _of_libraries(hosts: Sequence[HostStatus]) -> Iterator[str]:
    if not any(host.version for host in hosts):
        yield "pip install 'wsframe[asyncio]': no library to accelerate is here; wsframe.asyncio needs none"


def _of_programs(hosts: Sequence[HostStatus]) -> Iterator[str]:
    if any(host.active for host in hosts):
        yield "start your program with `wsframe run -- PROGRAM ARGUMENT ...`"
