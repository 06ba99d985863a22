"""Attributes of a host, replaced as one and restored as one."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Sequence, Set as AbstractSet
from itertools import chain, starmap
from types import ModuleType
from typing import Any

from .host import Part, Replacement
from .ownership import ABSENT as _ABSENT, find, require_own

Site = tuple[Any, str, Any, Any]  # owner, name, old, new


class Patch:
    """The replacements of one part of a host.

    Args:
        part: of the host.
        package: of the host's library.
    """

    def __init__(self, part: Part, package: str) -> None:
        self.part = part
        self.package = package
        self.executed: set[str] = set()  # modules the import hook saw through to their end
        self.failed = ""  # why the last attempt was taken back
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
        wanted = own_replacements(self.part, self.package)
        try:
            sites = [(owner, name, vars(owner).get(name, _ABSENT), new) for owner, name, new in wanted]
            self._sites += sites
            _set_all(sites)
            self.part.prove()
        except BaseException:
            give_back(self.revert()[1])
            raise

    def revert(self) -> tuple[list[str], list[Site]]:
        """Put the very old objects back, but where somebody else has replaced the new ones since.

        Returns:
            Names of the sites that somebody else has replaced, and all sites, for `give_back`.
        """
        self.part.settle()
        sites, self._sites = self._sites, []
        taken, ours = [], []
        for site in reversed(sites):
            owner, name, old, new = site
            if old is _ABSENT and name in self.part.stays:
                continue
            if _holds(site):
                ours.append((owner, name, new, old))
            else:
                taken.append(f"{_name(owner)}.{name}")
        _set_all(ours)
        return taken, sites


def _set_all(sites: Sequence[Site]) -> None:
    """Give attributes their new values, all at once for the other threads where there is a GIL.

    They would otherwise run into a library that is half its own: the interpreter changes threads between
    instructions, but never inside one function of C that calls no Python code.
    """
    present = [(owner, name, new) for owner, name, _, new in sites if new is not _ABSENT]
    absent = [(owner, name) for owner, name, _, new in sites if new is _ABSENT]
    deque(chain(starmap(setattr, present), starmap(delattr, absent)), maxlen=0)


# Both look through all modules, which takes milliseconds in a large program: call them once for many patches.


def give_back(sites: Iterable[Site]) -> None:
    """Put the old objects into modules that imported the new ones while these were in place."""
    olds = {
        id(new): old
        for owner, _, old, new in sites
        if isinstance(owner, ModuleType) and old is not _ABSENT and callable(new)
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
        for owner, _, old, _ in [site for patch in patches for site in patch.sites]:
            if callable(old):
                home = getattr(owner, "__module__", _name(owner))
                packages[-1].setdefault(id(old), set()).add(_package(home))
    found: list[list[str]] = [[] for _ in packages]
    for module, name, names in _references({one for group in packages for one in group}):
        value = names[name]
        home = getattr(value, "__module__", None) or ""
        if home == module:  # left to itself where it is made
            continue
        for group, lines in zip(packages, found, strict=True):
            # What a host took from elsewhere is not its own alone.
            if group.get(id(value), set()) & {_package(home), _package(module)}:
                lines.append(f"{module}.{name}")
    return [sorted(lines) for lines in found]


def own_replacements(part: Part, package: str) -> list[Replacement]:
    """List what a part replaces, if the library's own code is there to be replaced and passed by.

    Raises:
        RuntimeError: somebody else has wrapped or replaced some of it.
    """
    passed = [(owner, name) for path, names in part.passes_by for owner in find(path) for name in names]
    _require_own(passed, part, package)  # first: what replaces is made from what is there
    wanted = list(part.replacements())
    _require_own([(owner, name) for owner, name, _ in wanted], part, package)
    return wanted


def _require_own(sites: Iterable[tuple[Any, str]], part: Part, package: str) -> None:
    for owner, name in sites:
        home = getattr(owner, "__module__", _name(owner))
        require_own(owner, name, {package, _package(home), *part.takes_from})


def _name(owner: Any) -> str:
    name: str = (owner if isinstance(owner, (type, ModuleType)) else type(owner)).__name__
    return name


def _package(module: str) -> str:
    return module.partition(".")[0]


def _holds(site: Site) -> bool:
    owner, name, _, new = site
    return vars(owner).get(name, _ABSENT) is new


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
    # Lazy modules are not woken; strange objects are passed over.
    return [
        (name, object.__getattribute__(module, "__dict__"))
        for name, module in list(sys.modules.items())
        if issubclass(type(module), ModuleType) and not name.startswith("wsframe.")
    ]
