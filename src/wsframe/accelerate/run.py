"""`wsframe run`: start a program whose Python, and that of its children, accelerates the host libraries.

PYTHONPATH brings our `sitecustomize` into each of them; then this process becomes the program, so its process
id, signals and exit status are the program's own.
"""

from __future__ import annotations

import os
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
from zipfile import BadZipFile, ZipFile

from .host import imported_as
from .ready import plan
from .report import GREEN, YELLOW, say

SITE = str(Path(__file__).with_name("_site"))
NOT_EXECUTABLE = 126  # what a shell returns
NOT_FOUND = 127


class CannotRunError(Exception):
    """The program cannot be executed.

    Args:
        exit_status: what a shell would return.
        reason: one line for people.
    """

    def __init__(self, exit_status: int, reason: str) -> None:
        super().__init__(reason)
        self.exit_status = exit_status

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.exit_status, *self.args), self.__dict__


def run(program: Sequence[str], hosts: Sequence[str], *, quiet: bool) -> NoReturn:
    """Replace this process with the program (`exec`).

    Args:
        program: a console script, a Python file, a directory or zip file with a `__main__.py`, or `-m` and
            a module; then its arguments.
        hosts: the libraries to accelerate.
        quiet: print no line about them.

    Raises:
        CannotRunError: no such program, or it cannot be executed.
    """
    command = find_program(program)
    name = program[1] if program[0] == "-m" else program[0]
    found = plan(name, command, hosts, quiet=quiet)
    for line in found.left_alone:
        say(line)
    if not quiet:
        say(found.announcement, GREEN if found.good else YELLOW)
    _become(command, environment(os.environ, found.hosts, found.without))


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
        if not os.path.exists(name):
            raise CannotRunError(NOT_FOUND, f"{name}: no such file")
        return [sys.executable, *program]
    scripts = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    found = shutil.which(name, path=scripts)
    if found:
        return [found, *arguments]
    if _has_main(name):
        return [sys.executable, *program]
    if os.path.isdir(name):
        raise CannotRunError(NOT_EXECUTABLE, f"{name}: no __main__.py in this directory")
    if os.path.dirname(name) and os.path.exists(name):
        raise CannotRunError(NOT_EXECUTABLE, f"{name}: cannot be executed")
    raise CannotRunError(NOT_FOUND, f"{name}: no such program")


def environment(environ: Mapping[str, str], hosts: Sequence[str], without: str = "") -> dict[str, str]:
    """Put our directory in front of the user's own PYTHONPATH, once.

    Args:
        environ: the variables there are.
        hosts: the libraries to accelerate.
        without: a Python that has no wsframe, of which the user has been informed.
    """
    before = environ.get("PYTHONPATH")
    own = [entry for entry in before.split(os.pathsep) if entry != SITE] if before else []
    run = ",".join(map(_entry, hosts))
    variables = {"PYTHONPATH": os.pathsep.join([SITE, *own]), "WSFRAME_RUN": run}
    if without:
        variables["WSFRAME_WITHOUT"] = without
    return {**environ, **variables}


def _entry(host: str) -> str:
    """Name a host as sitecustomize reads it."""
    package = imported_as(host)
    return host if package == host else f"{package}={host}"


def _has_main(name: str) -> bool:
    """Tell whether Python runs a directory or a zip file by its `__main__.py`."""
    if os.path.isdir(name):
        return os.path.isfile(os.path.join(name, "__main__.py"))
    try:
        with ZipFile(name) as archive:
            return "__main__.py" in archive.namelist()
    except (OSError, BadZipFile):
        return False


def _module_exists(name: str) -> bool:
    top = name.partition(".")[0]  # looking further would import it
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
