"""Which Python a command starts, and whether that Python reads PYTHONPATH.

A command is followed as the system would: through programs that start another one (`env`, `nice`, `timeout`),
and through the first line of scripts. What cannot be read, such as a shell script, is not guessed at.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

PYTHON = re.compile(r"(python|pypy)w?\d*(\.\d+)*[td]*(-dbg)?", re.IGNORECASE)
DEPTH = 8  # programs that start one another; Linux follows five first lines

# Options of `python` that take a value, here or in the next word.
VALUED = "WXQ"
LONG_VALUED = ("--check-hash-based-pycs",)
LAST = "cm"  # what follows belongs to the program

# Programs that start the command they are given: options with a value, and words before the command.
WRAPPERS: dict[str, tuple[str, tuple[str, ...], int]] = {
    "chrt": ("TPD", ("sched-runtime", "sched-period", "sched-deadline"), 1),
    "dumb-init": ("r", ("rewrite",), 0),
    "gosu": ("", (), 1),
    "ionice": ("cn", ("class", "classdata"), 0),
    "nice": ("n", ("adjustment",), 0),
    "nohup": ("", (), 0),
    "setsid": ("", (), 0),
    "stdbuf": ("ioe", ("input", "output", "error"), 0),
    "su-exec": ("", (), 1),
    "taskset": ("", (), 1),
    "time": ("fo", ("format", "output"), 0),
    "timeout": ("ks", ("kill-after", "signal"), 1),
    "tini": ("pe", (), 0),
}
# Programs that choose a Python by rules of their own.
CHOOSERS = frozenset(
    {"conda", "hatch", "mamba", "micromamba", "nox", "pdm", "pipenv", "pipx"}
    | {"pixi", "poetry", "py", "rye", "tox", "uv", "uvx"}
)


class Launch(NamedTuple):
    """The Python that a command starts, as far as it is known.

    Attributes:
        python: its path; empty when the command does not show it.
        ignores: the option that makes it ignore PYTHONPATH; empty when there is none.
        bare: whether PYTHONPATH is taken out of its environment.
        chooser: the program that chooses the Python; empty when there is none.
    """

    python: str = ""
    ignores: str = ""
    bare: bool = False
    chooser: str = ""


def follow(command: Sequence[str], environ: Mapping[str, str]) -> Launch:
    """Find the Python that a command starts."""
    words, path, bare = list(command), environ.get("PATH", os.defpath), False
    for _ in range(DEPTH):
        if not words:
            break
        name = program_name(words[0])
        if PYTHON.fullmatch(name):
            return Launch(shutil.which(words[0], path=path) or "", ignoring_option(words[1:]), bare)
        if name == "env":
            words, changed = _after_env(words[1:])
            path = changed.get("PATH") or path
            bare = bare or "PYTHONPATH" in changed
        elif name in CHOOSERS:
            return Launch(bare=bare, chooser=name)
        elif name in WRAPPERS:
            words = _after_wrapper(words[1:], *WRAPPERS[name])
        else:
            script = shutil.which(words[0], path=path)
            interpreter = interpreter_of(script) if script else []
            if not interpreter:
                break
            words = [*interpreter, *words]
    return Launch(bare=bare)


def program_name(path: str) -> str:
    """Return the name of a program from its path."""
    name = os.path.basename(path)
    return name[:-4] if name.lower().endswith(".exe") else name


def interpreter_of(script: str) -> list[str]:
    """Read the first line of a script as the system does; an empty list when it names no interpreter.

    Where the path of the interpreter is too long, or has a space in it, pip and others write two lines:
    `#!/bin/sh`, and one that is an `exec` to a shell and a string to Python.
    """
    try:
        with open(script, "rb") as file:
            first, second = file.readline(4096), file.readline(4096)
    except OSError:
        return []
    if not first.startswith(b"#!"):
        return []
    line = os.fsdecode(first[2:]).strip()
    words = line.split() if sys.platform == "darwin" else line.split(maxsplit=1)  # one argument, elsewhere
    if words and program_name(words[0]) in ("sh", "bash", "dash"):
        execed = _split(os.fsdecode(second))
        if execed[:1] == ["exec"]:
            return [word for word in execed[1:] if word not in ("$0", "$@")]
    return words


def ignoring_option(arguments: Sequence[str]) -> str:
    """Find what tells a Python to ignore PYTHONPATH, or its `site`: -I, -E or -S, among other options."""
    words = iter(arguments)
    for word in words:
        if word[:1] != "-" or word in ("-", "--"):
            break
        if word.startswith("--"):
            if word in LONG_VALUED:
                next(words, "")
            continue
        for index, letter in enumerate(word[1:], start=2):
            if letter in "IES":
                return f"-{letter}"
            if letter in LAST:
                return ""
            if letter in VALUED:
                if index == len(word):
                    next(words, "")
                break
    return ""


def _after_env(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Take env and its options off a command; return what it does to the variables, too."""
    changed: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if word == "--":
            continue
        if word == "-" or word == "--ignore-environment":
            changed["PYTHONPATH"] = ""
        elif word.startswith("--"):
            option, _, value = word[2:].partition("=")
            if option in ("unset", "chdir", "split-string"):
                value = value or (words.pop(0) if words else "")
                words = _env_option(option[0], value, words, changed)
        elif word.startswith("-"):
            for index, letter in enumerate(word[1:], start=2):
                if letter == "i":
                    changed["PYTHONPATH"] = ""
                elif letter in "uCSP":
                    value = word[index:] or (words.pop(0) if words else "")
                    words = _env_option(letter, value, words, changed)
                    break
        elif "=" in word:
            variable, _, changed[variable] = word.partition("=")
        else:
            return [word, *words], changed
    return [], changed


def _env_option(letter: str, value: str, words: list[str], changed: dict[str, str]) -> list[str]:
    if letter in "Ss":
        return _split(value) + words
    if letter == "u":
        changed[value] = ""
    return words


def _after_wrapper(words: list[str], valued: str, long_valued: Sequence[str], positional: int) -> list[str]:
    """Take the options of a wrapper off a command, and the words that come before the command it starts."""
    while words and words[0][:1] == "-":
        word = words.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            takes_next = word[2:] in long_valued
        else:
            takes_next = word[-1] in valued and not any(letter in valued for letter in word[1:-1])
        if takes_next and words:
            words.pop(0)
    return words[positional:]


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a quotation without its end
        return []
