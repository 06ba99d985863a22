"""Accelerated classes of connections, without a patch of the library.

The replacements become the methods of a class that comes before the library's class in the method resolution
order, and after the subclasses that the library and its user have made of it: their overrides are called as
before.
"""

from __future__ import annotations

import sys
from typing import Any

from .host import imported_as, load_host, require
from .patch import own_replacements
from .registry import known_hosts, state_of

Methods = dict[type, dict[str, Any]]


def fast_class(base: type) -> type:
    """Return an accelerated subclass of a class of connections; the library itself stays as it is.

    A subclass that is made while the library is patched is accelerated only as long as the patch.

    Args:
        base: a class of connections of a library that can be accelerated, or a subclass of one.

    Returns:
        A subclass of it, of the same name.

    Raises:
        TypeError: it is not such a class.
        RuntimeError: the version installed is not one that was tested, or somebody else has patched it.
    """
    packages = {imported_as(name): name for name in known_hosts()}
    tops = [cls.__module__.partition(".")[0] for cls in base.__mro__]
    name = next((packages[top] for top in tops if top in packages), None)
    if name is None:
        raise TypeError(f"{base.__qualname__} is not a class of {', '.join(known_hosts())}")
    version, host = require(name), load_host(name)
    methods: Methods = {}
    for part in host.parts_of(version):
        if part.applies() and all(module in sys.modules for module in part.modules):
            for owner, attribute, new in own_replacements(part, host):
                if isinstance(owner, type):
                    methods.setdefault(owner, {})[attribute] = new
    state = state_of(name)
    if not methods and not (state and state.active):
        raise TypeError(f"nothing of {name} is replaced here, or its modules are not imported")
    made: type = host.load(host.subclass or with_methods)(base, methods)
    return made


def with_methods(base: type, methods: Methods) -> type:
    """Make a subclass of a class, with methods in front of those of the classes that it inherits from."""
    if methods and methods.keys().isdisjoint(base.__mro__):
        raise TypeError(f"nothing of {base.__qualname__} is replaced")
    behind = tuple(type(one.__name__, (one,), methods[one]) for one in base.__mro__ if one in methods)
    bases = behind if base in methods else (base, *behind)
    named = {"__module__": base.__module__, "__qualname__": base.__qualname__, "__doc__": base.__doc__}
    return type(base.__name__, bases, named)
