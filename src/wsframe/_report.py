"""What `wsframe status` prints."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from . import __version__, backend
from ._next_steps import next_steps
from .accelerate import HostStatus, install, status
from .accelerate.compression import resolved_zlib
from .accelerate.host import distribution_version, imported_as, load_host
from .accelerate.report import BOLD, DIM, GREEN, YELLOW, painted
from .accelerate.untested import refusal

HEAD = ("host", "version", "tested", "under `wsframe run`")

# What a host imports by default, where that depends on its version: uvicorn's class for WebSockets.
DEFAULTS = {"uvicorn": ("uvicorn.protocols.websockets.auto",)}

# What the kernels look for, among the hundred flags of a CPU.
FEATURES = {
    *("sse2", "ssse3", "avx2", "bmi2", "avx512f", "avx512bw", "avx512vl", "avx512_vbmi", "avx512_vbmi2"),
    *("gfni", "sha_ni", "neon", "asimd", "sha1", "sha2"),
}


class Report(NamedTuple):
    """This machine, and every host as it would be under `wsframe run`."""

    facts: dict[str, str]
    hosts: list[HostStatus]
    next: list[str]

    @property
    def whole(self) -> bool:
        """Whether every host installed is active."""
        return all(host.active for host in self.hosts if host.version)

    def text(self, *, colour: bool) -> str:
        """Write it for people."""
        lines = [f"{name:<9} {value}" for name, value in self.facts.items() if value]
        rows = [HEAD, *map(_row, self.hosts)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        if colour:
            table = list(map(painted, table, [BOLD, *map(_colour, self.hosts)]))
        steps = [f"{'then' if i else 'next'}: {step}" for i, step in enumerate(self.next)]
        return "\n".join([*lines, "", *table, *([""] if steps else []), *steps])

    def json(self) -> str:
        """Write it for programs."""
        hosts = [host._asdict() for host in self.hosts]
        return json.dumps({**self.facts, "hosts": hosts, "next": self.next}, indent=2)


def report() -> Report:
    """Describe this machine and every host, each really patched and proved in this process."""
    with contextlib.redirect_stderr(io.StringIO()):  # each complaint is in the table, too
        install()
        for host in status():
            _import(host.host)
    model, features = _cpu()
    implementation = f"{platform.python_implementation()} {platform.python_version()}"
    facts = {
        "wsframe": f"{__version__} on {implementation}, {platform.system()} {platform.machine()}",
        "backend": backend,
        "kernels": _kernels(),
        "zlib": resolved_zlib(os.environ.get("WSFRAME_ZLIB") or "auto"),
        "cpu": model,
        "features": features,
    }
    hosts = status()
    return Report(facts, hosts, next_steps(hosts))


def _row(host: HostStatus) -> tuple[str, str, str, str]:
    verdict = "active" if host.active else f"left alone: {host.why_not}" if host.version else host.why_not
    for note in host.notes:
        verdict += f", {note}"
    if host.coalesces:
        verdict += ", coalesces writes"
    if host.zlib:
        verdict += f", compresses with {host.zlib}"
    if host.active and host.why_not:
        verdict += f", but {host.why_not}"
    if host.unpatched:
        verdict += f", but not {', '.join(host.unpatched)}"
    return host.host, host.version or "-", host.tested, verdict


def _colour(host: HostStatus) -> int:
    if host.version is None:
        return DIM
    return GREEN if host.active and not host.why_not and not host.unpatched else YELLOW


def _import(name: str) -> None:
    """Import what a program that uses the host imports, as far as it is installed."""
    version = distribution_version(name)
    host = load_host(name)
    modules = [imported_as(name), *DEFAULTS.get(name, ())]
    if version is not None and not refusal(host, version):
        modules += [module for part in (host, *host.parts) for module in part.modules]
        deflating = host.deflating_of(version)
        modules += [deflating.module] if deflating else []
    for module in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(module)


def _kernels() -> str:
    if backend == "py":
        return ""
    from ._c.kernel import available

    return " ".join(available())


def _cpu() -> tuple[str, str]:
    """Name the CPU, and those of its features the kernels look for."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        facts = {key.strip().lower(): value.strip() for key, _, value in (ln.partition(":") for ln in lines)}
        flags = (facts.get("flags") or facts.get("features") or "").split()
        found = " ".join(flag for flag in flags if flag in FEATURES)
        return facts.get("model name") or platform.machine(), found
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip(), ""
    return platform.processor(), ""
