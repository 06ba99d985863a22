"""A patch: what is replaced, what comes back, and what is left as somebody else has made it."""

from __future__ import annotations

import sys

from support import fake_library
from support.fake_library import load, record

from wsframe import accelerate
from wsframe.accelerate import patch


def test_imported_library_is_patched_at_once_and_restored_on_uninstall(library):
    core, user = load("fakehost.core"), load("fakehost.user")
    before = dict(vars(user.Codec)), core.speed, user.speed

    accelerate.install("fakehost")

    assert (core.speed(), user.speed()) == ("fast", "fast")
    assert (user.Codec().name(), user.Codec.twice(), user.Codec.added) == ("fast codec", "fast twice", 1)
    accelerate.uninstall("fakehost")
    assert core.speed is before[1]
    assert user.speed is before[2]
    after = dict(vars(user.Codec))
    assert after.pop("added") == 1  # what is added stays: another thread may be about to read it
    assert after.keys() == before[0].keys()
    assert all(after[name] is before[0][name] for name in after if not name.startswith("__"))
    assert record().why_not == "install() was not called"


def test_part_is_patched_when_its_own_modules_are_imported(library):
    accelerate.install("fakehost")
    load("fakehost.user")
    assert record().active
    extra = load("fakehost.extra")
    assert extra.more() == "fast"
    accelerate.uninstall()
    assert extra.more() == "slow"


def test_failed_proof_restores_everything(library, capfd):
    fake_library.write_host(library, '!= "fast codec"', '!= "wrong"')
    user = load("fakehost.user")
    original = user.speed
    accelerate.install("fakehost")
    assert user.speed is original
    assert user.Codec().name() == "slow codec"
    assert record().why_not == "RuntimeError: the original code was called"
    assert capfd.readouterr().err == f"wsframe: fakehost left alone: {record().why_not}\n"
    accelerate.install("fakehost")
    assert capfd.readouterr().err == ""


def test_missing_attribute_changes_nothing(library, capfd):
    fake_library.write_host(library, "user:Codec", "user:Kodec")
    original = load("fakehost.user").speed
    accelerate.install("fakehost")
    assert load("fakehost.user").speed is original
    assert "Kodec" in capfd.readouterr().err


def test_stale_references_are_reported(library, capfd):
    (library / "lib" / "early.py").write_text("from fakehost.core import speed\nalias = speed\n")
    early = load("early")
    load("fakehost.user")
    accelerate.install("fakehost")
    assert early.speed() == "slow"
    assert record().stale == ("early.alias", "early.speed")
    assert "early.alias, early.speed" in capfd.readouterr().err
    del sys.modules["early"]


def test_functions_of_shared_packages_are_not_reported_stale(library):
    fake_library.write_host(library, 'name="fakehost",', 'name="fakehost", packages=("shared",),')
    (library / "lib" / "shared.py").write_text("def speed():\n    return 'slow'\n")
    (library / "lib" / "fakehost" / "core.py").write_text("from shared import speed\n")
    (library / "lib" / "early.py").write_text("from shared import speed\n")
    early, user = load("early"), load("fakehost.user")
    accelerate.install("fakehost")
    assert (early.speed(), user.speed()) == ("slow", "fast")
    assert record().stale == ()
    for module in ("early", "shared"):
        del sys.modules[module]


def test_references_taken_while_patched_are_restored(library):
    original = load("fakehost.user").speed
    accelerate.install("fakehost")
    (library / "lib" / "late.py").write_text("from fakehost.core import speed\n")
    late = load("late")
    assert late.speed() == "fast"
    accelerate.uninstall()
    assert late.speed is original
    del sys.modules["late"]


def test_modules_are_scanned_once_per_call(library, monkeypatch):
    """However many hosts and parts there are: it takes milliseconds in a large program."""
    looks = []
    namespaces = patch._namespaces
    monkeypatch.setattr(patch, "_namespaces", lambda: looks.append(1) or namespaces())
    load("fakehost.user"), load("fakehost.extra")
    for call in (lambda: accelerate.install("fakehost"), accelerate.status, accelerate.uninstall):
        call()
        assert len(looks) == 1
        looks.clear()


def test_attribute_replaced_while_patched_is_not_restored(library, capfd):
    user = load("fakehost.user")
    accelerate.install("fakehost")
    user.speed = theirs = lambda: "theirs"
    accelerate.uninstall()
    assert user.speed is theirs
    assert "fakehost.user.speed replaced by somebody else" in capfd.readouterr().err
