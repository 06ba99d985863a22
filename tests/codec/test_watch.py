"""Attributes that a fast path bypasses are checked in each call; a change is detected at once."""

from __future__ import annotations

import contextlib
import gc
import threading
import weakref
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from support import twins

WATCHES = [import_module(f"wsframe.{name}.watch").Watch for name in ("_py", *["_c"] * bool(twins.KERNELS))]


@pytest.fixture(params=WATCHES, ids=lambda kind: kind.__module__)
def Watch(request: pytest.FixtureRequest) -> Any:
    return request.param


def one(self: Any) -> int:
    return 1


def two(self: Any) -> int:
    return 2


def theirs(self: Any) -> int:
    return 3


def approve(value: Any) -> bool:
    return value in (one, two) or isinstance(value, (staticmethod, property))


def made() -> tuple[type, type]:
    Base = type(
        "Base", (), {"inherited": one, "own": one, "fixed": staticmethod(len), "shown": property(one)}
    )
    return Base, type("Child", (Base,), {"own": two})


NAMES = ("inherited", "own", "fixed", "shown", "absent")


def test_watch_holds_except_while_an_attribute_is_replaced(Watch: Any) -> None:
    Base, Child = made()
    watch = Watch(approve, [NAMES])
    for _ in range(3):
        assert watch.holds(Base()) is True
        assert watch.holds(Child()) is True
    for owner, name, affected in [
        (Base, "inherited", (Base, Child)),
        (Base, "own", (Base,)),
        (Child, "own", (Child,)),
    ]:
        before = getattr(owner, name)
        setattr(owner, name, theirs)
        for _ in range(3):
            assert [watch.holds(kind()) for kind in (Base, Child)] == [
                kind not in affected for kind in (Base, Child)
            ]
        setattr(owner, name, before)
        for _ in range(3):
            assert watch.holds(Base())
            assert watch.holds(Child())


def test_approved_replacement_still_holds(Watch: Any) -> None:
    Base, _ = made()
    watch = Watch(approve, [NAMES])
    assert watch.holds(Base())
    Base.own = two  # type: ignore[attr-defined]
    assert watch.holds(Base())


def test_subclass_overriding_a_method_does_not_hold(Watch: Any) -> None:
    Base, _ = made()
    watch = Watch(approve, [NAMES])
    Own = type("Own", (Base,), {"own": theirs})
    for _ in range(20):
        assert not watch.holds(Own())
        assert watch.holds(Base())
    Own.own = one  # type: ignore[attr-defined]
    assert watch.holds(Own())


def test_change_of_base_classes_is_detected(Watch: Any) -> None:
    _, Child = made()
    Other = type("Other", (), {"inherited": theirs})
    watch = Watch(approve, [NAMES])
    assert watch.holds(Child())
    Child.__bases__ = (Other,)
    assert not watch.holds(Child())


def test_change_of_the_class_of_an_object_is_detected(Watch: Any) -> None:
    Base, _ = made()
    watch = Watch(approve, [NAMES])
    instance = Base()
    assert watch.holds(instance)
    instance.__class__ = type("Own", (Base,), {"own": theirs})
    assert not watch.holds(instance)


def test_descriptors_are_not_called(Watch: Any) -> None:
    class Descriptor:
        def __get__(self, instance: Any, kind: Any = None) -> Any:
            return one

    Base, _ = made()
    Base.own = Descriptor()  # type: ignore[attr-defined]
    assert not Watch(approve, [NAMES]).holds(Base())
    Base.own = one  # type: ignore[attr-defined]
    watch = Watch(approve, [NAMES])
    assert watch.holds(Base())


class Proxy:
    """It compares equal to the function that it wraps."""

    def __get__(self, instance: Any, kind: Any = None) -> Any:
        return self

    def __eq__(self, other: object) -> bool:
        return other is one

    def __hash__(self) -> int:
        return hash(one)


def test_values_are_compared_by_identity(Watch: Any) -> None:
    Base, _ = made()
    watch = Watch(lambda value: type(value) is not Proxy, [NAMES])
    assert watch.holds(Base())
    Base.own = Proxy()  # type: ignore[attr-defined]
    assert not watch.holds(Base())


def test_fixed_owners_are_watched_as_well(Watch: Any) -> None:
    Base, Child = made()
    module = ModuleType("module")
    module.own, module.other = one, theirs  # type: ignore[attr-defined]
    watch = Watch(approve, (), [(Child, NAMES), (module, ("own", "absent"))])
    assert watch.holds()
    assert watch.holds(object())
    module.other = None  # type: ignore[attr-defined]
    assert watch.holds()
    for owner, name in [(module, "own"), (Base, "inherited"), (Child, "own")]:
        before = getattr(owner, name)
        setattr(owner, name, theirs)
        assert not watch.holds()
        assert not watch.holds()
        setattr(owner, name, before)
        assert watch.holds()
    module.own = two  # type: ignore[attr-defined]
    assert watch.holds()


def test_deleted_attributes_are_ignored(Watch: Any) -> None:
    Base, _ = made()
    module = ModuleType("module")
    module.own = one  # type: ignore[attr-defined]
    watch = Watch(approve, [NAMES], [(module, ("own",))])
    assert watch.holds(Base())
    del Base.inherited, module.own  # type: ignore[attr-defined]
    assert watch.holds(Base())


def test_many_classes_are_told_apart(Watch: Any) -> None:
    Base, _ = made()
    watch = Watch(approve, [NAMES])
    kinds = [type("Child", (Base,), {"own": theirs if n % 3 == 0 else one}) for n in range(200)]
    for _ in range(2):
        assert [watch.holds(kind()) for kind in kinds] == [n % 3 != 0 for n in range(200)]


def test_class_that_changes_often_is_still_watched(Watch: Any) -> None:
    Base, _ = made()
    watch = Watch(approve, [NAMES])
    for number in range(3000):  # CPython gives a class no more than a thousand versions
        Base.count = number  # type: ignore[attr-defined]
        assert watch.holds(Base())
    Base.own = theirs  # type: ignore[attr-defined]
    assert not watch.holds(Base())


def test_values_that_change_often_are_still_checked(Watch: Any) -> None:
    Base, _ = made()
    watch = Watch(lambda value: value is not theirs, [NAMES])
    for _ in range(1200):
        Base.own = lambda self: 1  # type: ignore[attr-defined]
        assert watch.holds(Base())


def test_two_kinds_are_watched_for_their_own_names(Watch: Any) -> None:
    Base, _ = made()
    Other, _ = made()
    watch = Watch(approve, [("own",), ("inherited",)])
    assert watch.holds(Base(), Other())
    Base.inherited = Other.own = theirs  # type: ignore[attr-defined]
    for _ in range(2):
        assert watch.holds(Base(), Other())
        assert not watch.holds(Other(), Other())
        assert not watch.holds(Base(), Base())


def test_too_many_kinds_or_classes_raise_value_error(Watch: Any) -> None:
    with pytest.raises(ValueError, match="more than 2 kinds or more than 16 classes"):
        Watch(approve, [(), (), ()])
    with pytest.raises(ValueError, match="more than 2 kinds or more than 16 classes"):
        Watch(approve, (), [(made()[0], ()) for _ in range(17)])


@pytest.mark.parametrize("names", [[5], [b"own"], [None], ["own", ()]])
def test_name_of_a_wrong_type_raises_type_error(Watch: Any, names: list[Any]) -> None:
    with pytest.raises(TypeError, match="the name of an attribute must be a str"):
        Watch(approve, [names])
    with pytest.raises(TypeError, match="the name of an attribute must be a str"):
        Watch(approve, (), [(made()[0], names)])


def test_watch_of_nothing_always_holds(Watch: Any) -> None:
    assert Watch(approve).holds(object()) is True


@pytest.mark.parametrize("owner", [5, "module", None, object()])
def test_owner_of_a_wrong_type_raises_type_error(Watch: Any, owner: Any) -> None:
    with pytest.raises(TypeError, match="an owner must be a class or a module"):
        Watch(approve, (), [(owner, ("x",))])


def test_exception_of_approve_propagates(Watch: Any) -> None:
    def fail(value: Any) -> bool:
        raise ArithmeticError

    Base, _ = made()
    for _ in range(2):
        with pytest.raises(ArithmeticError):
            Watch(fail, [NAMES]).holds(Base())


def test_watch_without_init_does_not_crash(Watch: Any) -> None:
    with contextlib.suppress(AttributeError, TypeError):
        Watch.__new__(Watch).holds(object())


def test_watched_object_is_not_kept_alive(Watch: Any) -> None:
    Base, _ = made()
    watch, instance = Watch(approve, [NAMES]), Base()
    gone = weakref.ref(instance)
    assert watch.holds(instance)
    del instance
    gc.collect()
    assert gone() is None


def test_threads_see_every_change(Watch: Any) -> None:
    """A class is never taken for what it was before the change that the same thread has made."""
    watch = Watch(approve, [NAMES])
    failed: list[Any] = []

    def work() -> None:
        Base, Child = made()
        for _ in range(500):
            for value, wanted in ((theirs, False), (one, True)):
                Base.inherited = value  # type: ignore[attr-defined]
                if watch.holds(Child()) is not wanted:
                    failed.append(value)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
