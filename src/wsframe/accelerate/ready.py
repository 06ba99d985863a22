"""What `wsframe run` reports before the program starts: which Python runs it, and what it can accelerate.

Nothing of the program has been imported yet, so it is not known which of these libraries it uses.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .. import backend
from .compression import INSTALL_FASTER, resolved_zlib
from .host import distribution_version, load_host
from .launch import Launch, follow, program_name
from .untested import refusal, untested

PROBE_TIME = 10  # seconds in which another Python must report what it has

# Runs on any version of Python. It must not import from the folder of the program.
PROBE = """
import json, sys
sys.path[:] = [entry for entry in sys.path if entry]
report = {"python": sys.executable, "wsframe": False}
try:
    if sys.version_info >= (3, 10):
        import wsframe
        report["wsframe"] = True
        from wsframe.accelerate.ready import Ready, ready
        report["ready"] = ready(sys.argv[1:])
except Exception:
    pass
print(json.dumps(report))
"""


class Ready(NamedTuple):
    """What one Python has installed.

    Attributes:
        found: the versions of the hosts that can be accelerated.
        left_alone: a line for each of the others.
        by: the backend, and what compresses.
    """

    found: dict[str, str]
    left_alone: list[str]
    by: str


class Plan(NamedTuple):
    """What to print before the program starts, and what to pass to its Python.

    Attributes:
        hosts: the libraries that its Python is to accelerate.
        announcement: one line.
        good: whether that line is good news.
        left_alone: a line for each host that is left alone.
        without: the Python that has no wsframe, if the announcement says so; it does not repeat that.
    """

    hosts: tuple[str, ...]
    announcement: str
    good: bool = False
    left_alone: Sequence[str] = ()
    without: str = ""


def ready(hosts: Sequence[str]) -> Ready:
    """Look up which hosts are installed for this Python, in which versions; nothing of them is imported."""
    found, left_alone = {}, []
    for name in hosts:
        if version := distribution_version(name):
            host = load_host(name)
            if reason := refusal(host, version) or host.obstacle():
                left_alone.append(f"{name} left alone: {reason}")
            else:
                notes = [note for note in (untested(host, version), *host.notes) if note]
                found[name] = f"{version} ({', '.join(notes)})" if notes else version
    return Ready(found, left_alone, ", ".join([backend, *_compressed_by(found)]))


def _compressed_by(found: Mapping[str, str]) -> list[str]:
    """Name the zlib module; none if no host compresses and the user named none."""
    zlib = os.environ.get("WSFRAME_ZLIB") or "auto"
    if zlib != "auto":
        return [zlib]
    hosts = map(load_host, found)
    if not any(host.deflating or host.notes for host in hosts):
        return []
    best = resolved_zlib(zlib)
    return [f"zlib; faster: {INSTALL_FASTER}" if best == "zlib" else best]


def plan(name: str, command: Sequence[str], hosts: Sequence[str], *, quiet: bool) -> Plan:
    """Find out what can be accelerated in a command.

    Args:
        name: of the program, for people.
        command: as it will be executed.
        hosts: the libraries to accelerate.
        quiet: the announcement will not be printed, so another Python is not started to find out.
    """
    if os.environ.get("WSFRAME_ACCELERATE") == "0":
        return Plan((), "WSFRAME_ACCELERATE=0: nothing is accelerated")
    launch = _launched_by(command)
    if launch.ignores:
        reason = f"{name} runs a Python told to ignore PYTHONPATH"
        return Plan(tuple(hosts), f"{reason}: nothing is accelerated")
    if launch.bare:
        return Plan(tuple(hosts), f"{name} takes PYTHONPATH away: nothing is accelerated")
    if launch.chooser:
        return _somewhere(hosts, f"the Python that {launch.chooser} chooses")
    if not launch.python:
        return _in_here(hosts, f" in what {name} runs with {sys.executable}")
    if is_this_environment(launch.python):
        return _in_here(hosts)
    return _elsewhere(launch.python, hosts, quiet=quiet)


def is_this_environment(python: str) -> bool:
    """Tell whether an interpreter would import what this one imports."""
    folder = os.path.dirname(os.path.abspath(python))
    for place in (folder, os.path.dirname(folder)):  # where the interpreter itself looks
        if os.path.isfile(os.path.join(place, "pyvenv.cfg")):
            return os.path.realpath(place) == os.path.realpath(sys.prefix)
    return sys.prefix == sys.base_prefix and os.path.realpath(python) == os.path.realpath(sys.executable)


def _launched_by(command: Sequence[str]) -> Launch:
    if sys.platform == "win32":  # a script there is a program with the path of its Python somewhere inside
        scripts = os.path.normcase(sysconfig.get_path("scripts"))
        first = os.path.normcase(os.path.abspath(command[0]))
        if os.path.dirname(first) == scripts and not program_name(first).startswith("py"):
            return Launch(sys.executable)
    return follow(command, os.environ)


def _in_here(hosts: Sequence[str], where: str = "") -> Plan:
    found = ready(hosts)
    if found.found:
        return Plan(tuple(found.found), f"{_named(found)}{where}", True, found.left_alone)
    nothing = "nothing is accelerated" if found.left_alone else "nothing to accelerate is installed"
    return Plan((), f"{nothing}{where}", False, found.left_alone)


def _somewhere(hosts: Sequence[str], python: str) -> Plan:
    return Plan(tuple(hosts), f"ready to accelerate what {python} runs, if wsframe is installed there")


def _elsewhere(python: str, hosts: Sequence[str], *, quiet: bool) -> Plan:
    report: dict[str, Any] = {} if quiet else _ask(python, hosts, os.environ)
    if report.get("wsframe") is False:
        reason = f"wsframe is not installed for {python}"
        return Plan(tuple(hosts), f"nothing is accelerated: {reason}", without=report["python"])
    if not report.get("ready"):
        return _somewhere(hosts, python)
    found = Ready(*report["ready"])
    if found.found:
        return Plan(tuple(found.found), f"{_named(found)} in {python}", True, found.left_alone)
    nothing = "nothing is accelerated" if found.left_alone else "nothing to accelerate is installed"
    return Plan((), f"{nothing} for {python}", False, found.left_alone)


def _named(found: Ready) -> str:
    return f"ready to accelerate {', '.join(map(' '.join, found.found.items()))} ({found.by})"


def _ask(python: str, hosts: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """Start another Python that reports what it has; return nothing if that fails."""
    try:
        done = subprocess.run(
            [python, "-c", PROBE, *hosts],
            env={**environ, "WSFRAME_RUN": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PROBE_TIME,
            check=True,
        )
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return {}
    return report
