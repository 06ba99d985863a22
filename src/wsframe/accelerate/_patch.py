"""Attributes of a host, replaced as one and restored as one."""

from __future__ import annotations

import sys
from collections.abc import Container
from types import ModuleType
from typing import Any

from ._host import Part

_ABSENT = object()


class Patch:
    """The replacements of one part of a host."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.executed: set[str] = set()  # modules the import hook saw through to their end
        self.failed = ""  # why the last attempt was taken back
        self._sites: list[tuple[Any, str, Any, Any]] = []  # owner, name, old, new

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
        return all(name in self.executed or _is_imported(name) for name in self.part.modules)

    def apply(self) -> None:
        """Replace and prove, or leave everything as it was and raise."""
        # A module executed again (reload) has lost its replacements: those sites are of no concern any more.
        self._sites = [site for site in self._sites if _holds(site)]
        wanted = list(self.part.replacements())
        try:
            for owner, name, new in wanted:
                self._sites.append((owner, name, vars(owner).get(name, _ABSENT), new))
                setattr(owner, name, new)
            self.part.prove()
        except BaseException:
            self.revert()
            raise

    def revert(self) -> list[str]:
        """Put the very old objects back; name the sites somebody else has replaced since, which stay."""
        self.part.settle()
        sites, self._sites = self._sites, []
        taken = []
        for site in reversed(sites):
            owner, name, old, _ = site
            if not _holds(site):
                taken.append(f"{_name(owner)}.{name}")
            elif old is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, old)
        # Modules imported meanwhile took the new objects.
        olds = {id(new): old for owner, _, old, new in sites if isinstance(owner, ModuleType)}
        for _, name, names in _references(olds):
            if olds[id(names[name])] is not _ABSENT:
                names[name] = olds[id(names[name])]
        return taken

    def stale(self) -> list[str]:
        """Name what still refers to the replaced objects: `from library import name`, run too early."""
        packages: dict[int, set[str]] = {}
        for owner, _, old, _ in self._sites:
            packages.setdefault(id(old), set()).add(_package(getattr(owner, "__module__", _name(owner))))
        found = []
        for module, name, names in _references(packages):
            home = getattr(names[name], "__module__", None) or ""
            # Left to itself where it is made; and what a host took from elsewhere is not its own alone.
            if home != module and packages[id(names[name])] & {_package(home), _package(module)}:
                found.append(f"{module}.{name}")
        return sorted(found)


def _name(owner: Any) -> str:
    name: str = (owner if isinstance(owner, (type, ModuleType)) else type(owner)).__name__
    return name


def _package(module: str) -> str:
    return module.partition(".")[0]


def _holds(site: tuple[Any, str, Any, Any]) -> bool:
    owner, name, _, new = site
    return vars(owner).get(name, _ABSENT) is new


def _is_imported(name: str) -> bool:
    module = sys.modules.get(name)
    return module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False)


def _references(wanted: Container[int]) -> list[tuple[str, str, dict[str, Any]]]:
    """Find functions and classes by their ids, in all modules but ours: module, name, and the names there."""
    return [
        (module, name, names)
        for module, names in _namespaces()
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
