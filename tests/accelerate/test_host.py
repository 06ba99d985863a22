"""Version ranges of a host: which versions are patched, and which of its parts."""

from __future__ import annotations

import pytest
from support import fake_library
from support.fake_library import load, record

from wsframe import accelerate
from wsframe.accelerate.host import Deflating, Host, require


@pytest.mark.parametrize(("version", "expected"), [("1.4.9", "slow"), ("1.5", "fast"), ("2.0", "fast")])
def test_a_part_may_ask_for_a_newer_version_than_its_host(library, version, expected):
    fake_library.write_host(library, "prove=lambda: None", "prove=lambda: None, since=(1, 5)")
    fake_library.set_version(library, version)
    accelerate.install("fakehost")
    user, extra = load("fakehost.user"), load("fakehost.extra")
    assert (user.speed(), extra.more()) == ("fast", expected)
    assert (record().active, record().tested) == (True, ">=1.2,<3.0")
    assert record().unpatched == (("fakehost.extra",) if expected == "slow" else ())


def test_a_module_that_other_parts_accelerate_is_not_reported_where_one_is_for_newer_versions(library):
    newer = "prove=lambda: None, since=(1, 5), supplements=True"
    fake_library.write_host(library, "prove=lambda: None", newer)
    accelerate.install("fakehost")
    assert (load("fakehost.user").speed(), load("fakehost.extra").more()) == ("fast", "slow")
    assert record().unpatched == ()


def test_a_host_may_have_parts_for_older_versions_than_its_own(library):
    fake_library.write_host(library, "before=(3, 0),", "before=(3, 0), since=(2, 0),")
    accelerate.install("fakehost")
    user = load("fakehost.user")
    assert (record().active, record().why_not) == (False, "not imported yet")
    extra = load("fakehost.extra")
    assert (user.speed(), extra.more()) == ("slow", "fast")
    assert (record().active, record().why_not) == (True, "")
    with pytest.raises(RuntimeError, match=r"fakehost version 1\.4 is older than 2\.0"):
        require("fakehost")


@pytest.mark.parametrize(("version", "expected"), [("1.4.9", "fast"), ("1.5", "slow"), ("2.0", "slow")])
def test_a_part_may_be_for_older_versions_only(library, version, expected):
    fake_library.write_host(library, "prove=lambda: None", "prove=lambda: None, until=(1, 5)")
    fake_library.set_version(library, version)
    accelerate.install("fakehost")
    user, extra = load("fakehost.user"), load("fakehost.extra")
    assert (user.speed(), extra.more()) == ("fast", expected)


@pytest.mark.parametrize(
    ("version", "owner"), [("2.1", "new"), ("2.0", "new"), ("1.9.9", "old"), ("1.5", "old"), ("1.4", None)]
)
def test_what_compresses_depends_on_the_version(version, owner):
    old = Deflating(owner="old", round_trip="x", since=(1, 5))
    new = Deflating(owner="new", round_trip="x", since=(2,), older=old)
    host = Host(name="x", first=(1,), before=(3,), modules=(), prove=lambda: None, deflating=new)
    found = host.deflating_of(version)
    assert (found and found.owner) == owner


@pytest.mark.parametrize("version", ["1.1.9", "3.0", "3.0rc1", "4"])
def test_version_outside_the_range_is_left_alone_with_one_line(library, version, capfd):
    fake_library.set_version(library, version)
    accelerate.install("fakehost")
    accelerate.install("fakehost")
    assert load("fakehost.user").speed() == "slow"
    why_not = f"version {version} is not in the tested range >=1.2,<3.0"
    assert capfd.readouterr().err == f"wsframe: fakehost left alone: {why_not}\n"
    assert record() == ("fakehost", version, ">=1.2,<3.0", False, why_not, False, "", (), ())


@pytest.mark.parametrize("version", ["1.2", "1.2.0", "2", "2.9.9.post1", "1.2rc1"])
def test_version_inside_the_range_is_patched(library, version):
    fake_library.set_version(library, version)
    accelerate.install("fakehost")
    load("fakehost.user")
    assert record().active


def test_tested_range_is_readable_and_checked():
    host = Host(name="x", first=(12, 0), before=(18,), modules=(), prove=lambda: None)
    assert host.tested == ">=12.0,<18"
    assert not host.covers("unknown")
    assert host.covers("17.99")
