"""Which functions are the library's own: only these may be replaced or bypassed.

Tools that watch a program (tracers, profilers, test doubles) replace functions of the library with wrappers.
A replacement would remove the wrapper, and a fast path would bypass it: neither is done.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import types
from collections.abc import Collection, Iterable
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

from .._backend import Watch

Bypassed = tuple[str, tuple[str, ...]]  # "module" or "module:Class", and the names of its attributes

ABSENT = object()

# Functions of Python that libraries call may be watched, too (see `hosts._shared.keys`).
_OF_PYTHON = frozenset({"_struct", "nt", "posix", "random", "secrets"})

_OURS = __name__.rpartition(".")[0]
_CYTHON = "cython_function_or_method"
_OF_C = (  # nobody can have changed the code of these
    types.BuiltinFunctionType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)
_CONSTANTS = (bool, bytes, float, frozenset, int, str, tuple, type(None))


def require_own(owner: Any, name: str, packages: Collection[str]) -> None:
    """Raise unless an attribute is as the library made it, in the class itself or in one of its bases.

    Args:
        owner: a class or a module of the library, or an object in one.
        name: of the attribute; one that does not exist is accepted.
        packages: the names of the library's package, and of those it takes functions from.

    Raises:
        RuntimeError: it was wrapped or replaced, or its class is not the one that the library has now.
    """
    value = inspect.getattr_static(owner, name, ABSENT)
    if value is not ABSENT and not (is_current(owner) and is_own(value, packages)):
        kind = owner if isinstance(owner, (type, ModuleType)) else type(owner)
        package = (getattr(kind, "__module__", None) or kind.__name__).partition(".")[0]
        raise RuntimeError(f"{kind.__name__}.{name} is not what {package} made it")


def find(path: str) -> list[Any]:
    """Find a module, or a class in one, by "module" or "module:Class"; none, when it is not there."""
    module, _, name = path.partition(":")
    owner: Any = sys.modules.get(module)
    if name and owner is not None:
        owner = getattr(owner, name, None)
    return [] if owner is None else [owner]


def watch(packages: Collection[str], bypasses: Iterable[Bypassed], *kinds: str) -> Watch:
    """Watch what a fast path bypasses: its `holds` returns whether none of it is wrapped by other code.

    Args:
        packages: as for `is_own`.
        bypasses: as a part of a host lists it.
        kinds: of these paths, the classes of the objects that `holds` is called with, in this order. Names
            are looked up in the class of the object, which may be a subclass.
    """
    names: dict[str, tuple[str, ...]] = {}
    for path, more in bypasses:
        names[path] = names.get(path, ()) + more
    of_kinds = [names[path] for path in kinds]
    # Their base class, too: what overrides a method in the library may call the one that it overrides.
    fixed = [(owner, more) for path, more in names.items() for owner in find(path)]
    return Watch(partial(is_own, packages=_OF_PYTHON.union(packages)), of_kinds, fixed)


def is_current(owner: Any) -> bool:
    """Tell whether a class or a module is the one that is imported now; other objects always are."""
    if isinstance(owner, ModuleType):
        return sys.modules.get(owner.__name__) is owner
    if isinstance(owner, type):
        return getattr(sys.modules.get(owner.__module__), owner.__name__, None) is owner
    return True


def is_ours(value: Any) -> bool:
    """Tell whether an attribute of a class or a module is one of our replacements."""
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    elif isinstance(value, property):
        value = value.fget
    if type(value) is FunctionType:
        return _is_ours(value.__globals__.get("__name__", ""))
    return _is_ours((value if isinstance(value, type) else type(value)).__module__)


def is_own(value: Any, packages: Collection[str]) -> bool:
    """Tell whether an attribute of a class or a module was made by one of these packages, or by us.

    It looks at the type of an object, never at its attributes: the proxies of wrapt return those of the
    object that they wrap.
    """
    kind = type(value)
    if kind is FunctionType or kind.__name__ == _CYTHON:
        return _is_own_function(value, packages)
    if kind is staticmethod or kind is classmethod:
        return is_own(value.__func__, packages)
    if kind is property:
        parts = value.fget, value.fset, value.fdel
        return all(part is None or is_own(part, packages) for part in parts)
    if kind is functools._lru_cache_wrapper:
        return is_own(value.__wrapped__, packages)
    if kind in _OF_C:
        return kind is not types.BuiltinFunctionType or _is_of(_home(value), packages)
    if kind is ModuleType:
        return sys.modules.get(value.__name__) is value
    if isinstance(value, type) and issubclass(kind, type):
        return _is_of(value.__module__, packages)
    return kind in _CONSTANTS or _is_ours(kind.__module__)


def _home(function: types.BuiltinFunctionType) -> str:
    """Name the module of a function of C, or of the class of its object: `__module__` may be wrong."""
    owner = function.__self__
    spec = getattr(owner, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    return function.__module__ or type(owner).__module__


def _is_own_function(function: Any, packages: Collection[str]) -> bool:
    names = function.__globals__
    home = names.get("__name__", "")
    if _is_ours(home):
        return True
    attributes = vars(function)
    # Some tracers leave the function in place and change its code; they keep the old code in an attribute.
    if any("wrapped" in name and name != "__wrapped__" for name in attributes):
        return False
    if names is vars(contextlib):  # as its decorators leave a generator of the library
        return is_own(attributes.get("__wrapped__"), packages)
    return _is_of(home, packages) and (
        "__wrapped__" not in attributes or is_own(attributes["__wrapped__"], packages)
    )


def _is_of(module: str, packages: Collection[str]) -> bool:
    return module.partition(".")[0] in packages or _is_ours(module)


def _is_ours(module: str) -> bool:
    return module == _OURS or module.startswith((f"{_OURS}.", "wsframe.compat."))
