"""What another library has wrapped or replaced is left alone, with one line, for every host."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import pytest
from support import fake_library
from support.exchanges import choose_no_framework

from wsframe import accelerate
from wsframe.accelerate.host import imported_as, load_host
from wsframe.accelerate.ownership import find
from wsframe.accelerate.patch import own_replacements

HOSTS = [name for name in accelerate.known_hosts() if importlib.util.find_spec(imported_as(name))]
BESIDE = {"hypercorn": ("wsproto",), "uvicorn": ("wsproto", "websockets")}  # what a host stands on


class Proxy:
    """A wrapper like those of wrapt: its attributes are those of what it wraps."""

    def __init__(self, wrapped: Any) -> None:
        object.__setattr__(self, "_wrapped", wrapped)

    def __getattribute__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_wrapped"), name)

    def __eq__(self, other: object) -> bool:
        return object.__getattribute__(self, "_wrapped") is other

    def __hash__(self) -> int:
        return hash(object.__getattribute__(self, "_wrapped"))

    def __get__(self, instance: Any, kind: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return object.__getattribute__(self, "_wrapped")(*args, **kwargs)


def plain(value: Any) -> Any:
    return lambda *args, **kwargs: value(*args, **kwargs)


def wrapped(value: Any) -> Any:
    return functools.wraps(value)(plain(value))


def changed(value: Any) -> Any:
    """A function with the code of another, as some tracers do it; the old one is kept as a mark."""
    copy = FunctionType(
        value.__code__, value.__globals__, value.__name__, value.__defaults__, value.__closure__
    )
    copy.__dict__.update(value.__dict__, __tracer_wrapped__=value)
    copy.__module__, copy.__qualname__ = value.__module__, value.__qualname__
    return copy


WRAPPERS: list[Callable[[Any], Any]] = [plain, wrapped, Proxy, changed]


def load(host: Any) -> None:
    choose_no_framework()
    for part in (host, *host.parts):
        for module in part.modules if part.applies() or part is host else ():
            pytest.importorskip(module, exc_type=ImportError)


def sites_of(name: str) -> list[tuple[Any, str]]:
    """List all that is replaced or bypassed of a host, and can be called."""
    found = []
    host = load_host(name)
    load(host)
    for part in (host, *host.parts):
        seams = [*part.seams.items(), *part.bypasses] if part.applies() else []
        sites = [(owner, name) for path, names in seams for owner in find(path) for name in names]
        found += [
            site for site in sites if callable(inspect.getattr_static(*site, None)) and site not in found
        ]
    return found


@pytest.mark.parametrize("name", HOSTS)
def test_function_wrapped_by_somebody_else_is_left_alone(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sites = sites_of(name)
    assert sites
    for owner, attribute in sites:
        for wrap in WRAPPERS:
            before = vars(owner).get(attribute)
            value = inspect.getattr_static(owner, attribute)
            if wrap is changed and type(value) is not FunctionType:
                continue
            if isinstance(value, type) and wrap is not Proxy:
                continue
            theirs = wrap(value)
            with monkeypatch.context() as patches:
                patches.setattr(owner, attribute, theirs)
                accelerate.install(name)
                try:
                    assert vars(owner)[attribute] is theirs
                    (status,) = [host for host in accelerate.status() if host.host == name]
                    kind = owner.__name__
                    if isinstance(owner, ModuleType) and not status.why_not:
                        continue  # one of several places of a function, the others are as they were
                    assert f"{kind}.{attribute} is not what " in status.why_not, (attribute, wrap)
                    said = [line for line in capsys.readouterr().err.splitlines() if " left alone: " in line]
                    assert [line for line in said if f"{kind}.{attribute} is not what " in line] == said
                finally:
                    accelerate.uninstall(name)
                    capsys.readouterr()
            assert vars(owner).get(attribute) is before


@pytest.mark.parametrize("name", HOSTS)
def test_unmodified_host_passes_the_ownership_check(name: str) -> None:
    host = load_host(name)
    load(host)
    accelerate.install(name, *BESIDE.get(name, ()))
    try:
        (status,) = [host for host in accelerate.status() if host.host == name]
        assert (status.active, status.why_not) == (True, "")
    finally:
        accelerate.uninstall()
    for part in (host,):
        assert own_replacements(part, host) or not part.applies()


SOURCE = """
class Base:
    def inherited(self):
        return "slow"
    @property
    def shown(self):
        return "slow"
    @classmethod
    def made(cls):
        return "slow"
class Codec(Base):
    def name(self):
        return "slow codec"
    @staticmethod
    def twice():
        return "slow"
from fakehost.core import speed
"""
REPLACED = {
    "inherited": "lambda self: 'fast'",
    "shown": "property(lambda self: 'fast')",
    "made": "classmethod(lambda cls: 'fast')",
    "twice": "staticmethod(lambda: 'fast')",
}


def why_not() -> str:
    (status,) = [host for host in accelerate.status() if host.host == "fakehost"]
    return status.why_not


def install_replacing(library: Any, *names: str) -> Any:
    (library / "lib" / "fakehost" / "user.py").write_text(SOURCE)
    lines = "".join(f"    {name!r}: lambda original, host: {REPLACED[name]},\n" for name in names)
    twice = '    "twice": lambda original, host: staticmethod(lambda: "fast twice"),\n'
    fake_library.write_host(library, twice, lines)
    return importlib.import_module("fakehost.user")


@pytest.mark.parametrize("name", REPLACED)
def test_own_and_inherited_methods_of_the_library_are_replaced(library: Any, name: str) -> None:
    user = install_replacing(library, name)
    accelerate.install("fakehost")
    value = getattr(user.Codec(), name)
    assert (value if name == "shown" else value()) == "fast"
    accelerate.uninstall()
    value = getattr(user.Codec(), name)
    assert (value if name == "shown" else value()) == "slow"


THEIRS: dict[str, Any] = {
    "inherited": lambda self: "theirs",
    "shown": property(lambda self: "theirs"),
    "made": classmethod(lambda cls: "theirs"),
    "twice": staticmethod(lambda: "theirs"),
}


@pytest.mark.parametrize("name", REPLACED)
def test_foreign_method_in_a_class_or_its_base_is_kept(library: Any, name: str) -> None:
    user = install_replacing(library, name)
    setattr(user.Codec if name == "twice" else user.Base, name, THEIRS[name])
    accelerate.install("fakehost")
    assert why_not() == f"RuntimeError: Codec.{name} is not what fakehost made it"
    value = getattr(user.Codec(), name)
    assert (value if name == "shown" else value()) == "theirs"


def test_foreign_module_is_kept(library: Any) -> None:
    (library / "lib" / "fakehost" / "core.py").write_text("import json as speed\n")
    fake_library.write_host(library)
    core = importlib.import_module("fakehost.core")
    importlib.import_module("fakehost.user")
    core.speed = theirs = ModuleType("json")  # type: ignore[attr-defined]
    accelerate.install("fakehost")
    assert why_not() == "RuntimeError: fakehost.core.speed is not what fakehost made it"
    assert core.speed is theirs


def test_foreign_class_is_kept(library: Any) -> None:
    user = importlib.import_module("fakehost.user")
    user.Codec = type("Codec", (user.Codec,), {"__module__": "fakehost.user"})
    old = user.Codec.__mro__[1]
    accelerate.install("fakehost")
    assert "Codec" in why_not() or old.name(None) == "slow codec"


def test_bypassed_functions_are_checked_for_ownership(library: Any) -> None:
    passed = "('fakehost.user:Codec', ('twice', 'absent')), ('fakehost.user:Nothing', ('x',))"
    fake_library.write_host(library, "modules=(", f"bypasses=({passed}), modules=(")
    user = importlib.import_module("fakehost.user")
    ours = user.Codec.__dict__["twice"]
    accelerate.install("fakehost")
    assert why_not() == ""
    accelerate.uninstall()
    user.Codec.twice = staticmethod(lambda: 0)
    accelerate.install("fakehost")
    assert why_not() == "RuntimeError: Codec.twice is not what fakehost made it"
    accelerate.uninstall()
    user.Codec.twice = ours
    accelerate.install("fakehost")
    assert why_not() == ""
