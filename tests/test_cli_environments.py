"""`wsframe run` with programs of another Python: one true line, and nothing of them is disturbed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from test_cli import PROBE, SITE, box, environ, posix, wsframe_run

import wsframe
from wsframe.accelerate.ready import is_this_environment

__all__ = ["box"]
VERSIONS = ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
NOTHING = r"nothing is accelerated"


def asked(python: str, code: str) -> str:
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60)
    except OSError:
        return ""
    return done.stdout.strip()


def python_of(version: str) -> str:
    """Another Python of this version, or a skipped test; those of pyenv are known, too."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [f"python{version}", *map(str, root.glob(f"versions/{version}.*/bin/python{version}"))]
    for python in found:
        if told := asked(
            python, "import sys; print('%d.%d %s' % (sys.version_info[:2] + (sys.executable,)))"
        ):
            number, _, path = told.partition(" ")
            if number == version:
                return path
    pytest.skip(f"no Python {version} here")


def venv(where: Path) -> str:
    """Make an environment with nothing in it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(where)], check=True)
    return str(where / "bin" / "python")


def script(path: Path, *lines: str) -> str:
    path.write_text("\n".join([*lines, PROBE, ""]))
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def alone(box):
    """A folder with the library, but where nothing leads to wsframe."""
    (box / "lib" / "sitecustomize.py").unlink()
    return box


def run_elsewhere(box, *program, quiet=False):
    """Run a program whose PYTHONPATH does not lead to wsframe."""
    options = ["--only", "fakehost", *(["--quiet"] if quiet else [])]
    start = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import wsframe.accelerate.hosts as a; "
        "a.__path__.append(sys.argv.pop(1)); from wsframe.cli import main; sys.exit(main())"
    )
    source = str(Path(wsframe.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-c", start, source, str(box / "hosts"), "run", *options, "--", *program],
        env=environ(box, PYTHONPATH=str(box / "lib")),
        cwd=box,
        capture_output=True,
        text=True,
        timeout=60,
    )


# What cannot be accelerated is not announced.


@posix
@pytest.mark.parametrize(
    "program",
    [
        "python -X dev -I app",
        "python -W error -E app",
        "python --check-hash-based-pycs always -I app",
        "env python -I app",
        "nice -n 1 env A=1 python -bSu app",
        "./env-S",
        "./two-lines",
    ],
)
def test_python_ignoring_pythonpath_is_reported_as_unaccelerated(box, program):
    script(box / "app", f"#!{sys.executable}", "print('ran')", "raise SystemExit")
    script(box / "env-S", f"#!/usr/bin/env -S {sys.executable} -I", "print('ran')", "raise SystemExit")
    two = ("#!/bin/sh", f'\'\'\'exec\' "{sys.executable}" -I "$0" "$@"', "' '''")
    script(box / "two-lines", *two, "print('ran')", "raise SystemExit")
    done = wsframe_run(box, "run", "--only", "fakehost", *program.split())
    assert (done.returncode, done.stdout) == (0, "ran\n")
    reason = f"{program.split()[0]} runs a Python told to ignore PYTHONPATH"
    assert done.stderr == f"wsframe: {reason}: nothing is accelerated\n"


@posix
def test_options_of_the_program_are_not_those_of_python(box):
    script(box / "app", f"#!/usr/bin/env -S {sys.executable} -X dev")
    for program in (["./app", "-I"], [sys.executable, "-W", "ignore", "app", "-E"]):
        done = wsframe_run(box, "run", "--only", "fakehost", *program)
        assert done.stdout == "fast\n"
        assert done.stderr == f"wsframe: ready to accelerate fakehost 1.4 ({wsframe.backend})\n"


@posix
def test_two_line_script_header_is_accelerated(box):
    script(box / "app", "#!/bin/sh", f'\'\'\'exec\' "{sys.executable}" "$0" "$@"', "' '''")
    done = wsframe_run(box, "run", "--only", "fakehost", "./app")
    assert done.stdout == "fast\n"
    assert done.stderr == f"wsframe: ready to accelerate fakehost 1.4 ({wsframe.backend})\n"


@posix
@pytest.mark.parametrize("words", ["env -i", "env -u PYTHONPATH", "env PYTHONPATH=/nowhere"])
def test_removed_pythonpath_is_reported_as_unaccelerated(box, words):
    done = wsframe_run(box, "run", "--only", "fakehost", *words.split(), sys.executable, "-c", "print('ran')")
    assert done.stdout == "ran\n"
    assert done.stderr == "wsframe: env takes PYTHONPATH away: nothing is accelerated\n"


# Programs of other environments.


@posix
@pytest.mark.parametrize("way", ["interpreter", "script", "env"])
def test_environment_without_wsframe_is_reported_as_unaccelerated(alone, way):
    python = venv(alone / "other")
    programs = {
        "interpreter": [python, "-c", PROBE],
        "script": [script(alone / "other" / "bin" / "app", f"#!{python}")],
        "env": ["env", f"PATH={os.path.dirname(python)}", "python", "-c", PROBE],
    }
    done = run_elsewhere(alone, *programs[way])
    assert done.stdout == "slow\n"
    assert done.stderr == f"wsframe: nothing is accelerated: wsframe is not installed for {python}\n"
    quiet = run_elsewhere(alone, *programs[way], quiet=True)
    assert quiet.stdout == "slow\n"
    assert quiet.stderr == f"wsframe: nothing accelerated in {python}: No module named 'wsframe'\n"


@posix
def test_environment_with_its_own_wsframe_reports_its_versions(box):
    """Its versions are told, not ours; and nothing contradicts them later."""
    python = venv(box / "other")
    place = Path(asked(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))
    (place / "wsframe.pth").write_text(str(Path(wsframe.__file__).parents[1]))
    there = place / "fakehost-2.dist-info"
    there.mkdir()
    (there / "METADATA").write_text("Metadata-Version: 2.1\nName: fakehost\nVersion: 2.5\n")
    shutil.rmtree(box / "lib" / "fakehost-0.dist-info")
    done = wsframe_run(box, "run", "--only", "fakehost", python, "-c", PROBE)
    assert done.stdout == "fast\n"
    assert done.stderr == f"wsframe: ready to accelerate fakehost 2.5 ({wsframe.backend}) in {python}\n"
    (there / "METADATA").write_text("Metadata-Version: 2.1\nName: fakehost\nVersion: 3.5\n")
    done = wsframe_run(box, "run", "--only", "fakehost", python, "-c", PROBE)
    assert done.stdout == "slow\n"
    assert done.stderr == (
        "wsframe: fakehost left alone: version 3.5 is not in the tested range >=1.2,<3.0\n"
        f"wsframe: nothing is accelerated for {python}\n"
    )


@posix
def test_unknown_interpreter_is_reported_conditionally(box):
    """It may be a wrapper that insists on arguments of its own."""
    python = box / "python3"
    python.write_text('#!/bin/sh\n[ "$1" = app ] || exit 3\necho ran\n')
    python.chmod(0o755)
    done = wsframe_run(box, "run", "--only", "fakehost", "./python3", "app")
    assert done.stdout == "ran\n"
    assert done.stderr == "wsframe: ready to accelerate what ./python3 runs, if wsframe is installed there\n"


@posix
def test_launcher_that_chooses_a_python_is_reported_conditionally(box):
    script(box / "uv", "#!/bin/sh", "echo ran; exit")
    done = wsframe_run(box, "run", "--only", "fakehost", "./uv", "run", "app.py")
    assert done.stdout == "ran\n"
    told = "ready to accelerate what the Python that uv chooses runs, if wsframe is installed there"
    assert done.stderr == f"wsframe: {told}\n"


@posix
def test_python_started_by_another_program_is_accelerated(box):
    done = wsframe_run(box, "run", "--only", "fakehost", "sh", "-c", '"$0" -c "$1"', sys.executable, PROBE)
    assert done.stdout == "fast\n"
    where = f"in what sh runs with {sys.executable}"
    assert done.stderr == f"wsframe: ready to accelerate fakehost 1.4 ({wsframe.backend}) {where}\n"


@posix
def test_own_environment_is_recognised(tmp_path):
    assert is_this_environment(sys.executable)
    assert is_this_environment(os.path.join(sysconfig.get_path("scripts"), os.path.basename(sys.executable)))
    python = venv(tmp_path / "other")
    assert not is_this_environment(python)
    if sys.prefix != sys.base_prefix:
        assert not is_this_environment(os.path.realpath(sys.executable))
    link = tmp_path / "link"
    link.symlink_to(Path(sys.executable).parents[1])
    assert is_this_environment(str(link / "bin" / os.path.basename(sys.executable)))


# Children of any version.


@posix
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("users", ["none", "own", "broken"])
def test_child_of_any_python_version_is_not_disturbed(alone, version, users):
    """Also its sitecustomize and usercustomize, and what these write; it has no wsframe."""
    python = python_of(version)
    if users != "none":
        code = "import sys; sys.stderr.write('%s\\n' % __name__)\n"
        (alone / "lib" / "sitecustomize.py").write_text(code + "import nosuch\n" * (users == "broken"))
        (alone / "lib" / "usercustomize.py").write_text(code)
    code = (
        "import sys, types\n"
        "print([getattr(sys.modules.get(name), '__file__', None) for name in ('usercustomize',)])\n"
        "print([path for path in sys.path if not path.endswith('_site')])\n"
        "print(sys.meta_path and [getattr(one, '__name__', type(one).__name__) for one in sys.meta_path])\n"
        "import fakehost.core\n"
        "print(fakehost.core.speed())\n"
    )
    variables = {"PYTHONPATH": str(alone / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
    child = f"import subprocess; raise SystemExit(subprocess.call([{python!r}, '-c', {code!r}]))"
    unaccelerated = subprocess.run(
        [python, "-c", code], env=environ(alone, **variables), capture_output=True, text=True, timeout=60
    )
    assert unaccelerated.returncode == 0, unaccelerated.stderr
    variables["PYTHONPATH"] = os.pathsep.join([str(SITE), variables["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-c", child],
        env=environ(alone, WSFRAME_RUN="fakehost", WSFRAME_WITHOUT=python, **variables),
        capture_output=True,
        text=True,
        timeout=60,
    )
    told, expected = done.stdout.splitlines(), unaccelerated.stdout.splitlines()
    assert (told[:2], told[-1]) == (expected[:2], expected[-1])
    if version in ("2.7", "3.6", "3.7", "3.8", "3.9"):  # wsframe is not for these: no finder of ours
        assert told == expected
    # The child's own lines come last; the parent has a sitecustomize, too.
    lines = unaccelerated.stderr.splitlines()
    assert done.stderr.splitlines()[-len(lines) or len(done.stderr) :] == lines


@posix
def test_the_users_usercustomize_runs(box):
    (box / "lib" / "usercustomize.py").write_text("import sys; sys.stderr.write('user\\n')\n")
    unaccelerated = subprocess.run(
        [sys.executable, "-c", ""], env=environ(box), capture_output=True, text=True
    )
    done = wsframe_run(box, sys.executable, "-c", "")
    assert done.stderr == unaccelerated.stderr * 2  # once for wsframe itself, once for the program


# Directories and zip files.


def test_directory_and_zip_file_with_main_are_run(box):
    code = PROBE + "\nimport sys\nprint(sys.argv[1:])\n"
    for name in ("folder", "folder.d"):
        (box / name).mkdir()
        (box / name / "__main__.py").write_text(code)
    for name in ("app.zip", "app", "app.pyz"):
        with zipfile.ZipFile(box / name, "w") as archive:
            archive.writestr("__main__.py", code)
    programs = ["folder", f".{os.sep}folder.d", str(box / "folder"), "app.zip", "app", "app.pyz"]
    for program in programs:
        done = wsframe_run(box, program, "-x", "--", "y")
        assert (done.stdout, done.stderr) == ("fast\n['-x', '--', 'y']\n", ""), program


@pytest.mark.parametrize("program", ["folder", f".{os.sep}folder", str(Path("folder", "inner"))])
def test_directory_without_main_exits_with_126(box, program):
    (box / "folder" / "inner").mkdir(parents=True)
    done = wsframe_run(box, program)
    assert (done.returncode, done.stdout) == (126, "")
    assert done.stderr == f"wsframe: {program}: no __main__.py in this directory\n"


@posix
def test_zip_file_with_a_shebang_is_executed(box):
    with (box / "app").open("wb") as file:
        file.write(f"#!{sys.executable} -I\n".encode())
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("__main__.py", "print('ran')")
    (box / "app").chmod(0o755)
    done = wsframe_run(box, "run", "./app")
    assert done.stdout == "ran\n"
    assert NOTHING in done.stderr


# Nothing is logged.

LOGS = """
import importlib, logging, sys

logging.basicConfig(level=0, stream=sys.stdout, format="%(name)s %(message)s")
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError:
        pass
"""
MODULES = (
    *("aiohttp.web", "autobahn.asyncio.websocket", "hypercorn.asyncio", "tornado.websocket", "uvicorn.main"),
    *("uvicorn.protocols.websockets.wsproto_impl", "uvicorn.protocols.websockets.websockets_sansio_impl"),
    *("websocket", "websockets.asyncio.server", "websockets.sync.server", "wsproto"),
)


@pytest.mark.parametrize("debug", ["", "1"])
@pytest.mark.parametrize("own_protocol", ["0", "1"])
def test_importing_the_libraries_adds_no_log_lines(box, own_protocol, debug):
    """No proof of ours logs: asyncio tells of every selector that an event loop opens."""
    command = [sys.executable, "-c", LOGS, *MODULES]
    more = {"PYTHONASYNCIODEBUG": debug, "WSFRAME_OWN_PROTOCOL": own_protocol}
    unaccelerated = subprocess.run(
        command, env=environ(box, **more), capture_output=True, text=True, timeout=120
    )
    done = wsframe_run(box, "run", "--quiet", *command, **more)
    assert (done.stdout, done.stderr) == (unaccelerated.stdout, unaccelerated.stderr)
