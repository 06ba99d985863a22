"""Which connections get wsframe's own protocol: those whose class of uvicorn is still as uvicorn made it.

`Config.load` settles the class once, and a program may wrap functions of uvicorn's class afterwards, as a
tracer does that starts with the application. New connections then are of uvicorn's class.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache, partial
from types import BuiltinFunctionType, FunctionType
from typing import Any

from ...._backend import Watch
from ...ownership import is_own, require_own
from ...report import say
from .bypassed import FOLDER

# The classes of a library that each class of uvicorn is built on.
BEHIND: dict[str, tuple[str, ...]] = {
    "websockets_impl": (),  # it inherits from what is behind it
    "websockets_sansio_impl": ("websockets.server:ServerProtocol", "websockets.protocol:Protocol"),
    "wsproto_impl": ("wsproto:WSConnection", "wsproto.connection:Connection"),
}
# The packages of all these classes, and those whose functions uvicorn's modules have imported.
PACKAGES = frozenset({"uvicorn", "websockets", "wsproto", "asyncio", "typing", "typing_extensions", "urllib"})


def require_unchanged(stock: type) -> None:
    """Raise RuntimeError unless all that a class of uvicorn consists of is as its library made it."""
    for owner, names in _parts(stock):
        for name in names:
            require_own(owner, name, PACKAGES)


@cache
def guarded(own: type, stock: type) -> type:
    """Make a class whose connections are of our class, or of uvicorn's class if that has been changed since.

    Args:
        own: our class.
        stock: the class of uvicorn in whose place it is.
    """
    unchanged = Watch(partial(is_own, packages=PACKAGES), fixed=_parts(stock))
    told: list[str] = []

    class WebSocketProtocol(own):  # type: ignore[misc]
        __slots__ = ()
        replaces = stock

        def __new__(cls, *args: Any, **settings: Any) -> Any:
            if unchanged.holds():
                return super().__new__(cls)
            if not told:
                told.append(_change(stock))
                say(f"uvicorn uses its own {stock.__name__} from now on: {told[0]}")
            return stock(*args, **settings)

    WebSocketProtocol.__module__, WebSocketProtocol.__qualname__ = own.__module__, own.__qualname__
    WebSocketProtocol.__doc__ = own.__doc__
    return WebSocketProtocol


def _change(stock: type) -> str:
    try:
        require_unchanged(stock)
    except RuntimeError as exc:
        return str(exc)
    return "it is not what uvicorn made it"


def _parts(stock: type) -> Iterable[tuple[Any, tuple[str, ...]]]:
    """List the classes and the module that a class of uvicorn consists of, and names of their functions."""
    module = stock.__module__.removeprefix(f"{FOLDER}.")
    owners = [kind for kind in stock.__mro__ if kind.__module__.partition(".")[0] in PACKAGES]
    for path in BEHIND[module]:
        home, _, name = path.partition(":")
        behind = getattr(sys.modules.get(home), name, None)
        if isinstance(behind, type):
            owners.append(behind)
    for owner in owners:
        # Also those that it inherits: a wrapper may be set on the class itself.
        kinds = [kind for kind in owner.__mro__ if kind is not object]
        yield owner, tuple({name for kind in kinds for name in vars(kind) if _is_code(owner, name)})
    importer = sys.modules[stock.__module__]
    utilities = vars(sys.modules["uvicorn.protocols.utils"])
    names = [
        name
        for name, value in vars(importer).items()
        if isinstance(value, (FunctionType, BuiltinFunctionType)) or callable(utilities.get(name))
    ]
    yield importer, tuple(names)


def _is_code(owner: type, name: str) -> bool:
    """Tell whether an attribute of a class is a function or a property."""
    value = getattr(owner, name, None)
    return callable(value) or isinstance(value, property)
