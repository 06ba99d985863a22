"""Versions outside the tested range: the same code is accelerated, other code is left alone and named."""

from __future__ import annotations

import compileall
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from support import fake_library
from support.fake_library import load, record

from wsframe import accelerate
from wsframe.accelerate import fingerprints
from wsframe.accelerate.fingerprints import code_of, known_code, unknown
from wsframe.accelerate.host import distribution_version, imported_as, load_host
from wsframe.accelerate.ready import ready

OUTSIDE = "version 3.1 is not in the tested range >=1.2,<3.0"


@pytest.fixture
def newer(library: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of a version that was never tested, whose code was."""
    known = {site: {one} for site, one in code_of(load_host("fakehost"), "1.4", str(library / "lib")).items()}
    monkeypatch.setattr(fingerprints, "known_code", lambda name: known)
    fake_library.set_version(library, "3.1")
    return library


def rewrite(library: Path, module: str, old: str, new: str) -> None:
    file = library / "lib" / "fakehost" / f"{module}.py"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_same_code_is_accelerated(newer: Path, capfd: Any) -> None:
    accelerate.install("fakehost")
    assert load("fakehost.user").speed() == "fast"
    assert (record().active, record().notes) == (True, ("untested version, same code",))
    assert ready(["fakehost"]).found == {"fakehost": "3.1 (untested version, same code)"}
    assert capfd.readouterr().err == ""


def test_docstrings_annotations_and_comments_are_no_code(newer: Path) -> None:
    rewrite(newer, "core", "def speed():", 'def speed() -> "str":  # soon\n    """Say it."""\n')
    accelerate.install("fakehost")
    assert load("fakehost.user").speed() == "fast"


@pytest.mark.parametrize(
    ("module", "old", "new", "name"),
    [
        ("core", 'return "slow"', 'return "slower"', "fakehost.core.speed"),
        ("user", "return 2 *", "return 3 *", "fakehost.user.Codec.twice"),
        ("user", "def name(self):", "async def name(self):", "fakehost.user.Codec.name"),
        ("user", "@staticmethod", "@classmethod", "fakehost.user.Codec.twice"),
        ("core", "def speed()", "def respond()", "fakehost.core.speed"),
        ("user", "    def name", "    def __init__(self): ...\n    def name", "fakehost.user.Codec.__init__"),
    ],
)
def test_other_code_is_left_alone_and_named(
    newer: Path, module: str, old: str, new: str, name: str, capfd: Any
) -> None:
    rewrite(newer, module, old, new)
    accelerate.install("fakehost")
    load("fakehost.extra")
    why_not = f"{OUTSIDE}, and the code of {name} was never tested"
    assert (record().active, record().why_not) == (False, why_not)
    assert capfd.readouterr().err == f"wsframe: fakehost left alone: {why_not}\n"
    assert ready(["fakehost"]).left_alone == [f"fakehost left alone: {why_not}"]


def test_untested_version_is_tried_on_request(newer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite(newer, "core", 'return "slow"', 'return "slower"')
    monkeypatch.setenv("WSFRAME_UNTESTED", "1")
    accelerate.install("fakehost")
    assert load("fakehost.user").speed() == "fast"
    assert (record().active, record().notes) == (True, ("untested version",))


def test_the_proof_has_the_last_word(newer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("no")

    monkeypatch.setitem(vars(load_host("fakehost")), "prove", fail)
    accelerate.install("fakehost")
    assert load("fakehost.user").speed() == "slow"
    assert record().why_not == "RuntimeError: no"


def test_a_library_without_its_source(newer: Path) -> None:
    package = newer / "lib" / "fakehost"
    compileall.compile_dir(package, quiet=1, legacy=True)
    for file in package.glob("*.py"):
        file.unlink()
    accelerate.install("fakehost")
    assert load("fakehost.user").speed() == "slow"
    assert record().why_not == f"{OUTSIDE}, and there is no source of it"


def test_names_are_found_in_base_classes_and_behind_imports(library: Path) -> None:
    package = library / "lib" / "fakehost"
    (package / "base.py").write_text("class Base:\n    def name(self):\n        return 1\n")
    (package / "user.py").write_text("from .base import Base\nclass Codec(Base):\n    pass\n")
    found = code_of(load_host("fakehost"), "1.4", str(library / "lib"))
    assert found["fakehost.user:Codec.name"]
    assert not found["fakehost.user:Codec.twice"]


HOSTS = [name for name in accelerate.known_hosts() if known_code(name)]


@pytest.mark.parametrize("name", HOSTS)
def test_a_tested_version_is_in_the_table(name: str) -> None:
    """`tests/hosts/newest.py` sees that all of it is: a newer patch release differs, and is in the range."""
    version = distribution_version(name)
    if importlib.util.find_spec(imported_as(name)) is None or version is None:
        pytest.skip("not installed")
    host = load_host(name)
    if not host.covers(version):
        pytest.skip("this version is not in the tested range")
    found = code_of(host, version)
    assert len(list(unknown(found, known_code(name)))) < len(found) / 2
