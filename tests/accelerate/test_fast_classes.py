"""One class that is fast, while its library stays as it is."""

from __future__ import annotations

import pytest
from support.fake_library import load

from wsframe import accelerate
from wsframe.accelerate import fast_class


def test_fast_class_does_not_change_the_original_class(library):
    Codec = load("fakehost.user").Codec
    before = dict(vars(Codec))
    fast = fast_class(Codec)
    assert (fast().name(), Codec().name()) == ("fast codec", "slow codec")
    assert (fast.__name__, fast.__qualname__, fast.__module__) == ("Codec", "Codec", "fakehost.user")
    assert issubclass(fast, Codec)
    assert dict(vars(Codec)) == before


def test_methods_of_a_subclass_are_called(library):
    class Loud(load("fakehost.user").Codec):
        def name(self):
            return super().name().upper()

    assert fast_class(Loud)().name() == "FAST CODEC"


def test_fast_class_of_a_patched_library_follows_uninstall(library):
    Codec = load("fakehost.user").Codec
    accelerate.install("fakehost")
    fast = fast_class(Codec)
    assert fast().name() == "fast codec"
    accelerate.uninstall("fakehost")
    assert fast().name() == "slow codec"


@pytest.mark.parametrize("kind", [int, type("Mine", (), {})])
def test_class_of_no_host_raises_type_error(kind):
    with pytest.raises(TypeError, match=f"^{kind.__qualname__} is not a class of aiohttp, "):
        fast_class(kind)


def test_class_without_replacements_raises_type_error(library):
    user = load("fakehost.user")
    user.Other = type("Other", (), {"__module__": "fakehost.user"})
    with pytest.raises(TypeError, match=r"^nothing of Other is replaced$"):
        fast_class(user.Other)


def test_class_wrapped_by_somebody_else_raises_runtime_error(library):
    user = load("fakehost.user")
    user.Codec.name = lambda self: "theirs"
    with pytest.raises(RuntimeError, match=r"^Codec\.name is not what fakehost made it$"):
        fast_class(user.Codec)
