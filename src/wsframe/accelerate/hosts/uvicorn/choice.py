"""Whether uvicorn gets wsframe's own protocol, or its own classes are accelerated."""

from __future__ import annotations

import os
from importlib.util import find_spec
from itertools import takewhile

from ...host import distribution_version

# The versions whose classes are known well enough to be patched.
PATCHED = (0, 54, 0), (0, 55, 0)
SWITCHED_OFF = "WSFRAME_OWN_PROTOCOL=0"


def version_of(text: str) -> tuple[int, ...]:
    """Return the numbers of a version."""
    return tuple(int("".join(takewhile(str.isdecimal, part)) or 0) for part in text.split(".")[:3])


def why_not() -> str:
    """Say why uvicorn's own classes stay; empty when they do not."""
    if os.environ.get("WSFRAME_OWN_PROTOCOL") == "0":
        return SWITCHED_OFF
    return "" if find_spec("httptools") else "wsframe's own protocol needs httptools"


def classes_are_patched() -> bool:
    """Tell whether uvicorn's own classes are accelerated instead, where they can be."""
    numbers = version_of(distribution_version("uvicorn") or "")
    return bool(why_not()) and PATCHED[0] <= numbers < PATCHED[1]


def left_alone() -> str:
    """Say why neither is done; empty when one is."""
    return "" if classes_are_patched() else why_not()
