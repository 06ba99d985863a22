"""One host in this process, from `install` to the patches in place.

1. `open`, when the library is first imported: the file of the host is loaded and the version checked.
2. Each part is applied right after the last module it needs; a part that fails is restored and reported.
3. Modules that are not accelerated are named when a program imports them.
4. The zlib module of the library may be changed at any time.
5. `release` restores everything, for good: nothing is applied after it.

No lock is held while waiting for another thread's import: that thread may be waiting for this lock.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import _bootstrap
from threading import RLock
from types import FrameType

from .compression import resolved_zlib, zlib_patch
from .host import Host, distribution_version, imported_as, load_host
from .patch import Patch, Site, is_imported, restore_imported
from .report import say
from .untested import refusal, untested

_REPORTED: set[str] = set()  # modules already reported as not accelerated


class HostState:
    """The state of one host.

    Args:
        name: of the host.
        watch: is given the modules whose import must be reported to `executed`.
    """

    def __init__(self, name: str, watch: Callable[[Iterable[str]], None]) -> None:
        self.name = name
        self.package: str = imported_as(name)
        self._obstacle = "not imported yet"
        self._watch = watch
        self._lock = RLock()
        self._patches: list[Patch] = []
        self._zlib = os.environ.get("WSFRAME_ZLIB", "").replace("_", "-")
        self._deflating: list[Patch] = []  # none, or the one that puts this zlib into the host
        self._unpatched: tuple[str, ...] = ()
        self._untested = ""
        self._version = ""
        self._opened = False
        self._released = False

    @property
    def active(self) -> bool:
        """Whether the first part is in place, or another in a program that never imports the first."""
        if not self._patches or self._patches[0].failed:
            return False
        return any(patch.active for patch in self._patches)

    @property
    def why_not(self) -> str:
        """What failed, or what is still missing; empty when all is in place."""
        failed = "; ".join(patch.failed for patch in self.patches if patch.failed)
        return failed or ("" if self.active else self._obstacle)

    @property
    def zlib(self) -> str:
        """The module that is used instead of the host's zlib; empty for zlib."""
        return resolved_zlib(self._zlib) if any(patch.intact for patch in self._deflating) else ""

    @property
    def unpatched(self) -> tuple[str, ...]:
        """Modules that do the host's work with code that is not replaced, as far as they are imported."""
        return tuple(module for module in self._unpatched if is_imported(module))

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the line of this host in `wsframe status`."""
        parts = [patch.part.note for patch in self._patches if patch.active and patch.part.note]
        return (*([self._untested] if self._untested and self.active else []), *parts)

    @property
    def patches(self) -> list[Patch]:
        return [*self._patches, *self._deflating]

    def catch_up(self) -> list[Patch]:
        """Do what is due for modules imported before the hook was there; return the patches applied."""
        _wait_for(self.package)
        if self.package not in sys.modules:
            return []
        self.open()
        for module in [module for patch in self.patches for module in patch.part.modules]:
            _wait_for(module)
        for module in self.unpatched:  # which module imported it is not known any more
            self._report_unpatched(module, "")
        with self._lock:
            return self._apply([patch for patch in self.patches if not patch.active and not patch.failed])

    def open(self) -> None:
        """Load the module of the host and check the version, once."""
        with self._lock:
            if self._opened or self._released:
                return
            self._opened = True
            found = distribution_version(self.name)
            try:
                host = load_host(self.name)
            except Exception as exc:
                self._leave_alone(f"its file does not load: {_description(exc)}")
                return
            why_not = refusal(host, found)
            if found is None or why_not:
                self._leave_alone(why_not)
                return
            self._version, self._untested = found, untested(host, found)
            self._patches = [Patch(part, host) for part in host.parts_of(found)]
            self._deflate(host)
            for patch in self._patches:
                self._watch(patch.part.modules)
            patched = {patch.part.modules[-1] for patch in self._patches}
            patched |= {part.modules[-1] for part in host.parts if part.supplements}
            too_new = [part.modules[-1] for part in host.parts if part.modules[-1] not in patched]
            self._unpatched = (*host.unpatched, *too_new)
            if host.notes:  # wsframe's own protocol replaces all of them
                self._unpatched = ()
            self._watch(self._unpatched)

    def choose(self, zlib: str) -> None:
        """Choose the module to use instead of the host's zlib; `catch_up` puts it in place."""
        with self._lock:
            if zlib != self._zlib:
                restore_imported(self._revert(self._deflating))
                self._zlib = zlib
                if self._patches:
                    self._deflate(load_host(self.name))

    def executed(self, module: str) -> list[Patch]:
        """Note that a module has been executed, perhaps again; apply what waited for it, and return that."""
        if module in self._unpatched:
            self._report_unpatched(module, _importer(module))
        with self._lock:
            concerned = [patch for patch in self.patches if module in patch.part.modules]
            for patch in concerned:
                patch.executed.add(module)
            return self._apply(concerned)

    def release(self) -> list[Site]:
        """Restore everything, and apply nothing any more; return the sites, for `restore_imported`."""
        with self._lock:
            self._released = True
            return self._revert(self.patches)

    def tell_stale(self, names: Sequence[str]) -> None:
        """Warn of references taken before the patches were applied."""
        if names:
            say(f"{self.name}: imported too early to be accelerated: {', '.join(names)}")

    def _report_unpatched(self, module: str, importer: str) -> None:
        if not self._released and not _REPORTED & {module, importer}:
            by = (
                f", which {'the program' if importer == '__main__' else importer} imports,"
                if importer
                else ""
            )
            say(f"{module}{by} is not accelerated")
            # The importer may be one that another host names, too.
            _REPORTED.update({module, importer} - {"", "__main__"})

    def _deflate(self, host: Host) -> None:
        chosen = host.deflating_of(self._version) if resolved_zlib(self._zlib) != "zlib" else None
        self._deflating = [Patch(zlib_patch(host, chosen, self._zlib), host)] if chosen else []
        for patch in self._deflating:
            self._watch(patch.part.modules)

    def _revert(self, patches: Sequence[Patch]) -> list[Site]:
        theirs: list[str] = []
        sites: list[Site] = []
        for patch in reversed(patches):
            replaced, reverted = patch.revert()
            theirs += replaced
            sites += reverted
        if theirs:
            say(f"{self.name}: {', '.join(theirs)} replaced by somebody else meanwhile: left as it is")
        return sites

    def _apply(self, patches: Iterable[Patch]) -> list[Patch]:
        return [patch for patch in patches if not self._released and patch.ready and self._try(patch)]

    def _try(self, patch: Patch) -> bool:
        if patch in self._patches[1:] and self._patches[0].failed:  # the others need the first
            return False
        try:
            patch.apply()
        except Exception as exc:
            patch.failed = _description(exc)
            what = f"the zlib of {self.name}" if patch in self._deflating else self.name
            if patch.part.note:
                what = f"the protocol of {self.name}"
            what = patch.part.title or what
            say(f"{what} left alone: {patch.failed}")
            return False
        patch.failed = ""
        return True

    def _leave_alone(self, why_not: str) -> None:
        self._obstacle = why_not
        say(f"{self.name} left alone: {why_not}")


def _description(exc: Exception) -> str:
    return " ".join(f"{type(exc).__name__}: {exc}".split())


def _importer(module: str) -> str:
    """Name the module, of another package, whose execution is importing one just now."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        name: str = frame.f_globals.get("__name__", "")
        if frame.f_code.co_name == "<module>" and _top(name) != _top(module):
            return name
        frame = frame.f_back
    return ""


def _top(module: str) -> str:
    return module.partition(".")[0]


def _wait_for(module: str) -> None:
    """Let another thread finish importing a module; nothing is imported by this."""
    # As importlib does it, there is no other way: the module may be found, but not in sys.modules yet.
    wait = getattr(_bootstrap, "_lock_unlock_module", None)
    if wait:
        wait(module)
