"""Which Python a command starts: command lines of Python, programs around it, first lines of scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wsframe.accelerate.launch import Launch, follow, ignoring_option

HERE = sys.executable
posix = pytest.mark.skipif(os.name == "nt", reason="first lines of scripts, env, nice")

# Options, and whether a sitecustomize on PYTHONPATH runs. CPython itself is asked below.
OPTIONS = [
    ("-c pass", ""),
    ("-X dev -c pass", ""),
    ("-X dev -I -c pass", "-I"),
    ("-Xdev -I -c pass", "-I"),
    ("-W error -E -c pass", "-E"),
    ("-Werror -E -c pass", "-E"),
    ("-W ignore::Warning:E -c pass", ""),
    ("-uW ignore -S -c pass", "-S"),
    ("-uWignore -c pass", ""),
    ("-uI -c pass", "-I"),
    ("-bBqI -c pass", "-I"),
    ("-sE -c pass", "-E"),
    ("-s -c pass", ""),
    ("-OO -c pass", ""),
    ("-ISE -c pass", "-I"),
    ("--check-hash-based-pycs always -I -c pass", "-I"),
    ("--check-hash-based-pycs never -c pass", ""),
    ("-Bc pass -I", ""),
    ("-Ic pass", "-I"),
    ("-cpass -I", ""),
    ("-m this -I", ""),
    ("-mthis -S", ""),
    ("-Sm this", "-S"),
    ("FILE -I", ""),
    ("-- FILE -I", ""),
    ("-E -- FILE", "-E"),
    ("- -I", ""),
    ("-I -", "-I"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where there is a program, and a sitecustomize that says that it runs."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.stderr.write('customized')\n")
    (tmp_path / "FILE").write_text("pass\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("options", "expected"), OPTIONS, ids=[options for options, _ in OPTIONS])
def test_options_that_ignore_pythonpath_are_recognised(options: str, expected: str, folder: Path) -> None:
    words = options.split()
    assert ignoring_option(words) == expected
    done = subprocess.run(
        [HERE, *words],
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert ("customized" in done.stderr) == (expected == "")


def script(folder: Path, name: str, *lines: str) -> str:
    path = folder / name
    path.write_text("\n".join([*lines, "import sys; print(sys.executable, *sys.argv[1:])", ""]))
    path.chmod(0o755)
    return str(path)


def runs(command: list[str], folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(folder), "PATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


SCRIPTS = {
    "plain": (["#!{python}"], ""),
    "an option": (["#!{python} -I"], "-I"),
    "options in one": (["#!{python} -uE"], "-E"),
    "env": (["#!/usr/bin/env python"], ""),
    "env -S": (["#!/usr/bin/env -S python -I"], "-I"),
    "env -S, valued": (["#!/usr/bin/env -S python -X dev -W ignore -E"], "-E"),
    "env -S, variables": (["#!/usr/bin/env -S A=1 B='2 -I' python"], ""),
    "env -vS": (["#!/usr/bin/env -S -u A python -sI"], "-I"),
    "two lines": (["#!/bin/sh", '\'\'\'exec\' "{python}" "$0" "$@"', "' '''"], ""),
    "two lines, unquoted": (["#!/bin/sh", "'''exec' {python} -I \"$0\" \"$@\"", "' '''"], "-I"),
    "two lines, valued": (["#!/bin/sh", '\'\'\'exec\' "{python}" -X dev -E "$0" "$@"', "' '''"], "-E"),
    "two lines, words": (["#!/bin/sh", '"exec" "{python}" "-I" "$0" "$@"'], "-I"),
}


@posix
@pytest.mark.parametrize("name", SCRIPTS)
def test_python_of_a_script_is_found_from_its_first_line(name: str, folder: Path) -> None:
    lines, expected = SCRIPTS[name]
    path = os.pathsep.join([os.path.dirname(HERE), os.environ["PATH"]])
    program = script(folder, "app", *(line.format(python=HERE) for line in lines))
    launch = follow([program, "-I"], {"PATH": path})
    assert launch._replace(python=os.path.basename(launch.python)) in (
        Launch(os.path.basename(HERE), expected),
        Launch("python", expected),
    )
    done = runs([program, "-I"], folder, path)
    assert done.stdout.split()[1:] == ["-I"], done.stderr
    assert ("customized" in done.stderr) == (expected == "")


@posix
def test_script_that_runs_another_script_is_followed(folder: Path) -> None:
    inner = script(folder, "inner", f"#!{HERE} -I")
    outer = script(folder, "outer", f"#!/usr/bin/env {inner}")
    assert follow([outer], {"PATH": os.environ["PATH"]}) == Launch(HERE, "-I")
    loop = folder / "loop"
    loop.write_text(f"#!{loop}\n")
    loop.chmod(0o755)
    assert follow([str(loop)], {}) == Launch()


WRAPPED = [
    ("env python FILE", "", False),
    ("env python -I FILE", "-I", False),
    ("env A=1 B=2 python -I FILE", "-I", False),
    ("env -u A python -E FILE", "-E", False),
    ("env -uA python FILE", "", False),
    ("env --unset=A python FILE", "", False),
    ("env -i PATH=PATH python FILE", "", True),
    ("env - PATH=PATH python FILE", "", True),
    ("env --ignore-environment PATH=PATH python FILE", "", True),
    ("env -u PYTHONPATH python FILE", "", True),
    ("env --unset=PYTHONPATH python FILE", "", True),
    ("env PYTHONPATH=/none python FILE", "", True),
    ("env -C / python -c pass", "", False),
    ("env -C . python -S FILE", "-S", False),
    ("nice python -I FILE", "-I", False),
    ("nice -n 1 python -I FILE", "-I", False),
    ("nice -n1 python FILE", "", False),
    ("nice -1 python -E FILE", "-E", False),
    ("nice --adjustment=1 python -E FILE", "-E", False),
    ("nice --adjustment 1 python -E FILE", "-E", False),
    ("nohup python -I FILE", "-I", False),
    ("timeout 60 python -I FILE", "-I", False),
    ("timeout -k 5 60 python -I FILE", "-I", False),
    ("timeout -s KILL --kill-after 5 60 python FILE", "", False),
    ("timeout --signal=KILL 60 python -E FILE", "-E", False),
    ("stdbuf -oL -e 0 python -I FILE", "-I", False),
    ("setsid -w python -I FILE", "-I", False),
    ("nice timeout 60 env A=1 nice -n 1 python -X dev -I FILE", "-I", False),
]


@posix
@pytest.mark.parametrize(("line", "option", "bare"), WRAPPED, ids=[line for line, *_ in WRAPPED])
def test_wrapper_programs_are_followed_to_python(line: str, option: str, bare: bool, folder: Path) -> None:
    path = os.pathsep.join([os.path.dirname(HERE), os.environ["PATH"]])
    words = [f"PATH={path}" if word == "PATH=PATH" else word for word in line.split()]
    launch = follow(words, {"PATH": path})
    assert os.path.basename(launch.python) == "python"
    assert (launch.ignores, launch.bare) == (option, bare)
    if shutil.which(words[0]) and sys.platform == "linux":  # elsewhere they have other options
        done = runs(words, folder, path)
        assert done.returncode == 0, done.stderr
        assert ("customized" in done.stderr) == (option == "" and not bare)


@pytest.mark.parametrize(
    "line", ["taskset -c 0 python -I x", "chrt -b 0 python -I x", "dumb-init -- python -I x"]
)
def test_wrapper_programs_not_installed_here_are_followed(line: str) -> None:
    assert follow(line.split(), {"PATH": os.path.dirname(HERE)}).ignores == "-I"


@pytest.mark.parametrize(
    "line", ["uv run app.py", "/opt/bin/poetry run python -I x", "env -i uv run app.py", "uv.exe run"]
)
def test_launchers_that_choose_a_python_are_recognised(line: str) -> None:
    launch = follow(line.split(), {})
    assert launch.python == launch.ignores == ""
    assert launch.chooser in ("uv", "poetry")
    assert launch.bare is ("-i" in line.split()[:2])


@pytest.mark.parametrize("line", ["", "env", "env -u", "nice -n", "timeout 5", "no-such-program", "env -S"])
def test_command_without_a_python_gives_an_empty_launch(line: str) -> None:
    assert follow(line.split(), {"PATH": os.path.dirname(HERE)}) == Launch()


@posix
def test_file_that_is_no_python_script_gives_an_empty_launch(folder: Path) -> None:
    for name, data in (("binary", b"\x7fELF\0"), ("empty", b""), ("bare", b"#!\n"), ("text", b"echo\n")):
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o755)
        assert follow([str(folder / name)], {}) == Launch()
    assert follow([script(folder, "shell", "#!/bin/sh", 'exec "unfinished')], {}) == Launch()
    assert follow([script(folder, "shell", "#!/bin/sh", "python -I x")], {}) == Launch()
