"""The state of one host: what is reported about it, and how often."""

from __future__ import annotations

import sys

from support import fake_library
from support.fake_library import load, record

from wsframe import accelerate


def test_second_install_and_uninstall_have_no_effect(library, capfd):
    user = load("fakehost.user")
    original = user.speed
    accelerate.install("fakehost")
    accelerate.install("fakehost")
    accelerate.uninstall("fakehost")
    accelerate.uninstall("fakehost")
    assert user.speed is original
    assert capfd.readouterr().err == ""


def test_absent_host_is_ignored_silently(library, monkeypatch, capfd):
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(library / "lib")])
    accelerate.install("fakehost")
    assert record()[1:] == (None, ">=1.2,<3.0", False, "not installed", False, "", (), ())
    assert capfd.readouterr().err == ""


def test_unaccelerated_module_is_reported_once_with_its_importer(library, capfd):
    fake_library.write_host(library, 'name="fakehost"', 'name="fakehost", unpatched=("fakehost.old", "late")')
    (library / "lib" / "fakehost" / "old.py").write_text("")
    (library / "lib" / "fakehost" / "outdated.py").write_text("import fakehost.old\n")
    (library / "lib" / "late.py").write_text("import fakehost.user\nimport fakehost.outdated\n")
    accelerate.install("fakehost")
    load("fakehost.user")
    assert record().unpatched == ()
    load("late")
    assert (record().active, record().unpatched) == (True, ("fakehost.old", "late"))
    assert capfd.readouterr().err == "wsframe: fakehost.old, which late imports, is not accelerated\n"
    accelerate.uninstall()
    accelerate.install("fakehost")
    assert capfd.readouterr().err == ""
    del sys.modules["late"]


def test_unaccelerated_module_imported_before_install_is_reported(library, capfd):
    fake_library.write_host(library, 'name="fakehost"', 'name="fakehost", unpatched=("fakehost.older",)')
    (library / "lib" / "fakehost" / "older.py").write_text("")
    load("fakehost.older")
    accelerate.install("fakehost")
    assert (record().active, record().unpatched) == (False, ("fakehost.older",))
    assert capfd.readouterr().err == "wsframe: fakehost.older is not accelerated\n"
