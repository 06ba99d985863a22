"""What of a library is its own: only that may be replaced, or passed by."""

from __future__ import annotations

import sys
from typing import Any


def require_own(owner: Any, *names: str) -> None:
    """See that functions are as their library made them.

    Args:
        owner: a class or a module of the library.
        names: of its methods or functions.

    Raises:
        RuntimeError: one has been wrapped, or replaced, or is of an older import.
    """
    module = getattr(owner, "__module__", owner.__name__)
    package = module.partition(".")[0]
    known = (
        owner is sys.modules.get(module) or getattr(sys.modules.get(module), owner.__name__, None) is owner
    )
    for name in names:
        function = getattr(owner, name)
        if function.__globals__["__name__"] == "contextlib":  # a context manager, as its decorator left it
            function = function.__wrapped__
        home = getattr(sys.modules.get(function.__module__), "__dict__", None)
        if not known or function.__module__.partition(".")[0] != package or function.__globals__ is not home:
            raise RuntimeError(f"{owner.__name__}.{name} is not what {package} made it")
