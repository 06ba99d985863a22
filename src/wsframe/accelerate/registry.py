"""Which hosts are to be accelerated, and the state of each: what `install`, `uninstall` and `status` do."""

from __future__ import annotations

import os
import pkgutil
import sys
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

from . import hosts as hosts_folder
from .compression import check
from .hook import ImportHook
from .host import distribution_version, imported_as, load_host
from .host_state import HostState
from .hosts._shared import coalesce
from .patch import Patch, restore_imported, stale

__all__ = ["HostStatus", "install", "known_hosts", "state_of", "status", "uninstall"]


class HostStatus(NamedTuple):
    """The state of one host library in this process.

    Attributes:
        host: its name.
        version: the version installed; None when it is absent.
        tested: the range of versions tested.
        active: whether the new code is in place, and proved.
        why_not: the reason when it is not; else empty.
        coalesces: whether the replies to the messages of one read leave in one write.
        zlib: the module that is used instead of zlib, "isal" or "zlib-ng"; empty for zlib.
        stale: "module.name" of references to replaced objects, taken before `install`: those are not faster.
        unpatched: modules that the program has imported and that do the host's work with code that is not
            replaced, such as `websockets.sync.connection` before 11.0.3: what uses them is not faster.
    """

    host: str
    version: str | None
    tested: str
    active: bool
    why_not: str
    coalesces: bool
    zlib: str
    stale: tuple[str, ...]
    unpatched: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What else is in place now, such as "own protocol" for uvicorn."""
        state = _states.get(self.host)
        return state.notes if state else ()


def known_hosts() -> tuple[str, ...]:
    """Name the libraries there is a folder for."""
    return tuple(
        sorted(entry.name for entry in pkgutil.iter_modules(hosts_folder.__path__) if entry.name[0] != "_")
    )


def state_of(host: str) -> HostState | None:
    """Return the state of a host, if it is to be accelerated."""
    return _states.get(host)


def install(*hosts: str, zlib: str | None = None) -> None:
    """Accelerate host libraries: now those already imported, the others when they are.

    May be called again, and from any thread.

    Args:
        hosts: their names; all known ones when left out.
        zlib: what compresses and inflates their messages: "isal" or "zlib-ng", which are packages to
            install; "auto" for the best that is installed, within a bound on its memory; or "zlib" for what
            they have. When left out it stays as it is; at first, that is the value of WSFRAME_ZLIB.

    Raises:
        ValueError: no such host is known, or no such zlib.
        ImportError: the package is not installed.
    """
    names = _checked(hosts)
    check("zlib" if zlib is None else zlib)
    if _off():
        return
    with _lock:
        states = [_states.setdefault(name, HostState(name, _importing.watched.update)) for name in names]
        _importing.watched.update(map(imported_as, names))
        _importing.arm()
    applied: list[list[Patch]] = []
    for state in states:
        if zlib is not None:
            state.choose(zlib.replace("_", "-"))
        applied.append(state.catch_up())
    _tell_stale(states, applied)


def uninstall(*hosts: str) -> None:
    """Restore the original objects.

    Args:
        hosts: their names; all known ones when left out.

    Raises:
        ValueError: no such host is known.
    """
    names = _checked(hosts)
    with _lock:
        states = [state for state in map(_states.pop, names, [None] * len(names)) if state]
        if not _states:
            _importing.disarm()
    restore_imported([site for state in states for site in state.release()])


def status() -> list[HostStatus]:
    """Tell for every known host whether it is accelerated, and why not."""
    states = [(name, _states.get(name)) for name in known_hosts()]
    found = stale(*(state.patches if state else () for _, state in states))
    return [_status(*known, tuple(names)) for known, names in zip(states, found, strict=True)]


def _status(name: str, state: HostState | None, stale: tuple[str, ...]) -> HostStatus:
    version = distribution_version(name)
    try:
        host = load_host(name)
    except Exception as exc:
        return HostStatus(name, version, "", False, f"its file does not load: {exc}", False, "", ())
    if state and state.active:
        coalesces = host.coalesces and coalesce.ENABLED
        return HostStatus(
            name, version, host.tested, True, state.why_not, coalesces, state.zlib, stale, state.unpatched
        )
    if version is None and imported_as(name) not in sys.modules:
        why_not = "not installed"
    elif _off():
        why_not = "WSFRAME_ACCELERATE=0"
    else:
        why_not = state.why_not if state else "install() was not called"
    zlib, unpatched = (state.zlib, state.unpatched) if state else ("", ())
    return HostStatus(name, version, host.tested, False, why_not, False, zlib, (), unpatched)


def _checked(hosts: tuple[str, ...]) -> tuple[str, ...]:
    known = known_hosts()
    for name in hosts:
        if name not in known:
            raise ValueError(f"unknown host {name!r}, only {', '.join(known)}")
    return hosts or known


def _off() -> bool:
    return os.environ.get("WSFRAME_ACCELERATE") == "0"


def _before(module: str) -> None:
    for state in list(_states.values()):
        if state.package == module:
            state.open()


def _after(module: str) -> None:
    states = list(_states.values())
    _tell_stale(states, [state.executed(module) for state in states])


def _tell_stale(states: Sequence[HostState], applied: Sequence[Sequence[Patch]]) -> None:
    # Only when all are applied: one may have replaced what another left behind.
    for state, names in zip(states, stale(*applied), strict=True):
        state.tell_stale(names)


_lock = Lock()
_states: dict[str, HostState] = {}
_importing = ImportHook(_before, _after)
