"""Replacements look like the originals: names, signatures, `__wrapped__`, and pickling."""

from __future__ import annotations

import importlib
import inspect
import pickle
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from support.exchanges import choose_no_framework

from wsframe import accelerate
from wsframe.accelerate.host import distribution_version, imported_as, load_host
from wsframe.accelerate.patch import Replacement, own_replacements

HOSTS = [name for name in accelerate.known_hosts() if importlib.util.find_spec(imported_as(name))]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries' old modules
STANDS_ON = {"hypercorn": ("wsproto",), "uvicorn": ("wsproto", "websockets")}


@pytest.fixture(autouse=True)
def uninstalled() -> Iterator[None]:
    accelerate.uninstall()
    yield
    accelerate.uninstall()


def replacements(name: str) -> list[Replacement]:
    """List what is replaced of a host, in all parts whose modules are there."""
    choose_no_framework()
    found: list[Replacement] = []
    host = load_host(name)
    for part in host.parts_of(distribution_version(name) or ""):
        try:
            for module in part.modules:
                importlib.import_module(module)
        except ImportError:
            continue
        if part.applies():
            found += own_replacements(part, host)
    return [one for one in found if not is_of_wsaccel(inspect.getattr_static(one.owner, one.name, None))]


def is_of_wsaccel(value: Any) -> bool:
    """Tell whether autobahn, before 25, has something from wsaccel: it is C and has no signature."""
    return (getattr(value, "__module__", None) or "").startswith("wsaccel.")


def can_be_pickled(value: Any) -> bool:
    if isinstance(value, ModuleType):  # some library may have made that possible
        return False
    try:
        return pickle.loads(pickle.dumps(value)) is value
    except Exception:
        return False


def signature(value: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(value)
    except (TypeError, ValueError):
        return None


def calls(value: Any) -> list[tuple[str, Any, Any]] | None:
    """How something is called, whatever its annotations are."""
    known = signature(value)
    return known and [(one.name, one.kind, one.default) for one in known.parameters.values()]


@pytest.mark.parametrize("name", HOSTS)
def test_replacements_keep_name_signature_and_wrapped_function(name: str) -> None:
    compared = 0
    for owner, attribute, new in replacements(name):
        old = inspect.getattr_static(owner, attribute, None)
        if not callable(old):
            continue
        compared += 1
        where = f"{owner.__name__}.{attribute}"
        assert new.__name__ == old.__name__, where
        assert new.__qualname__ == old.__qualname__, where
        assert calls(new) == calls(old), where
        assert inspect.iscoroutinefunction(new) == inspect.iscoroutinefunction(old), where
        if not isinstance(old, type):  # a class has the methods and the module of its own
            assert new.__module__ == old.__module__, where
            assert new.__doc__ == old.__doc__, where
            assert signature(new) == signature(old), where
            assert new.__wrapped__ is old, where
    assert compared or name == "uvicorn"


@pytest.mark.parametrize("name", HOSTS)
def test_picklable_functions_stay_picklable(name: str) -> None:
    sites = [
        (owner, attribute, can_be_pickled(inspect.getattr_static(owner, attribute, None)))
        for owner, attribute, _ in replacements(name)
    ]
    accelerate.install(name, *STANDS_ON.get(name, ()))
    (status,) = [host for host in accelerate.status() if host.host == name]
    assert status.active, status.why_not
    for owner, attribute, could in sites:
        value = inspect.getattr_static(owner, attribute)
        if could:
            assert can_be_pickled(value), f"{owner.__name__}.{attribute}"
