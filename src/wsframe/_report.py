"""What `wsframe status` prints."""

from __future__ import annotations

import contextlib
import importlib
import io
import platform
import subprocess
import sys
from pathlib import Path

from . import __version__, backend
from .accelerate import HostStatus, install, status
from .accelerate._slot import distribution_version, load_host

# What the kernels look for, among the hundred flags of a CPU.
FEATURES = {
    *("sse2", "ssse3", "avx2", "bmi2", "avx512f", "avx512bw", "avx512vl", "avx512_vbmi", "avx512_vbmi2"),
    *("gfni", "sha_ni", "neon", "asimd", "sha1", "sha2"),
}


def report() -> tuple[str, bool]:
    """Describe this machine and every host.

    The hosts are really patched and proved, in this process.

    Returns:
        The text; and whether every host installed is active.
    """
    with contextlib.redirect_stderr(io.StringIO()):  # each complaint is in the table, too
        install()
        for host in status():
            _import(host.host)
    hosts = status()
    model, features = _cpu()
    implementation = f"{platform.python_implementation()} {platform.python_version()}"
    facts = [
        ("wsframe", f"{__version__} on {implementation}, {platform.system()} {platform.machine()}"),
        ("backend", backend),
        ("kernels", _kernels()),
        ("cpu", model),
        ("features", features),
    ]
    lines = [f"{name:<9} {value}" for name, value in facts if value]
    rows = [("host", "version", "tested", "under `wsframe run`"), *map(_row, hosts)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, "", *table]), all(host.active for host in hosts if host.version)


def _row(host: HostStatus) -> tuple[str, str, str, str]:
    verdict = "active" if host.active else host.why_not
    if host.active and host.why_not:
        verdict += f", but {host.why_not}"
    return host.host, host.version or "-", host.tested, verdict


def _import(name: str) -> None:
    """Import what a program that uses the host imports, as far as it is installed."""
    version = distribution_version(name)
    host = load_host(name)
    if version is None or not host.covers(version):
        with contextlib.suppress(Exception):
            importlib.import_module(name)
        return
    for part in (host, *host.parts):
        for module in part.modules:
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
