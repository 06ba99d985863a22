"""A wrapper put around a method after `install()` sees what it would see without us.

1. Whatever is called less often where a library is accelerated is listed in its host's `bypasses`, or is
   replaced.
2. Each of these, wrapped after the installation, is called as often as where nothing is accelerated.
"""

from __future__ import annotations

import functools
import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support import exchanges

from wsframe import accelerate
from wsframe.accelerate.host import imported_as, load_host
from wsframe.accelerate.ownership import find, is_ours

# Modules of small objects, which others are made of here; of the event loop, which is asked less often; and
# of aiohttp before 3.10, which sets a future that nobody waits for.
LEAVES = ("utf8validator", "xormasker", "ioloop", "platform/asyncio", "aiohttp/helpers")

ROUNDS = 5


def packages_of(hosts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(imported_as, hosts))


@contextmanager
def accelerated(hosts: tuple[str, ...]) -> Iterator[None]:
    accelerate.install(*hosts)
    try:
        assert {host.host for host in accelerate.status() if host.active} >= {*hosts}
        yield
    finally:
        accelerate.uninstall(*hosts)


@pytest.fixture(params=exchanges.KINDS)
def kind(request: pytest.FixtureRequest) -> Any:
    run, hosts = exchanges.KINDS[request.param]
    for host in hosts:
        pytest.importorskip(imported_as(host))
    run()  # imports what it needs
    return run, hosts


def sites_of(hosts: tuple[str, ...]) -> list[tuple[Any, str]]:
    """All that is replaced, bypassed or relied on, once for each name."""
    found: dict[tuple[Any, str], None] = {}
    for name in hosts:
        host = load_host(name)
        for part in (host, *host.parts):
            if all(find(module) for module in part.modules):
                for path, names in [*part.seams.items(), *part.bypasses, *part.relies_on]:
                    for owner in find(path):
                        found.update(dict.fromkeys((owner, name) for name in names))
    values = {site: inspect.getattr_static(*site, None) for site in found}
    return [site for site, value in values.items() if value is not None and not is_ours(value)]  # or added


def codes_of(owner: Any, name: str) -> Iterator[Any]:
    """The code of a function, and of those that override it."""
    value = inspect.getattr_static(owner, name)
    value = getattr(value, "fget", None) or getattr(value, "__func__", value)
    yield getattr(inspect.unwrap(value), "__code__", None)
    for kind in type.__subclasses__(owner) if isinstance(owner, type) else ():
        yield from codes_of(kind, name)


def test_bypassed_functions_are_listed(kind: Any) -> None:
    run, hosts = kind
    codes = {code for site in sites_of(hosts) for code in codes_of(*site)}
    before: Counter[Any] = Counter()
    now: Counter[Any] = Counter()
    # How often a stream tries to read depends on when the bytes come: what is bypassed is so each time.
    for number in range(ROUNDS):
        calls = exchanges.calls(run, packages_of(hosts))
        before = before & calls if number else calls
        with accelerated(hosts):
            now |= exchanges.calls(run, packages_of(hosts))
        unlisted = [
            f"{code.co_filename}:{code.co_firstlineno} {code.co_name}"
            for code, count in before.items()
            if count - now[code] >= exchanges.MESSAGES // 2
            and code not in codes
            and not exchanges.is_local(code)
            and not code.co_filename.endswith(tuple(f"{leaf}.py" for leaf in LEAVES))
        ]
        if not unlisted:
            break
    assert unlisted == []


def wrapper_of(value: Any, count: Callable[[], None]) -> Any:
    """Wrap an attribute of a class or a module."""
    if isinstance(value, staticmethod | classmethod):
        return type(value)(wrapper_of(value.__func__, count))
    if isinstance(value, property):
        return property(wrapper_of(value.fget, count), value.fset, value.fdel)
    if not callable(value) or isinstance(value, type):
        return None

    @functools.wraps(value)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        count()
        return value(*args, **kwargs)

    return wrapper


def count_calls(run: Callable[[], None], owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> int:
    calls: list[None] = []
    wrapper = wrapper_of(inspect.getattr_static(owner, name), lambda: calls.append(None))
    with monkeypatch.context() as patches:
        patches.setattr(owner, name, wrapper)
        run()
    return len(calls)


def test_method_wrapped_after_install_sees_every_call(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run, hosts = kind
    sites = sites_of(hosts)
    sites = [site for site in sites if wrapper_of(inspect.getattr_static(*site), print) is not None]
    before: dict[tuple[Any, str], int] = {}
    now: dict[tuple[Any, str], int] = {}
    few = sites
    # How often a stream tries to read depends on when the bytes come: what is bypassed is so each time.
    for _ in range(ROUNDS):
        for site in few:
            calls = count_calls(run, *site, monkeypatch)
            before[site] = min(calls, before.get(site, calls))
        with accelerated(hosts):
            run()
            for site in few:
                now[site] = max(count_calls(run, *site, monkeypatch), now.get(site, 0))
            run()
        few = [site for site in few if before[site] - now[site] > max(exchanges.SLACK, before[site] // 10)]
    assert {f"{owner.__name__}.{name}": (now[owner, name], before[owner, name]) for owner, name in few} == {}
    assert any(before.values())
