"""What the file of a host library says: which versions, which modules, what to replace, how to prove it.

`accelerate/hosts/<name>/` serves the library `<name>`; its `__init__` defines `HOST`. It
is itself imported only when a program imports that library, and must not import the library at its top
level: do that inside `replacements` and `prove`, which run once the modules they need have been executed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from .hosts import IMPORTED_AS

__all__ = ["Deflating", "Host", "Part", "PassedBy", "Replacement", "imported_as"]

Replacement = tuple[Any, str, Any]  # the owner (a module or a class), the attribute's name, the new object
PassedBy = tuple[str, tuple[str, ...]]  # "module" or "module:Class", and the names of its attributes


def imported_as(name: str) -> str:
    """The name of a host's package."""
    return IMPORTED_AS.get(name, name)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Replacements that come and go as one.

    Args:
        modules: what must have been imported first; the replacing is done right after the last of them.
        replacements: names every binding site, once for each place that holds a reference.
        prove: runs a known answer through the library's public API; raises when the answer is wrong or when
            the code that gave it was not the new code.
        settle: finishes what the new code has under way, before the originals come back.
        passes_by: what the new code does the work of without calling it. Where somebody else has wrapped one
            of these, or of what is replaced, nothing is replaced. What a version lacks is passed over.
        stays: names of attributes that are added, and stay when the originals come back: what is under way in
            another thread reads them still.
        takes_from: packages besides the library's own that functions named here were made in.
        since: the oldest version of the library this part was tested with, where the host has older ones.
        note: what to call it where it is told what is active; nothing for most.
        why_not: says why it is of no use in this environment; empty when it is.
    """

    modules: tuple[str, ...]
    replacements: Callable[[], Iterable[Replacement]]
    prove: Callable[[], None]
    settle: Callable[[], None] = lambda: None
    passes_by: tuple[PassedBy, ...] = ()
    stays: tuple[str, ...] = ()
    takes_from: tuple[str, ...] = ()
    since: tuple[int, ...] = ()
    note: str = ""
    why_not: Callable[[], str] = lambda: ""


@dataclass(frozen=True, kw_only=True)
class Deflating:
    """Where a library gets what compresses its messages (see `_zlib`).

    Args:
        module: of the library.
        round_trip: compresses bytes and inflates them, the library's own way; answers the two objects that
            did it, and what came out.
        zlib: what holds the module zlib there, dots for attributes.
    """

    module: str
    round_trip: Callable[[bytes], tuple[Any, Any, bytes]]
    zlib: str = "zlib"


@dataclass(frozen=True, kw_only=True)
class Host(Part):
    """A library that can be accelerated.

    Args:
        name: its name on PyPI, with underscores (see `imported_as`).
        first: the oldest version tested.
        below: the first version that is not.
        parts: replacements in modules that not every program imports; each follows its own modules.
        coalesces: whether messages of one loop iteration leave in one write (see `_coalesce`).
        deflating: how it compresses, if it does.
        unreached: modules that do the same work with code that is not replaced, of the library or of one that
            stands on it; when a program imports one, that is told.
    """

    name: str
    first: tuple[int, ...]
    below: tuple[int, ...]
    parts: tuple[Part, ...] = ()
    coalesces: bool = False
    deflating: Deflating | None = None
    unreached: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """The notes of parts that will be in place here."""
        return [part.note for part in self.parts if part.note and not part.why_not()]

    @property
    def tested(self) -> str:
        """The tested range, for people."""
        return f">={'.'.join(map(str, self.first))},<{'.'.join(map(str, self.below))}"

    def covers(self, version: str) -> bool:
        """Tell whether a version is in the tested range; a pre-release counts as its release."""
        numbers = _numbers(version)
        return bool(numbers) and _padded(self.first) <= _padded(numbers) < _padded(self.below)

    def parts_of(self, version: str) -> list[Part]:
        """List the parts that were tested with a version, the host's own first if it is one of them."""
        numbers = _padded(_numbers(version))
        return [part for part in (self, *self.parts) if _padded(part.since) <= numbers]

    def misfit(self, version: str | None) -> str:
        """Say why a version is left alone."""
        return f"version {version or 'unknown'} is not in the tested range {self.tested}"


def _numbers(version: str) -> tuple[int, ...]:
    """Take the release out of a version: "17.0.1rc2" is (17, 0, 1)."""
    digits = [("".join(takewhile(str.isdecimal, part)), part) for part in version.split(".")]
    whole = list(takewhile(lambda pair: pair[0] == pair[1], digits))
    return tuple(int(number) for number, _ in digits[: len(whole) + 1] if number)


def _padded(numbers: tuple[int, ...]) -> tuple[int, ...]:
    return (*numbers, 0, 0, 0, 0)[:4]
