"""The import hook: a library imported after `install()` is patched when its last module is there."""

from __future__ import annotations

import importlib
import sys
import threading

from support.fake_library import load, record

from wsframe import accelerate


def test_library_imported_later_is_patched_after_its_last_module(library):
    accelerate.install("fakehost")
    assert record().why_not == "not imported yet"
    core = load("fakehost.core")
    assert core.speed() == "slow"
    assert not record().active

    user = load("fakehost.user")

    assert (core.speed(), user.Codec().name()) == ("fast", "fast codec")
    assert record() == ("fakehost", "1.4", ">=1.2,<3.0", True, "", False, "", (), ())


def test_import_hook_is_gone_after_uninstall(library):
    before = list(sys.meta_path)
    accelerate.install("fakehost")
    assert sys.meta_path != before
    accelerate.uninstall("fakehost")
    assert sys.meta_path == before
    assert load("fakehost.user").speed() == "slow"


def test_patched_module_has_its_original_loader(library):
    accelerate.install("fakehost")
    module = load("fakehost.user")
    assert type(module.__loader__).__name__ == type(module.__spec__.loader).__name__ == "SourceFileLoader"


def test_module_executed_again_is_patched_again(library):
    accelerate.install("fakehost")
    user = load("fakehost.user")
    importlib.reload(user)
    assert user.Codec().name() == "fast codec"
    accelerate.uninstall()
    assert user.Codec().name() == "slow codec"


def test_concurrent_imports_and_installs_all_succeed(library):
    """Whoever comes first, the end is the same; nobody waits for ever."""
    for _ in range(20):
        barrier = threading.Barrier(6)

        def work(task, *args, barrier=barrier):
            barrier.wait()
            task(*args)

        tasks = [(accelerate.install, "fakehost")] * 3
        tasks += [(load, f"fakehost.{name}") for name in ("core", "user", "extra")]
        threads = [threading.Thread(target=work, args=task, daemon=True) for task in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
        assert record().active
        assert load("fakehost.extra").more() == "fast"
        accelerate.uninstall()
        assert load("fakehost.user").speed() == "slow"
        for name in [name for name in sys.modules if name.startswith("fakehost")]:
            del sys.modules[name]
