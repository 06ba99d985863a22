"""Imports of other threads find what there is while the import hook comes and goes."""

from __future__ import annotations

import sys
import threading
from importlib import import_module, invalidate_caches
from pathlib import Path

import pytest

from wsframe.accelerate.hook import ImportHook

THREADS, MODULES = 4, 300


def test_hook_breaks_no_import_of_other_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"hooked_{number}" for number in range(THREADS * MODULES)]
    for name in names:
        (tmp_path / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    invalidate_caches()
    failed: list[BaseException] = []

    def load(share: list[str]) -> None:
        for name in share:
            try:
                import_module(name)
            except ImportError as exc:
                failed.append(exc)

    hook = ImportHook(lambda name: None, lambda name: None)
    threads = [threading.Thread(target=load, args=(names[number::THREADS],)) for number in range(THREADS)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            hook.arm()
            hook.disarm()
    finally:
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()
        for name in names:
            sys.modules.pop(name, None)
    assert failed == []
