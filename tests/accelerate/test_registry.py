"""The registry: when a host is patched, when it is left alone, and what comes back."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
import threading

import pytest
from support import fake_library

from wsframe import accelerate
from wsframe.accelerate import patch, slot
from wsframe.accelerate.host import Host, require


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library on sys.path, version 1.4, and the file that makes it a host."""
    fake_library.write(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "lib")
    monkeypatch.setattr(slot, "_TOLD", set())  # other tests were told of modules, too
    monkeypatch.setattr(accelerate.hosts, "__path__", [*accelerate.hosts.__path__, str(tmp_path / "hosts")])
    yield tmp_path
    accelerate.uninstall()
    for name in [name for name in sys.modules if "fakehost" in name]:
        del sys.modules[name]


def record():
    (found,) = [line for line in accelerate.status() if line.host == "fakehost"]
    return found


def load(name: str):
    return importlib.import_module(name)


def test_library_already_imported_is_patched_now_and_the_originals_come_back(library):
    core, user = load("fakehost.core"), load("fakehost.user")
    before = dict(vars(user.Codec)), core.answer, user.answer

    accelerate.install("fakehost")

    assert (core.answer(), user.answer()) == ("fast", "fast")
    assert (user.Codec().name(), user.Codec.twice(), user.Codec.added) == ("fast codec", "fast twice", 1)
    accelerate.uninstall("fakehost")
    assert core.answer is before[1]
    assert user.answer is before[2]
    after = dict(vars(user.Codec))
    assert after.pop("added") == 1  # what is added stays: another thread may be about to read it
    assert after.keys() == before[0].keys()
    assert all(after[name] is before[0][name] for name in after if not name.startswith("__"))
    assert record().why_not == "install() was not called"


def test_library_imported_later_is_patched_after_its_last_module(library):
    accelerate.install("fakehost")
    assert record().why_not == "not imported yet"
    core = load("fakehost.core")
    assert core.answer() == "slow"
    assert not record().active

    user = load("fakehost.user")

    assert (core.answer(), user.Codec().name()) == ("fast", "fast codec")
    assert record() == ("fakehost", "1.4", ">=1.2,<3.0", True, "", False, "", (), ())


def test_a_part_follows_its_own_modules(library):
    accelerate.install("fakehost")
    load("fakehost.user")
    assert record().active
    extra = load("fakehost.extra")
    assert extra.more() == "fast"
    accelerate.uninstall()
    assert extra.more() == "slow"


@pytest.mark.parametrize(("version", "expected"), [("1.4.9", "slow"), ("1.5", "fast"), ("2.0", "fast")])
def test_a_part_may_ask_for_a_newer_version_than_its_host(library, version, expected):
    fake_library.write_host(library, "prove=lambda: None", "prove=lambda: None, since=(1, 5)")
    fake_library.set_version(library, version)
    accelerate.install("fakehost")
    user, extra = load("fakehost.user"), load("fakehost.extra")
    assert (user.answer(), extra.more()) == ("fast", expected)
    assert (record().active, record().tested) == (True, ">=1.2,<3.0")
    assert record().unreached == (("fakehost.extra",) if expected == "slow" else ())


def test_a_host_may_have_parts_for_older_versions_than_its_own(library):
    fake_library.write_host(library, "below=(3, 0),", "below=(3, 0), since=(2, 0),")
    accelerate.install("fakehost")
    user = load("fakehost.user")
    assert (record().active, record().why_not) == (False, "not imported yet")
    extra = load("fakehost.extra")
    assert (user.answer(), extra.more()) == ("slow", "fast")
    assert (record().active, record().why_not) == (True, "")
    with pytest.raises(RuntimeError, match=r"fakehost version 1\.4 is older than 2\.0"):
        require("fakehost")


def test_install_twice_is_install_once(library, capfd):
    user = load("fakehost.user")
    original = user.answer
    accelerate.install("fakehost")
    accelerate.install("fakehost")
    accelerate.uninstall("fakehost")
    accelerate.uninstall("fakehost")
    assert user.answer is original
    assert capfd.readouterr().err == ""


def test_import_hook_is_gone_after_uninstall(library):
    before = list(sys.meta_path)
    accelerate.install("fakehost")
    assert sys.meta_path != before
    accelerate.uninstall("fakehost")
    assert sys.meta_path == before
    assert load("fakehost.user").answer() == "slow"


def test_loader_steps_aside(library):
    accelerate.install("fakehost")
    module = load("fakehost.user")
    assert type(module.__loader__).__name__ == type(module.__spec__.loader).__name__ == "SourceFileLoader"


def test_module_executed_again_is_patched_again(library):
    accelerate.install("fakehost")
    user = load("fakehost.user")
    importlib.reload(user)
    assert user.Codec().name() == "fast codec"
    accelerate.uninstall()
    assert user.Codec().name() == "slow codec"


@pytest.mark.parametrize("version", ["1.1.9", "3.0", "3.0rc1", "4"])
def test_version_outside_the_range_is_left_alone_with_one_line(library, version, capfd):
    fake_library.set_version(library, version)
    accelerate.install("fakehost")
    accelerate.install("fakehost")
    assert load("fakehost.user").answer() == "slow"
    why_not = f"version {version} is not in the tested range >=1.2,<3.0"
    assert capfd.readouterr().err == f"wsframe: fakehost left alone: {why_not}\n"
    assert record() == ("fakehost", version, ">=1.2,<3.0", False, why_not, False, "", (), ())


@pytest.mark.parametrize("version", ["1.2", "1.2.0", "2", "2.9.9.post1", "1.2rc1"])
def test_version_inside_the_range(library, version):
    fake_library.set_version(library, version)
    accelerate.install("fakehost")
    load("fakehost.user")
    assert record().active


def test_absent_host_is_passed_over_in_silence(library, monkeypatch, capfd):
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(library / "lib")])
    accelerate.install("fakehost")
    assert record()[1:] == (None, ">=1.2,<3.0", False, "not installed", False, "", (), ())
    assert capfd.readouterr().err == ""


def test_failed_proof_restores_everything(library, capfd):
    fake_library.write_host(library, '!= "fast codec"', '!= "wrong"')
    user = load("fakehost.user")
    original = user.answer
    accelerate.install("fakehost")
    assert user.answer is original
    assert user.Codec().name() == "slow codec"
    assert record().why_not == "RuntimeError: the original code was called"
    assert capfd.readouterr().err == f"wsframe: fakehost left alone: {record().why_not}\n"
    accelerate.install("fakehost")
    assert capfd.readouterr().err == ""


def test_missing_attribute_changes_nothing(library, capfd):
    fake_library.write_host(library, "user:Codec", "user:Kodec")
    original = load("fakehost.user").answer
    accelerate.install("fakehost")
    assert load("fakehost.user").answer is original
    assert "Kodec" in capfd.readouterr().err


def test_stale_references_are_reported(library, capfd):
    (library / "lib" / "early.py").write_text("from fakehost.core import answer\nalias = answer\n")
    early = load("early")
    load("fakehost.user")
    accelerate.install("fakehost")
    assert early.answer() == "slow"
    assert record().stale == ("early.alias", "early.answer")
    assert "early.alias, early.answer" in capfd.readouterr().err
    del sys.modules["early"]


def test_what_a_host_has_from_elsewhere_is_not_stale_there(library):
    fake_library.write_host(library, 'name="fakehost",', 'name="fakehost", packages=("shared",),')
    (library / "lib" / "shared.py").write_text("def answer():\n    return 'slow'\n")
    (library / "lib" / "fakehost" / "core.py").write_text("from shared import answer\n")
    (library / "lib" / "early.py").write_text("from shared import answer\n")
    early, user = load("early"), load("fakehost.user")
    accelerate.install("fakehost")
    assert (early.answer(), user.answer()) == ("slow", "fast")
    assert record().stale == ()
    for module in ("early", "shared"):
        del sys.modules[module]


def test_references_taken_meanwhile_are_given_back(library):
    original = load("fakehost.user").answer
    accelerate.install("fakehost")
    (library / "lib" / "late.py").write_text("from fakehost.core import answer\n")
    late = load("late")
    assert late.answer() == "fast"
    accelerate.uninstall()
    assert late.answer is original
    del sys.modules["late"]


def test_all_modules_are_looked_through_once_a_call(library, monkeypatch):
    """However many hosts and parts there are: it takes milliseconds in a large program."""
    looks = []
    namespaces = patch._namespaces
    monkeypatch.setattr(patch, "_namespaces", lambda: looks.append(1) or namespaces())
    load("fakehost.user"), load("fakehost.extra")
    for call in (lambda: accelerate.install("fakehost"), accelerate.status, accelerate.uninstall):
        call()
        assert len(looks) == 1
        looks.clear()


def test_what_somebody_else_replaced_meanwhile_stays(library, capfd):
    user = load("fakehost.user")
    accelerate.install("fakehost")
    user.answer = theirs = lambda: "theirs"
    accelerate.uninstall()
    assert user.answer is theirs
    assert "fakehost.user.answer replaced by somebody else" in capfd.readouterr().err


def test_off_switch(library, monkeypatch):
    monkeypatch.setenv("WSFRAME_ACCELERATE", "0")
    accelerate.install()
    assert load("fakehost.user").answer() == "slow"
    assert record().why_not == "WSFRAME_ACCELERATE=0"


def test_unknown_host_is_named(library):
    for function in accelerate.install, accelerate.uninstall:
        with pytest.raises(ValueError, match=r"unknown host 'fakehots', only .*fakehost"):
            function("fakehots")


def test_threads_import_and_install_at_once(library):
    """Whoever comes first, the end is the same; nobody waits for ever."""
    for _ in range(20):
        barrier = threading.Barrier(6)

        def work(task, *args, barrier=barrier):
            barrier.wait()
            task(*args)

        tasks = [(accelerate.install, "fakehost")] * 3
        tasks += [(load, f"fakehost.{name}") for name in ("core", "user", "extra")]
        threads = [threading.Thread(target=work, args=task, daemon=True) for task in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
        assert record().active
        assert load("fakehost.extra").more() == "fast"
        accelerate.uninstall()
        assert load("fakehost.user").answer() == "slow"
        for name in [name for name in sys.modules if name.startswith("fakehost")]:
            del sys.modules[name]


def test_host_range_reads_well():
    host = Host(name="x", first=(12, 0), below=(18,), modules=(), prove=lambda: None)
    assert host.tested == ">=12.0,<18"
    assert not host.covers("unknown")
    assert host.covers("17.99")


def test_import_wsframe_does_not_import_accelerate():
    code = "import sys, wsframe; print([m for m in sys.modules if m.startswith('wsframe.accelerate')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_closed_stderr_does_not_break_the_import(library):
    fake_library.set_version(library, "9")
    code = textwrap.dedent(f"""
        import sys
        from wsframe import accelerate
        accelerate.hosts.__path__.append({str(library / "hosts")!r})
        accelerate.install()
        sys.stderr.close()
        import fakehost.user
        sys.exit(7 if fakehost.user.answer() == "slow" else 1)
    """)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(library / "lib"), *sys.path])}
    assert subprocess.run([sys.executable, "-c", code], env=environ).returncode == 7


# What is not reached.


def test_a_module_that_is_not_reached_is_told_once_with_who_imports_it(library, capfd):
    fake_library.write_host(library, 'name="fakehost"', 'name="fakehost", unreached=("fakehost.old", "late")')
    (library / "lib" / "fakehost" / "old.py").write_text("")
    (library / "lib" / "fakehost" / "outdated.py").write_text("import fakehost.old\n")
    (library / "lib" / "late.py").write_text("import fakehost.user\nimport fakehost.outdated\n")
    accelerate.install("fakehost")
    load("fakehost.user")
    assert record().unreached == ()
    load("late")
    assert (record().active, record().unreached) == (True, ("fakehost.old", "late"))
    assert capfd.readouterr().err == "wsframe: fakehost.old, which late imports, is not accelerated\n"
    accelerate.uninstall()
    accelerate.install("fakehost")
    assert capfd.readouterr().err == ""
    del sys.modules["late"]


def test_a_module_that_is_not_reached_and_was_imported_before(library, capfd):
    fake_library.write_host(library, 'name="fakehost"', 'name="fakehost", unreached=("fakehost.older",)')
    (library / "lib" / "fakehost" / "older.py").write_text("")
    load("fakehost.older")
    accelerate.install("fakehost")
    assert (record().active, record().unreached) == (False, ("fakehost.older",))
    assert capfd.readouterr().err == "wsframe: fakehost.older is not accelerated\n"
