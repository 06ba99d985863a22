"""wsframe on the command line: run, status, connect, bench, demo."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from ._cli.commands import add_commands, duration, positive

BROKEN_PIPE = 128 + 13  # as a shell reports a program that SIGPIPE ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command of a command line; return the exit status."""
    _replace_closed_streams()
    options = _parse(list(sys.argv[1:] if argv is None else argv))
    try:
        status: int = options.command(options)
        sys.stdout.flush()
    except BrokenPipeError:  # as of `wsframe status | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more
        return BROKEN_PIPE
    except OSError as exc:  # a full disk
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"wsframe: {exc.filename or 'standard output'}: {exc.strerror or exc}", file=sys.stderr)
        return 1
    return status


def _replace_closed_streams() -> None:
    """Python sets to None what was closed at start, as by `>&-`."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="wsframe", description="WebSocket frames in C, for the libraries you already run."
    )
    parser.add_argument("--version", action="version", version=f"wsframe {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run",
        help="run a program with accelerated WebSocket libraries",
        usage="wsframe run [--only HOST,HOST] [--no-coalesce] [--no-own-protocol] [--zlib NAME] [--quiet] "
        "[--] PROGRAM [ARGUMENT ...]",
        description="PROGRAM is a console script, a Python file, a directory or zip file with a __main__.py, "
        "or -m and a module. Its child processes and libraries imported later are reached too. "
        "WSFRAME_ACCELERATE=0 turns everything off.",
        allow_abbrev=False,
    )
    run.add_argument("--only", metavar="HOST,HOST", help="leave all other libraries alone")
    run.add_argument(
        "--no-coalesce",
        action="store_true",
        help="write each reply by itself, also those to the messages of one read",
    )
    run.add_argument(
        "--no-own-protocol",
        action="store_true",
        help="keep uvicorn's own WebSocket classes, and accelerate the tested versions of them",
    )
    _add_zlib(run)
    run.add_argument("--quiet", action="store_true", help="do not print what is accelerated")
    run.set_defaults(command=_run)

    status = commands.add_parser(
        "status",
        help="print the kernel in use, and the libraries that `run` makes faster",
        description="Exit status 1: a library is installed that `run` would leave alone.",
    )
    _add_zlib(status)
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(command=_status)

    add_commands(commands)

    demo = commands.add_parser("demo", help="measure stock servers, alone and under `run`, in a minute")
    demo.add_argument("--rounds", type=positive, default=5, help="measurements of each (5)")
    demo.add_argument("--seconds", type=duration, default=0.4, help="seconds of each (0.4)")
    demo.add_argument(
        "--output", type=Path, default=Path(), metavar="DIR", help="where the page and the chart go (.)"
    )
    demo.set_defaults(command=_demo)

    own, program = _split(argv) if argv[:1] == ["run"] else (argv, [])
    options = parser.parse_args(own)
    if options.command is _run:
        if not program or program == ["-m"]:
            run.error("missing PROGRAM")
        options.program = program
        options.hosts = _hosts(run, options.only)
    return options


def _add_zlib(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--zlib",
        metavar="NAME",
        help="what compresses messages: isal or zlib-ng, both packages to install; zlib; or auto, the best "
        "that is installed (auto)",
    )


def _choose_zlib(name: str | None) -> bool:
    """Choose what compresses, here and in child processes; return whether it can."""
    from .accelerate.compression import check

    chosen = name if name is not None else os.environ.get("WSFRAME_ZLIB") or "auto"
    chosen = os.environ["WSFRAME_ZLIB"] = chosen.replace("_", "-")
    try:
        check(chosen)
    except (ValueError, ImportError) as exc:
        print(f"wsframe: {exc}", file=sys.stderr)
        return False
    return True


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    """Split our arguments from those of the program, which argparse could take for ours."""
    for i in range(1, len(argv)):
        if argv[i] == "--":
            return argv[:i], argv[i + 1 :]
        if argv[i] == "-m" or (argv[i][:1] != "-" and argv[i - 1] not in ("--only", "--zlib")):
            return argv[:i], argv[i:]
    return argv, []


def _hosts(parser: argparse.ArgumentParser, only: str | None) -> tuple[str, ...]:
    from .accelerate import known_hosts

    known = known_hosts()
    if only is None:
        return known
    chosen = tuple(name.strip() for name in only.split(","))
    for name in chosen:
        if name not in known:
            parser.error(f"unknown host {name!r}, only {', '.join(known)}")
    return chosen


def _run(options: argparse.Namespace) -> int:
    from .accelerate.run import CannotRunError, run

    if not _choose_zlib(options.zlib):
        return 2
    if options.no_coalesce:
        os.environ["WSFRAME_COALESCE"] = "0"
    if options.no_own_protocol:
        os.environ["WSFRAME_OWN_PROTOCOL"] = "0"
    try:
        run(options.program, options.hosts, quiet=options.quiet)
    except CannotRunError as exc:
        print(f"wsframe: {exc}", file=sys.stderr)
        return exc.exit_status


def _status(options: argparse.Namespace) -> int:
    from ._report import report
    from .accelerate.report import wants_colour

    if not _choose_zlib(options.zlib):
        return 2
    found = report()
    print(found.json() if options.json else found.text(colour=wants_colour(sys.stdout)))
    return 0 if found.whole else 1


def _demo(options: argparse.Namespace) -> int:
    try:
        from .demo.show import show
    except ModuleNotFoundError as exc:
        print(f"wsframe: the demo needs {exc.name}: pip install 'wsframe[demo]'", file=sys.stderr)
        return 1
    return show(options.rounds, options.seconds, options.output)
