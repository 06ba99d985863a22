"""The module that compresses: the standard zlib, or one with the same interface that is installed.

Everything in wsframe that compresses gets it here: the codec, and what hosts are given in the place of zlib.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

MODULES = {"zlib": "zlib", "zlib_ng": "zlib_ng.zlib_ng", "isal": "isal.isal_zlib"}
_in_use = "zlib"


@cache
def module_of(name: str) -> Any:
    """Import the module of this name.

    Raises:
        ValueError: the name is none that `use` takes.
        ImportError: the module is not installed.
    """
    if name not in MODULES:
        raise ValueError(f"name must be one of {', '.join(MODULES)}, not {name!r}")
    return import_module(MODULES[name])


def use(name: str) -> None:
    """Choose the module that compresses and inflates, for policies made from now on.

    Args:
        name: "zlib", "zlib_ng" or "isal"; the last two are packages to install.

    Raises:
        ValueError: the name is none of these.
        ImportError: the module is not installed.
    """
    global _in_use
    module_of(name)
    _in_use = name


def in_use() -> str:
    """Tell which module is in use: "zlib", "zlib_ng" or "isal"."""
    return _in_use
