"""The suites of the host libraries: where their tests are, and what they need.

The sdists of websockets on PyPI carry no tests from 17.0 on; those from 13.1 to 16.1.1 carry the modules
tests/test_*.py, without the helpers these import.  Debian keeps the whole source of 15.0.1: its suite is run,
and its helpers serve the modules of 16.1.1.  Of later versions a checkout can be named on the command line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Archive(NamedTuple):
    """A source archive of Debian: a path below the mirror that DEBIAN_MIRROR names."""

    path: str
    sha256: str


class Sdist(NamedTuple):
    """The sdist of a release on PyPI."""

    requirement: str


class Checkout(NamedTuple):
    """A directory of this machine."""

    path: str


Source = Archive | Sdist | Checkout


@dataclass(frozen=True)
class Suite:
    """One version of one host.

    Args:
        host: its name, for pip and for `wsframe run --only`.
        version: the release under test; it comes from PyPI.
        sources: what to take `tests` from; a later one replaces files of the one before.
        modules: the test modules to run, as a pattern.
        needs: what the tests import besides.
        options: of the interpreter.
        environment: of the tests.
    """

    host: str
    version: str
    sources: tuple[Source, ...]
    modules: str = "tests"
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.host}-{self.version}"


DEBIAN = Archive(
    "pool/main/p/python-websockets/python-websockets_15.0.1.orig.tar.gz",
    "8451495265af3e368f794c4dc15c99ce90c771d95560f542bff8c64b5455af3b",
)


def websockets(version: str, *sources: Source, modules: str = "tests") -> Suite:
    return Suite(
        "websockets",
        version,
        sources,
        modules,
        needs=("trio", "werkzeug", "python-socks[asyncio]"),
        options=("-X", "context_aware_warnings=0"),
        environment={"WEBSOCKETS_TESTS_TIMEOUT_FACTOR": "20"},  # of a millisecond: other work goes on here
    )


def wsproto(version: str, *sources: Source) -> Suite:
    return Suite("wsproto", version, sources)


MAKERS = {"websockets": websockets, "wsproto": wsproto}

SUITES = [
    wsproto("1.3.2", Sdist("wsproto==1.3.2")),
    websockets("15.0.1", DEBIAN),
    websockets("16.1.1", DEBIAN, Sdist("websockets==16.1.1"), modules="tests/test_*.py"),
]
