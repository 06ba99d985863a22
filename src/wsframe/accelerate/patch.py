"""Attributes of a host that are replaced together and restored together."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set as AbstractSet
from functools import wraps
from importlib import import_module
from inspect import getattr_static
from itertools import chain, starmap
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from .host import Host, Part, require
from .ownership import ABSENT as _ABSENT, find, is_ours, require_own


class Replacement(NamedTuple):
    """An attribute of a class or a module, and its new value."""

    owner: Any
    name: str
    new: Any


class Site(NamedTuple):
    """An attribute that was replaced; `stays`: it is kept by `revert`, as the library does not have it."""

    owner: Any
    name: str
    old: Any
    new: Any
    stays: bool = False


class Patch:
    """The replacements of one part of a host.

    Args:
        part: of the host.
        host: that the part is of.
    """

    def __init__(self, part: Part, host: Host) -> None:
        self.part = part
        self.host = host
        self.executed: set[str] = set()  # modules that have been executed, as the import hook reported
        self.failed = ""  # why the last `apply` was reverted
        self._sites: list[Site] = []

    @property
    def sites(self) -> list[Site]:
        return list(self._sites)

    @property
    def active(self) -> bool:
        return bool(self._sites)

    @property
    def intact(self) -> bool:
        """Whether it is active, and nobody has replaced anything since."""
        return self.active and all(map(_holds, self._sites))

    @property
    def ready(self) -> bool:
        """Whether every module this part needs has been executed."""
        return all(name in self.executed or is_imported(name) for name in self.part.modules)

    def apply(self) -> None:
        """Replace and prove, or leave everything as it was and raise."""
        # A module executed again (reload) has lost its replacements: those sites are of no concern any more.
        self._sites = [site for site in self._sites if _holds(site)]
        if not self.part.applies():
            return
        wanted = own_replacements(self.part, self.host)
        try:
            sites = [
                Site(owner, name, vars(owner).get(name, _ABSENT), new, not _has(owner, name))
                for owner, name, new in wanted
            ]
            self._sites += sites
            _set_all(sites)
            self.host.load(self.part.prove)()
        except BaseException:
            restore_imported(self.revert()[1])
            raise

    def revert(self) -> tuple[list[str], list[Site]]:
        """Restore the originals, except where somebody else has replaced ours since.

        Returns:
            Names of the sites that somebody else has replaced, and all sites, for `restore_imported`.
        """
        sites, self._sites = self._sites, []
        if sites:
            self.host.load(self.part.settle)()
        theirs, ours = [], []
        for site in reversed(sites):
            if site.stays:
                continue
            if _holds(site):
                ours.append(Site(site.owner, site.name, site.new, site.old))
            else:
                theirs.append(f"{_name(site.owner)}.{site.name}")
        _set_all(ours)
        return theirs, sites


def _set_all(sites: Sequence[Site]) -> None:
    """Give attributes their new values, all at once for the other threads where there is a GIL.

    Otherwise they could run a library that is half replaced: the interpreter switches threads between
    instructions, but never inside one function of C that calls no Python code.
    """
    present = [(site.owner, site.name, site.new) for site in sites if site.new is not _ABSENT]
    absent = [(site.owner, site.name) for site in sites if site.new is _ABSENT]
    deque(chain(starmap(setattr, present), starmap(delattr, absent)), maxlen=0)


# Both look through all modules, which takes milliseconds in a large program: call them once for many patches.


def restore_imported(sites: Iterable[Site]) -> None:
    """Restore the originals in modules that imported the replacements while these were in place."""
    olds = {
        id(site.new): site.old
        for site in sites
        if isinstance(site.owner, ModuleType) and site.old is not _ABSENT and callable(site.new)
    }
    for _, name, names in _references(olds.keys()):
        names[name] = olds[id(names[name])]


def stale(*groups: Iterable[Patch]) -> list[list[str]]:
    """For each group of patches, name what still refers to an object they replaced.

    That is where `from library import name` ran too early.
    """
    packages: list[dict[int, set[str]]] = []
    for patches in groups:
        packages.append({})
        for site in [site for patch in patches for site in patch.sites]:
            if callable(site.old):
                home = getattr(site.owner, "__module__", _name(site.owner))
                packages[-1].setdefault(id(site.old), set()).add(_package(home))
    found: list[list[str]] = [[] for _ in packages]
    for module, name, names in _references({one for group in packages for one in group}):
        value = names[name]
        home = getattr(value, "__module__", None) or ""
        if home == module:  # the module that defines it keeps it
            continue
        for group, lines in zip(packages, found, strict=True):
            # A host may share what it has imported from elsewhere.
            if group.get(id(value), set()) & {_package(home), _package(module)}:
                lines.append(f"{module}.{name}")
    return [sorted(lines) for lines in found]


def own_replacements(part: Part, host: Host) -> list[Replacement]:
    """Make the replacements of a part, if what they replace and bypass is the library's own code.

    Replacements that are in place already are left out.

    Raises:
        RuntimeError: other code has wrapped or replaced some of it, or it cannot be used here.
    """
    if obstacle := part.obstacle():
        raise RuntimeError(obstacle)
    for other in part.requires:
        require(other)
    bypassed = [(owner, name) for path, names in part.bypasses for owner in find(path) for name in names]
    _require_own(bypassed, host)  # first: replacements are made from what is there
    wanted = [*_additions(part), *_replacements(part, host)]
    _require_own([(owner, name) for owner, name, _ in wanted], host)
    return wanted


def _additions(part: Part) -> Iterator[Replacement]:
    for path, values in part.adds.items():
        owner = _import(path)
        for name, value in values.items():
            if not _has(owner, name):
                yield Replacement(owner, name, value)


def _replacements(part: Part, host: Host) -> Iterator[Replacement]:
    for path, factories in part.seams.items():
        owner = _import(path)
        for name, factory in factories.items():
            original = getattr_static(owner, name, None)
            if is_ours(original):
                continue
            new = host.load(factory)(original, host)
            if new is original:
                continue
            if type(new) is FunctionType and original is not None:
                new = wraps(original)(new)
            yield Replacement(owner, name, new)
            if isinstance(owner, ModuleType) and callable(original):
                yield from _elsewhere(owner, name, original, new)


def _elsewhere(owner: ModuleType, name: str, original: Any, new: Any) -> Iterator[Replacement]:
    """Replace a function also in the modules that have imported it, under any name."""
    for path, module in list(sys.modules.items()):
        if _package(path) == _package(owner.__name__) and issubclass(type(module), ModuleType):
            names = object.__getattribute__(module, "__dict__")  # lazy modules are not loaded
            for other, value in list(names.items()):
                if value is original and (names is not vars(owner) or other != name):
                    yield Replacement(sys.modules[path], other, new)


def _import(path: str) -> Any:
    """Find a module, or a class or an object in one, by "module" or "module:name"."""
    module, _, name = path.partition(":")
    owner: Any = import_module(module)
    return getattr(owner, name) if name else owner


def _has(owner: Any, name: str) -> bool:
    return getattr_static(owner, name, _ABSENT) is not _ABSENT


def _require_own(sites: Iterable[tuple[Any, str]], host: Host) -> None:
    for owner, name in sites:
        home = getattr(owner, "__module__", _name(owner))
        require_own(owner, name, {*host.own_packages, _package(home)})


def _name(owner: Any) -> str:
    name: str = (owner if isinstance(owner, (type, ModuleType)) else type(owner)).__name__
    return name


def _package(module: str) -> str:
    return module.partition(".")[0]


def _holds(site: Site) -> bool:
    return vars(site.owner).get(site.name, _ABSENT) is site.new


def is_imported(name: str) -> bool:
    module = sys.modules.get(name)
    return module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False)


def _references(wanted: AbstractSet[int]) -> list[tuple[str, str, dict[str, Any]]]:
    """Find functions and classes by their ids, in all modules but ours: module, name, and the names there."""
    if not wanted:
        return []
    return [
        (module, name, names)
        for module, names in _namespaces()
        if not wanted.isdisjoint(map(id, list(names.values())))  # most modules have none: a loop in C
        for name, value in list(names.items())
        if id(value) in wanted and callable(value)
    ]


def _namespaces() -> list[tuple[str, dict[str, Any]]]:
    # Lazy modules are not loaded; what is in sys.modules and is no module is skipped.
    return [
        (name, object.__getattribute__(module, "__dict__"))
        for name, module in list(sys.modules.items())
        if issubclass(type(module), ModuleType) and not name.startswith("wsframe.")
    ]
