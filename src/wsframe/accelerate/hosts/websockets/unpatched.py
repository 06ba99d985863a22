"""The official way: a class of connections that is fast without a patch.

What the patch puts into `Protocol` and `Connection` stands before them here, and behind the classes that
websockets and its user made of them, whose methods are obeyed as ever.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

from websockets.protocol import Protocol

from ...host import Part
from ...patch import own_replacements
from . import protocol


def fast(base: Any, parts: tuple[Part, ...]) -> type:
    """Make a class of connections.

    Args:
        base: a class of connections of websockets, or a subclass of one.
        parts: of the host; those whose modules have been imported are taken.
    """
    Connection = next(cls for cls in base.__mro__ if cls.__module__.endswith(".connection"))
    methods: dict[Any, dict[str, Any]] = {Protocol: {}, Connection: {}}
    patched = Protocol.parse is protocol.parse
    for part in parts:
        if not patched and all(name in sys.modules for name in part.modules):
            for owner, name, new in own_replacements(part, "websockets"):
                methods.setdefault(owner, {})[name] = new
    FastConnection: Any = type("Connection", (Connection,), methods[Connection])
    FastProtocol = type("Protocol", (Protocol,), methods[Protocol])

    class Fast(base, FastConnection):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            for argument in args:
                if isinstance(argument, Protocol):
                    kind: Any = type(argument)
                    argument.__class__ = joined(kind, FastProtocol)
            super().__init__(*args, **kwargs)

    Fast.__name__, Fast.__qualname__, Fast.__module__ = base.__name__, base.__qualname__, base.__module__
    return Fast


@lru_cache
def joined(base: Any, behind: Any) -> Any:
    """Make a class of one class and another that stands behind it."""
    return type(base.__name__, (base, behind), {"__module__": base.__module__})
