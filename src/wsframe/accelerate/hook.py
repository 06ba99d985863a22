"""The import hook: calls functions before and after a watched module is loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from threading import get_ident
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:  # importlib.abc is slow to import
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec


class ImportHook:
    """A finder that asks the other finders, and wraps the loader of a watched module.

    Args:
        before: called with the name of a watched module about to be created.
        after: called when it has been; it is still being imported then, by this thread.
    """

    def __init__(self, before: Callable[[str], None], after: Callable[[str], None]) -> None:
        self.watched: set[str] = set()
        self._before = before
        self._after = after
        self._finding: set[tuple[int, str]] = set()

    # A new list each time: an import in another thread may be going over the old one, and skip a finder.

    def arm(self) -> None:
        if self not in sys.meta_path:
            sys.meta_path = [self, *sys.meta_path]

    def disarm(self) -> None:
        self.watched.clear()
        sys.meta_path = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # Two hooks that ask every other finder would ask each other without end.
        search = get_ident(), fullname
        if fullname not in self.watched or search in self._finding:
            return None
        self._finding.add(search)
        try:
            spec = self._ask_the_others(fullname, path, target)
        finally:
            self._finding.discard(search)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = cast("Loader", _Loader(spec.loader, self._before, self._after))
        return spec

    def _ask_the_others(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None) if finder is not self else None
            spec: ModuleSpec | None = find(fullname, path, target) if find else None
            if spec is not None:
                return spec
        return None


class _Loader:
    """Replaces the loader of a module until the module is executed, then puts it back."""

    def __init__(self, loader: Any, before: Callable[[str], None], after: Callable[[str], None]) -> None:
        self._loader = loader
        self._before = before
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        # Not later: once a package is in sys.modules, other threads may find modules in it.
        self._before(spec.name)
        create = getattr(self._loader, "create_module", None)
        module: ModuleType | None = create(spec) if create else None
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        # importlib binds it in its package a moment later; `import a.b; a.b.c` must work in `after` already.
        parent, _, name = module.__name__.rpartition(".")
        if parent in sys.modules:
            setattr(sys.modules[parent], name, sys.modules.get(module.__name__, module))
        self._after(module.__name__)
