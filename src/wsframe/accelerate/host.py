"""The description of a host: its versions, what to replace, and how to prove it.

`accelerate/hosts/<name>/` serves the library `<name>`; its `__init__` defines `HOST`, one table. It is loaded
when a program imports the library, and before the library is: nothing in it imports that. The table names
functions as "module.function" of the folder: modules that are loaded once the library is there may import it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from itertools import takewhile
from typing import Any

from .._backend import Watch
from .hosts import IMPORTED_AS
from .ownership import Bypassed, watch

__all__ = [
    "Deflating",
    "Host",
    "Part",
    "Seams",
    "distribution_version",
    "imported_as",
    "load_host",
    "require",
]

# What is replaced: for "module" or "module:Class" the names of its attributes, and for each what makes its
# replacement: a function that is called with the original (None where there is none) and the host. What it
# returns is given the name, the signature and the documentation of the original, unless it is the original.
Factory = str | Callable[..., Any]
Seams = Mapping[str, Mapping[str, Factory]]


def _nothing() -> None: ...


def imported_as(name: str) -> str:
    """The name of a host's package."""
    return IMPORTED_AS.get(name, name)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Replacements that are applied and restored together.

    Args:
        modules: imported before; the replacements are applied right after the last of them.
        seams: what is replaced; a function of a module, in all modules of the library that have it.
        prove: sends a known message through the library's public API; raises if the result is wrong, or if
            the original code was called.
        settle: finishes the work that the new code has begun, before the originals are restored.
        bypasses: functions whose work the new code does without calling them. If one of these, or one to be
            replaced, is wrapped by other code, nothing is replaced. Names that a version lacks are ignored.
        relies_on: further functions that must be as in a tested version when the version is outside the range
            (see `fingerprints`); "*" for all functions of a class.
        adds: attributes with their values, by the path of a class. They stay when the originals are restored,
            and so does a replacement of what the library does not have: a call in progress in another thread
            may still read them.
        requires: other hosts that the new code reaches into, whose version must be one that was tested.
        since: the oldest version of the library this part was tested with, where the host has older ones.
        until: the first version that another part is for; empty where there is none.
        supplements: whether other parts accelerate its modules, too, also before `since`.
        note: its name in the list of what is active; empty for most.
        title: its name in the line that says that it failed; the name of the host for most.
        applies: returns whether the part is useful in this process; if not, it is ignored.
        obstacle: returns why the part cannot be used in this environment; empty if it can.
    """

    modules: tuple[str, ...]
    prove: Factory
    seams: Seams = field(default_factory=dict)
    settle: Factory = _nothing
    bypasses: tuple[Bypassed, ...] = ()
    relies_on: tuple[Bypassed, ...] = ()
    adds: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    since: tuple[int, ...] = ()
    until: tuple[int, ...] = ()
    supplements: bool = False
    note: str = ""
    title: str = ""
    applies: Callable[[], bool] = lambda: True
    obstacle: Callable[[], str] = lambda: ""


@dataclass(frozen=True, kw_only=True)
class Deflating:
    """The place where a library has its reference to zlib (see `compression`).

    Args:
        owner: the object with the reference to the module zlib, "module" or "module:object".
        round_trip: compresses bytes and inflates them with the library's own code; returns the two objects
            that did it, and the result.
        attribute: its name there.
        modules: further modules that `round_trip` needs, which may import that of the owner.
        since: the oldest version that has it there.
        older: where versions before that have it.
    """

    owner: str
    round_trip: Factory
    attribute: str = "zlib"
    modules: tuple[str, ...] = ()
    since: tuple[int, ...] = ()
    older: Deflating | None = None

    @property
    def module(self) -> str:
        return self.owner.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class Host(Part):
    """A library that can be accelerated.

    Args:
        name: its name on PyPI, with underscores (see `imported_as`).
        first: the oldest version tested.
        before: the first version that is not.
        parts: replacements in modules that not every program imports; each follows its own modules.
        packages: further packages whose functions count as the library's own.
        coalesces: whether messages of one loop iteration leave in one write (see `hosts._shared.coalesce`).
        deflating: how it compresses, if it does.
        unpatched: modules that do the same work with code that is not replaced, of the library or of one
            built on it; one line says so when a program imports one.
        subclass: makes an accelerated subclass that needs no patch, from a class and the replacements by
            their owners (see `fast_classes`).
    """

    name: str
    first: tuple[int, ...]
    before: tuple[int, ...]
    parts: tuple[Part, ...] = ()
    packages: tuple[str, ...] = ()
    coalesces: bool = False
    deflating: Deflating | None = None
    unpatched: tuple[str, ...] = ()
    subclass: Factory | None = None

    @property
    def notes(self) -> list[str]:
        """The notes of parts that will be in place here."""
        return [part.note for part in self.parts if part.note and part.applies() and not part.obstacle()]

    @property
    def tested(self) -> str:
        """The tested range, for people."""
        return f">={'.'.join(map(str, self.first))},<{'.'.join(map(str, self.before))}"

    @property
    def own_packages(self) -> frozenset[str]:
        """The packages that the library's functions come from."""
        return frozenset({imported_as(self.name), *self.packages})

    def load(self, function: Factory) -> Any:
        """Import a function of this host's folder."""
        if not isinstance(function, str):
            return function
        module, _, name = function.rpartition(".")
        return getattr(import_module(f"{__package__}.hosts.{self.name}.{module}"), name)

    def watch(self, bypasses: tuple[Bypassed, ...], *kinds: str) -> Watch:
        """Watch the functions that a fast path bypasses (see `ownership.watch`)."""
        return watch(self.own_packages, bypasses, *kinds)

    def covers(self, version: str) -> bool:
        """Tell whether a version is in the tested range; a pre-release counts as its release."""
        numbers = _numbers(version)
        return bool(numbers) and _padded(self.first) <= _padded(numbers) < _padded(self.before)

    def parts_of(self, version: str) -> list[Part]:
        """List the parts that were tested with a version, the host's own first if it is one of them."""
        numbers = _padded(_numbers(version))
        return [
            part
            for part in (self, *self.parts)
            if _padded(part.since) <= numbers and not (part.until and _padded(part.until) <= numbers)
        ]

    def deflating_of(self, version: str) -> Deflating | None:
        """Find how a version compresses, if it does."""
        numbers, found = _padded(_numbers(version)), self.deflating
        while found is not None and _padded(found.since) > numbers:
            found = found.older
        return found

    def refusal(self, version: str | None) -> str:
        """Say why a version is left alone."""
        return f"version {version or 'unknown'} is not in the tested range {self.tested}"


def load_host(name: str) -> Host:
    """Import the folder of a host."""
    host: Host = import_module(f"{__package__}.hosts.{name}").HOST
    return host


def require(name: str) -> str:
    """Return the installed version of a host; raise RuntimeError unless it is one that was tested."""
    from .untested import refusal

    host, found = load_host(name), distribution_version(name)
    why_not = refusal(host, found)
    if found is None or why_not:
        raise RuntimeError(f"{name} {why_not}")
    if host not in host.parts_of(found):
        oldest = ".".join(map(str, host.since))
        raise RuntimeError(f"{name} version {found} is older than {oldest}, the oldest tested with this")
    return found


def distribution_version(name: str) -> str | None:
    """Look up the installed version of a host; None when it is absent."""
    from importlib.metadata import version  # slow to import, and needed only once a host is

    try:
        return version(name)
    except Exception:  # absent, or its metadata cannot be read
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Return the release of a version: (17, 0, 1) for "17.0.1rc2"."""
    digits = [("".join(takewhile(str.isdecimal, part)), part) for part in version.split(".")]
    whole = list(takewhile(lambda pair: pair[0] == pair[1], digits))
    return tuple(int(number) for number, _ in digits[: len(whole) + 1] if number)


def _padded(numbers: tuple[int, ...]) -> tuple[int, ...]:
    return (*numbers, 0, 0, 0, 0)[:4]
