"""`wsframe run`: start a program whose Python, and that of its children, accelerates the host libraries.

PYTHONPATH brings our `sitecustomize` into each of them; then this process becomes the program, so its process
id, signals and exit status are the program's own.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from .. import backend
from ._host import imported_as
from ._slot import distribution_version, load_host
from ._terminal import GREEN, YELLOW, say

SITE = str(Path(__file__).with_name("_site"))
NOT_EXECUTABLE = 126  # what a shell answers
NOT_FOUND = 127


class CannotRunError(Exception):
    """There is nothing to become.

    Args:
        exit_status: what a shell would answer.
        reason: one line for people.
    """

    def __init__(self, exit_status: int, reason: str) -> None:
        super().__init__(reason)
        self.exit_status = exit_status

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.exit_status, *self.args), self.__dict__


def run(program: Sequence[str], hosts: Sequence[str], *, quiet: bool) -> NoReturn:
    """Become the program.

    Args:
        program: a console script, a Python file, or `-m` and a module; then its arguments.
        hosts: the libraries to accelerate.
        quiet: do not tell which these are.

    Raises:
        CannotRunError: no such program, or it cannot be executed.
    """
    command = find_program(program)
    off = os.environ.get("WSFRAME_ACCELERATE") == "0"
    versions = {} if off else {name: version for name in hosts if (version := distribution_version(name))}
    fit = {}
    for name, version in versions.items():
        host = load_host(name)
        if host.covers(version):
            fit[name] = version
        else:
            say(f"{name} left alone: {host.misfit(version)}")
    colour = YELLOW
    if off:
        announcement = "WSFRAME_ACCELERATE=0: nothing is accelerated"
    elif ignores_environment(command):
        announcement = f"{program[0]} runs a Python told to ignore PYTHONPATH: nothing is accelerated"
    elif fit:
        zlib = os.environ.get("WSFRAME_ZLIB")
        by = f"{backend}, {zlib}" if zlib else backend
        colour = GREEN
        announcement = f"accelerating {', '.join(map(' '.join, fit.items()))} ({by})"
    else:
        announcement = "nothing is accelerated" if versions else "nothing to accelerate is installed"
    if not quiet:
        say(announcement, colour)
    _become(command, environment(os.environ, tuple(fit)))


def find_program(program: Sequence[str]) -> list[str]:
    """Find what to execute.

    Scripts of the environment wsframe lives in come before those on PATH: others would not find wsframe.

    Raises:
        CannotRunError: there is no such program.
    """
    name, *arguments = program
    if name == "-m":
        if not _module_exists(arguments[0]):
            raise CannotRunError(NOT_FOUND, f"{arguments[0]}: no such module")
        return [sys.executable, *program]
    if name.endswith((".py", ".pyw", ".pyz")):
        if not os.path.isfile(name):
            raise CannotRunError(NOT_FOUND, f"{name}: no such file")
        return [sys.executable, *program]
    scripts = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    found = shutil.which(name, path=scripts)
    if found:
        return [found, *arguments]
    if os.path.dirname(name) and os.path.exists(name):
        raise CannotRunError(NOT_EXECUTABLE, f"{name}: cannot be executed")
    raise CannotRunError(NOT_FOUND, f"{name}: no such program")


def environment(environ: Mapping[str, str], hosts: Sequence[str]) -> dict[str, str]:
    """Lead the user's own PYTHONPATH with our directory, once."""
    before = environ.get("PYTHONPATH")
    own = [entry for entry in before.split(os.pathsep) if entry != SITE] if before else []
    run = ",".join(map(_entry, hosts))
    return {**environ, "PYTHONPATH": os.pathsep.join([SITE, *own]), "WSFRAME_RUN": run}


def _entry(host: str) -> str:
    """Name a host as sitecustomize reads it."""
    package = imported_as(host)
    return host if package == host else f"{package}={host}"


def ignores_environment(command: Sequence[str]) -> bool:
    """Tell whether the program, or the first line of its script, says `python -I`, `-E` or `-S`."""
    words = list(command)
    try:
        with open(words[0], "rb") as file:
            first = file.readline(512)
    except OSError:
        first = b""
    if first.startswith(b"#!"):
        words = shlex.split(first[2:].decode(errors="replace"))
    if "python" not in os.path.basename(words[0]):
        return False
    for word in words[1:]:
        if not word.startswith("-") or word in ("-", "--") or word[1] in "cmWX":
            return False
        if not word.startswith("--") and set("IES") & set(word):
            return True
    return False


def _module_exists(name: str) -> bool:
    top = name.partition(".")[0]  # to look for more would import it
    try:
        return bool(PathFinder.find_spec(top, [os.getcwd()]) or find_spec(top))
    except ValueError:
        return False


def _become(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    if sys.platform == "win32":  # exec there starts a process nobody can wait for
        with subprocess.Popen(command, env=environ) as process:
            while True:
                try:
                    sys.exit(process.wait())
                except KeyboardInterrupt:
                    continue  # the program gets Ctrl-C too, and decides
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by every Python, for itself; exec would pass that on
        signal.signal(ignored, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if stream:
            stream.flush()
    try:
        os.execve(command[0], list(command), environ)
    except OSError as exc:
        # A missing interpreter in the script's first line is "no such file", too.
        missing = isinstance(exc, FileNotFoundError)
        raise CannotRunError(
            NOT_FOUND if missing else NOT_EXECUTABLE, f"{command[0]}: {exc.strerror}"
        ) from None
