"""The command line: real processes, real signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest
from support import fake_library
from support.terminals import on_a_terminal

import wsframe
from wsframe.accelerate.compression import resolved_zlib

GIL = not sysconfig.get_config_var("Py_GIL_DISABLED")

SITE = Path(wsframe.__file__).parent / "accelerate" / "_site"
PROBE = "import fakehost.user; print(fakehost.user.speed())"
posix = pytest.mark.skipif(os.name == "nt", reason="signals and exec as on POSIX")


@pytest.fixture
def box(tmp_path):
    """A directory with an accelerable library, made known by the user's own sitecustomize."""
    fake_library.write(tmp_path)
    (tmp_path / "lib" / "sitecustomize.py").write_text(
        f"""import os, wsframe.accelerate.hosts
wsframe.accelerate.hosts.__path__.append({str(tmp_path / "hosts")!r})
os.environ["USERS_SITECUSTOMIZE"] = os.environ.get("USERS_SITECUSTOMIZE", "") + "ran "
"""
    )
    return tmp_path


def environ(box, **more):
    ours = ("WSFRAME_RUN", "WSFRAME_ACCELERATE", "WSFRAME_ZLIB")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    source = str(Path(wsframe.__file__).parent.parent)
    return {**kept, "PYTHONPATH": os.pathsep.join([str(box / "lib"), source]), **more}


def wsframe_run(box, *words, **more):
    """Call `wsframe run ...`, or let `wsframe run --only fakehost --quiet --` run the program."""
    if words[0] != "run":
        words = ("run", "--only", "fakehost", "--quiet", "--", *words)
    return subprocess.run(
        [sys.executable, "-m", "wsframe", *words],
        env=environ(box, **more),
        cwd=box,
        capture_output=True,
        text=True,
        timeout=60,
    )


# What is reached.


def test_program_is_accelerated(box):
    done = wsframe_run(box, "python", "-c", PROBE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "fast\n", "")


def test_program_without_run_is_not_accelerated(box):
    done = subprocess.run([sys.executable, "-c", PROBE], env=environ(box), capture_output=True, text=True)
    assert done.stdout == "slow\n"


def test_file_module_and_console_script_are_accelerated(box):
    (box / "app.py").write_text(PROBE + "\nimport sys\nprint(sys.argv[1:])\n")
    script = box / "app"
    script.write_text(f"#!{sys.executable}\n" + (box / "app.py").read_text())
    script.chmod(0o755)
    for program in (["app.py"], ["-m", "app"], [f".{os.sep}app"]):
        if os.name == "nt" and "app" in program[0]:
            continue
        done = wsframe_run(box, *program, "--quiet", "--", "-x")
        assert (done.stdout, done.stderr) == ("fast\n['--quiet', '--', '-x']\n", ""), program


@pytest.mark.parametrize(
    "code",
    [
        "subprocess.run([sys.executable, '-c', probe], check=True)",
        "subprocess.run(['sh', '-c', '\"$0\" -c \"$1\"', sys.executable, probe], check=True)",
        "multiprocessing.get_context('spawn').Process(target=exec, args=(probe,)).start()",
        "multiprocessing.get_context('forkserver').Process(target=exec, args=(probe,)).start()",
        "multiprocessing.get_context('fork').Process(target=exec, args=(probe,)).start()",
        "os.chdir('/'); os.execv(sys.executable, [sys.executable, '-c', probe])",
    ],
    ids=["subprocess", "grandchild", "spawn", "forkserver", "fork", "exec"],
)
@posix
def test_child_processes_are_accelerated(box, code):
    (box / "app.py").write_text(
        f"import multiprocessing, os, subprocess, sys\nprobe = {PROBE!r}\n"
        f"if __name__ == '__main__':\n    {code}\n"
    )
    done = wsframe_run(box, "app.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "fast\n", "")


def test_library_imported_by_several_threads_is_accelerated(box):
    (box / "app.py").write_text(
        textwrap.dedent("""
            import importlib, threading
            names = ["fakehost.core", "fakehost.user", "fakehost.extra"]
            threads = [threading.Thread(target=importlib.import_module, args=[name]) for name in names]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            import fakehost.extra, fakehost.user
            print(fakehost.user.Codec().name(), fakehost.extra.more())
        """)
    )
    done = wsframe_run(box, "app.py")
    assert (done.stdout, done.stderr) == ("fast codec fast\n", "")


def test_program_without_a_host_does_not_import_wsframe(box):
    (box / "lib" / "sitecustomize.py").unlink()
    code = "import json, sys; print([name for name in sys.modules if 'wsframe' in name])"
    done = wsframe_run(box, "run", "--quiet", "python", "-c", code)
    assert (done.stdout, done.stderr) == ("[]\n", "")


# What is left as it was.


def test_the_users_sitecustomize_runs_once_and_keeps_its_name(box):
    code = "import os, sitecustomize; print(os.environ['USERS_SITECUSTOMIZE'], sitecustomize.__file__)"
    done = wsframe_run(box, "python", "-c", code, USERS_SITECUSTOMIZE="in the child: ")
    # Once for wsframe itself, once for the program.
    assert done.stdout == f"in the child: ran ran  {box / 'lib' / 'sitecustomize.py'}\n"


def test_the_users_sitecustomize_fails_as_it_would_alone(box):
    code = "print('still here')"
    (box / "lib" / "sitecustomize.py").write_text("import nosuch\n")
    alone = subprocess.run([sys.executable, "-c", code], env=environ(box), capture_output=True, text=True)
    done = wsframe_run(box, "run", "--quiet", "--", "python", "-c", code)
    assert (done.returncode, done.stdout) == (alone.returncode, alone.stdout) == (0, "still here\n")
    assert alone.stderr.splitlines()[-1] in done.stderr


def test_the_users_pythonpath_is_kept(box):
    code = "import os; print(os.environ['PYTHONPATH'])"
    done = wsframe_run(box, "python", "-m", "wsframe", "run", "--quiet", "python", "-c", code)
    assert done.stdout.strip() == os.pathsep.join([str(SITE), environ(box)["PYTHONPATH"]])


def test_wsframe_accelerate_0_switches_it_off(box):
    done = wsframe_run(box, "run", "--only", "fakehost", "--", "python", "-c", PROBE, WSFRAME_ACCELERATE="0")
    assert done.stdout == "slow\n"
    assert done.stderr == "wsframe: WSFRAME_ACCELERATE=0: nothing is accelerated\n"


def test_only_option_limits_the_hosts(box):
    (box / "hosts" / "otherhost.py").write_text(fake_library.HOST.replace("fakehost", "otherhost"))
    done = wsframe_run(box, "run", "--quiet", "--only", "otherhost", "--", "python", "-c", PROBE)
    assert (done.stdout, done.stderr) == ("slow\n", "")


@pytest.mark.parametrize("version", ["1.0", "3.0"])
def test_version_outside_the_range_is_left_alone_with_one_line(box, version):
    fake_library.set_version(box, version)
    done = wsframe_run(box, "python", "-c", PROBE)
    assert done.stdout == "slow\n"
    assert done.stderr == (
        f"wsframe: fakehost left alone: version {version} is not in the tested range >=1.2,<3.0\n"
    )


def test_python_without_wsframe_runs_the_program(box):
    """PYTHONPATH reaches every Python, also one that wsframe is not installed for."""
    (box / "lib" / "sitecustomize.py").unlink()
    (box / "lib" / "wsframe.py").write_text("raise ImportError('not here')")
    env = environ(box, PYTHONPATH=os.pathsep.join([str(SITE), str(box / "lib")]), WSFRAME_RUN="fakehost")
    done = subprocess.run([sys.executable, "-c", PROBE], env=env, capture_output=True, text=True)
    assert done.stdout == "slow\n"
    assert done.stderr == f"wsframe: nothing accelerated in {sys.executable}: not here\n"


# What it says.


def test_one_line_names_what_is_accelerated(box):
    done = wsframe_run(box, "run", "--only", "fakehost", "python", "-c", PROBE)
    assert done.stderr == f"wsframe: ready to accelerate fakehost 1.4 ({wsframe.backend})\n"


@posix
@pytest.mark.parametrize("flag", ["-I", "-E", "-S", "-sE"])
def test_python_that_ignores_pythonpath_is_not_called_accelerated(box, flag):
    script = box / "app"
    script.write_text(f"#!{sys.executable} {flag}\nprint('ran')\n")
    script.chmod(0o755)
    for program in (["./app"], ["python", flag, "app"]):
        done = wsframe_run(box, "run", *program)
        assert done.stdout == "ran\n"
        assert re.fullmatch(r"wsframe: .* told to ignore PYTHONPATH: nothing is accelerated\n", done.stderr)


# How it ends.


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_exit_status_passes_through(box, status):
    assert wsframe_run(box, "python", "-c", f"raise SystemExit({status})").returncode == status


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGUSR1])
def test_signals_reach_the_program_itself(box, number):
    # In short naps: a signal that comes just before a long one is seen after it.
    code = "import os, time\nprint(os.getpid(), flush=True)\nwhile True: time.sleep(0.1)"
    command = [sys.executable, "-m", "wsframe", "run", "--quiet", "--", "python", "-c", code]
    with subprocess.Popen(
        command, env=environ(box), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(number)
        assert process.wait(20) == -number


@posix
def test_program_gets_the_signal_dispositions_of_a_shell(box):
    """Python ignores SIGPIPE for itself; a program that is not Python must not inherit that."""
    done = wsframe_run(box, "sh", "-c", "kill -s PIPE $$; echo survived")
    assert (done.returncode, done.stdout) == (-signal.SIGPIPE, "")


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (["no-such-program"], "no such program"),
        (["./no-such-program"], "no such program"),
        (["nosuch.py"], "no such file"),
        (["-m", "no_such_module"], "no such module"),
        (["-m", "no_such_module.part"], "no such module"),
    ],
)
def test_missing_program_exits_with_127(box, program, reason):
    done = wsframe_run(box, *program)
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == f"wsframe: {program[-1]}: {reason}\n"


@posix
def test_missing_interpreter_exits_with_127(box):
    (box / "app").write_text("#!/no/such/python\n")
    (box / "app").chmod(0o755)
    done = wsframe_run(box, "./app")
    assert (done.returncode, done.stderr) == (127, "wsframe: ./app: No such file or directory\n")


@posix
def test_file_that_cannot_be_executed_exits_with_126(box):
    (box / "app").write_text("no program\n")
    done = wsframe_run(box, "./app")
    assert (done.returncode, done.stderr) == (126, "wsframe: ./app: cannot be executed\n")
    (box / "app").chmod(0o755)
    done = wsframe_run(box, "./app")
    assert (done.returncode, done.stderr) == (126, "wsframe: ./app: Exec format error\n")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["run"], "missing PROGRAM"),
        (["run", "-m"], "missing PROGRAM"),
        (["run", "--"], "missing PROGRAM"),
        (["run", "--only", "nosuch", "--", "python"], "unknown host 'nosuch', only .*fakehost"),
        (["run", "--onl", "fakehost", "--", "python"], "unrecognized arguments"),
        (["run", "--frob", "python"], "unrecognized arguments: --frob"),
    ],
)
def test_wrong_usage_exits_with_2(box, words, reason):
    done = wsframe_run(box, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(reason, done.stderr)


# wsframe status.


def wsframe_status(box, options=(), **more):
    command = [sys.executable, "-m", "wsframe", "status", *options]
    return subprocess.run(command, env=environ(box, **more), capture_output=True, text=True, timeout=60)


def test_status_shows_backend_kernel_cpu_and_hosts(box):
    done = wsframe_status(box)
    assert re.search(rf"^backend +{wsframe.backend}$", done.stdout, re.M)
    assert re.search(r"^cpu +\S", done.stdout, re.M)
    assert re.search(r"^fakehost +1\.4 +>=1\.2,<3\.0 +active$", done.stdout, re.M)
    assert done.stderr == ""


@pytest.mark.parametrize("kernel", ["scalar", "sse2"])
def test_status_follows_the_kernel_forced(box, kernel):
    if wsframe.backend == "py":
        pytest.skip("no kernels")
    from wsframe._c.kernel import available

    if kernel not in available():
        pytest.skip("not on this CPU")
    assert f"c-{kernel}\n" in wsframe_status(box, WSFRAME_KERNEL=kernel).stdout


def test_status_shows_why_a_host_is_inactive(box):
    fake_library.set_version(box, "3.1")
    done = wsframe_status(box)
    assert re.search(r"^fakehost +3\.1 .* version 3\.1 is not in the tested range", done.stdout, re.M)
    assert done.returncode == 1
    assert done.stderr == ""
    done = wsframe_status(box, WSFRAME_ACCELERATE="0")
    assert re.search(r"^fakehost .* WSFRAME_ACCELERATE=0$", done.stdout, re.M)
    fake_library.set_version(box, "1.4")
    fake_library.write_host(box, '!= "fast codec"', '!= "wrong"')
    done = wsframe_status(box)
    assert re.search(r"^fakehost .* RuntimeError: the original code was called$", done.stdout, re.M)
    assert done.returncode == 1


def next_steps(box, **more):
    return json.loads(wsframe_status(box, ["--json"], **more).stdout)["next"]


def test_status_ends_with_the_next_steps_the_best_first(box):
    steps = next_steps(box)
    assert steps[-1] == "start your program with `wsframe run -- PROGRAM ARGUMENT ...`"
    said = "".join(f"{'then' if i else 'next'}: {step}\n" for i, step in enumerate(steps))
    assert wsframe_status(box).stdout.endswith(f"\n\n{said}")


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="nothing to compile")
def test_status_suggests_how_to_get_compiled_modules(box):
    assert re.search("unset WSFRAME_PURE|pip install ", next_steps(box, WSFRAME_PURE="1")[0])
    hide = "import sys; sys.modules.update({f'wsframe._c.{name}': None for name in ('accept', 'kernel')})\n"
    with (box / "lib" / "sitecustomize.py").open("r+") as file:
        text = file.read()
        file.seek(0)
        file.write(hide + text)
    missing = {"WSFRAME_PURE": "1", "CC": str(box / "no-compiler")}
    assert next_steps(box, **missing)[0].startswith("install a C compiler, then `pip install ")
    there = {"WSFRAME_PURE": "1", "CC": sys.executable}  # a program that is there
    assert re.match("(install the C headers of Python .*, then )?`pip install ", next_steps(box, **there)[0])


def test_status_suggests_which_version_to_install(box):
    assert not [step for step in next_steps(box) if "fakehost" in step]
    fake_library.set_version(box, "3.1")
    assert "pip install 'fakehost>=1.2,<3.0': fakehost 3.1 is left alone" in next_steps(box)


def test_status_suggests_the_class_for_uvicorn(box):
    pytest.importorskip("uvicorn")
    pytest.importorskip("httptools")

    def suggested(**more):
        return any(
            "uvicorn --ws wsframe.uvicorn:WebSocketProtocol" in step for step in next_steps(box, **more)
        )

    assert suggested(WSFRAME_OWN_PROTOCOL="0")
    assert not suggested(WSFRAME_OWN_PROTOCOL="1")  # `wsframe run` uses it by itself


@pytest.mark.skipif(not GIL, reason="what is best depends on what is imported")
def test_status_suggests_isal(box):
    pytest.importorskip("wsproto")
    step = "pip install 'wsframe[fast]': messages are compressed faster by isal than by zlib"
    (box / "lib" / "sitecustomize.py").write_text("import sys; sys.modules.update(isal=None, zlib_ng=None)\n")
    assert step in next_steps(box)
    assert step not in next_steps(box, WSFRAME_ZLIB="zlib")
    assert "zlib      zlib" in wsframe_status(box).stdout.splitlines()
    (box / "lib" / "sitecustomize.py").unlink()
    pytest.importorskip("isal")
    assert step not in next_steps(box)
    assert f"zlib      {resolved_zlib('auto')}" in wsframe_status(box).stdout.splitlines()


def test_status_json_has_all_fields(box):
    done = wsframe_status(box, options=["--json"])
    status = json.loads(done.stdout)
    assert status["backend"] == wsframe.backend
    (host,) = (host for host in status["hosts"] if host["host"] == "fakehost")
    assert host == {
        "host": "fakehost",
        "version": "1.4",
        "tested": ">=1.2,<3.0",
        "active": True,
        "why_not": "",
        "coalesces": False,
        "zlib": "",
        "stale": [],
        "unpatched": [],
    }


def test_status_shows_unaccelerated_modules(box):
    fake_library.write_host(
        box, 'name="fakehost"', 'name="fakehost", unpatched=("fakehost.extra", "uvicorn")'
    )
    done = wsframe_status(box)
    assert re.search(r"^fakehost .* active, but not fakehost\.extra", done.stdout, re.M)
    assert done.stderr == ""
    (host,) = (
        one
        for one in json.loads(wsframe_status(box, ["--json"]).stdout)["hosts"]
        if one["host"] == "fakehost"
    )
    assert "fakehost.extra" in host["unpatched"]


@pytest.mark.parametrize("legacy", [True, False])
def test_status_checks_the_default_class_of_uvicorn(box, legacy):
    """In old versions it stands on websockets.legacy."""
    pytest.importorskip("websockets.legacy")
    package = box / "lib" / "uvicorn" / "protocols" / "websockets"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").write_text("")
    (package / "auto.py").write_text(
        "import websockets.legacy.server" if legacy else "import websockets.server"
    )
    text = wsframe_status(box).stdout
    assert re.search(r"^websockets .* active(?!.*but not)", text, re.M)


TERMINALS = [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]


@posix
@pytest.mark.parametrize(("more", "coloured"), TERMINALS)
def test_status_is_coloured_on_a_terminal(box, more, coloured):
    command = [sys.executable, "-m", "wsframe", "status"]
    text, status = on_a_terminal(command, environ(box, **more))
    assert status in (0, 1)
    assert ("\x1b[32mfakehost" in text, "\x1b" in text) == (coloured, coloured)


@posix
def test_run_messages_are_coloured_and_folded_on_a_terminal(box):
    command = [sys.executable, "-m", "wsframe", "run", "--only", "fakehost", "--", "python", "-c", PROBE]
    line = f"ready to accelerate fakehost 1.4 ({wsframe.backend})\nfast\n"
    assert on_a_terminal(command, environ(box)) == (f"\x1b[32mwsframe:\x1b[0m {line}", 0)
    assert on_a_terminal(command, environ(box, NO_COLOR="1"), 0) == (f"wsframe: {line}", 0)
    folded = f"wsframe: ready to accelerate\n  fakehost 1.4 ({wsframe.backend})\nfast\n"
    assert on_a_terminal(command, environ(box, TERM="dumb"), 31) == (folded, 0)
    fake_library.set_version(box, "3.1")
    text, _ = on_a_terminal(command, environ(box))
    assert text.startswith("\x1b[33mwsframe:\x1b[0m fakehost left alone: version 3.1 is not")
    assert "\x1b[33mwsframe:\x1b[0m nothing is accelerated\n" in text


def test_force_color_enables_colours(box):
    done = wsframe_run(box, "run", "--only", "fakehost", "python", "-c", PROBE, FORCE_COLOR="1")
    assert done.stderr == f"\x1b[32mwsframe:\x1b[0m ready to accelerate fakehost 1.4 ({wsframe.backend})\n"


@pytest.mark.parametrize(
    ("words", "more"), [(("--no-coalesce",), {}), ((), {"WSFRAME_COALESCE": "0"}), ((), {})]
)
def test_coalescing_can_be_switched_off(box, words, more):
    pytest.importorskip("websockets")
    code = (
        "import websockets.asyncio.server; from wsframe import accelerate; "
        "print(*(host.coalesces for host in accelerate.status() if host.host == 'websockets'))"
    )
    done = wsframe_run(box, "run", *words, "--quiet", "--", "python", "-c", code, **more)
    assert done.stdout == f"{not words and not more}\n"


@pytest.mark.skipif(not GIL, reason="what is best depends on what is imported")
def test_best_installed_zlib_is_the_default(box):
    pytest.importorskip("websockets")
    (box / "app.py").write_text(ZLIB)
    best = resolved_zlib("auto")
    expected = "" if best == "zlib" else best
    for words in ((), ("--zlib", "auto")):
        done = wsframe_run(box, "run", *words, "app.py", "child")
        assert (done.returncode, done.stdout) == (0, f"{expected}\n" * 2)
        if best != "zlib":
            assert f"({wsframe.backend}, {best})" in done.stderr
    done = wsframe_run(box, "run", "--zlib", "zlib", "app.py", "child")
    assert (done.returncode, done.stdout) == (0, "\n" * 2)
    assert f"({wsframe.backend}, zlib)" in done.stderr


def test_run_suggests_a_faster_compression_module(box):
    pytest.importorskip("wsproto")
    (box / "lib" / "sitecustomize.py").write_text("import sys; sys.modules.update(isal=None, zlib_ng=None)\n")
    done = wsframe_run(box, "run", "--only", "wsproto", "python", "-c", "pass")
    assert done.stderr.endswith(f" ({wsframe.backend}, zlib; faster: pip install 'wsframe[fast]')\n")


ZLIB = """
import json, subprocess, sys, websockets.asyncio.server
from wsframe import accelerate
print(*(host.zlib for host in accelerate.status() if host.host == "websockets"), flush=True)
if sys.argv[1:]:
    subprocess.run([sys.executable, __file__], check=True)
"""


@pytest.mark.parametrize("name", ["isal", "zlib-ng"])
def test_zlib_option_applies_to_program_and_children(box, name):
    pytest.importorskip("websockets")
    pytest.importorskip(name.replace("-", "_"))
    (box / "app.py").write_text(ZLIB)
    for words, more in ((("--zlib", name), {}), ((f"--zlib={name}",), {}), ((), {"WSFRAME_ZLIB": name})):
        done = wsframe_run(box, "run", "--quiet", *words, "app.py", "child", **more)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{name}\n" * 2, "")
    done = wsframe_run(box, "run", "--only", "fakehost", "--zlib", name, "python", "-c", PROBE)
    assert done.stderr == f"wsframe: ready to accelerate fakehost 1.4 ({wsframe.backend}, {name})\n"


@pytest.mark.parametrize("command", [("run", "--zlib"), ("status", "--zlib")])
def test_unavailable_zlib_exits_before_the_program_starts(box, command):
    (box / "lib" / "isal.py").write_text("raise ModuleNotFoundError('no isal here')")
    words = ("python", "-c", "print('started')") if command[0] == "run" else ()
    for name, reason in (
        ("isal", "no isal here: pip install isal"),
        ("zopfli", "unknown zlib 'zopfli', only auto, zlib, isal, zlib-ng"),
    ):
        done = wsframe_run(box, *command, name, *words) if words else wsframe_status(box, (command[1], name))
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"wsframe: {reason}\n")


def test_status_shows_the_compression_module(box):
    pytest.importorskip("wsproto")
    pytest.importorskip("isal")
    done = wsframe_status(box, ["--zlib", "isal"])
    assert re.search(r"^wsproto .* active, compresses with isal$", done.stdout, re.M)
    status = json.loads(wsframe_status(box, ["--json"], WSFRAME_ZLIB="isal").stdout)
    assert {host["host"]: host["zlib"] for host in status["hosts"]}["wsproto"] == "isal"


def test_version_and_help_are_printed(box):
    for words, expected in (
        (["--version"], f"wsframe {wsframe.__version__}\n"),
        (["--help"], "usage: wsframe"),
    ):
        done = subprocess.run([sys.executable, "-m", "wsframe", *words], capture_output=True, text=True)
        assert done.returncode == 0
        assert done.stdout.startswith(expected)
