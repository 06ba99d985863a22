"""A class of connections that is fast without a patch: a connection has its protocol made fast, too."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from websockets.protocol import Protocol

from ...fast_classes import Methods, with_methods


def with_protocol(base: type, methods: Methods) -> type:
    """Make a class of connections, of the replacements by their owners."""
    # That of trio has none, and a protocol that has.
    kind: Any = with_methods(base, {one: methods[one] for one in base.__mro__ if one in methods})
    if Protocol not in methods:
        return kind  # type: ignore[no-any-return]
    fast_protocol = type("Protocol", (Protocol,), methods[Protocol])

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        for argument in args:
            if isinstance(argument, Protocol):
                protocol_class: Any = type(argument)
                argument.__class__ = joined(protocol_class, fast_protocol)
        super(kind, self).__init__(*args, **kwargs)

    kind.__init__ = __init__
    return kind  # type: ignore[no-any-return]


@lru_cache
def joined(base: Any, behind: Any) -> Any:
    """Make a class that inherits from one class, and then from another."""
    return type(base.__name__, (base, behind), {"__module__": base.__module__})
