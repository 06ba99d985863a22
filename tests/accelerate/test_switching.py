"""`install` and `uninstall` amid the traffic of another thread: each message comes once, and in its order."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import passing
import pytest

from wsframe import accelerate
from wsframe.accelerate._host import imported_as

SWITCHES = 15


class Numbered:
    """Reads of numbered messages, one to eight in each, until told to stop."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.count = 0

    def __iter__(self) -> Iterator[list[str | bytes]]:
        while not self.over.is_set():
            messages: list[str | bytes] = []
            for _ in range(self.count % 8 + 1):
                self.count += 1
                text = f"message {self.count} " + "x" * (self.count % 300)
                messages.append(text.encode() if self.count % 3 == 0 else text)
            yield messages


@contextmanager
def quick_changes() -> Iterator[None]:
    """Have threads take turns often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def switch(hosts: tuple[str, ...], reads: Numbered, failed: list[BaseException]) -> None:
    try:
        before = 0
        for _ in range(SWITCHES):
            for change in (accelerate.install, accelerate.uninstall):
                change(*hosts)
                before = reads.count
                for _ in range(1000):  # some traffic passes before the next change
                    if reads.count > before + 5 or reads.over.wait(0.001):
                        break
            assert not any(host.why_not.startswith("RuntimeError") for host in accelerate.status())
    except BaseException as exc:
        failed.append(exc)
    finally:
        accelerate.uninstall(*hosts)
        reads.over.set()


@pytest.mark.parametrize("kind", passing.KINDS)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_no_message_is_lost_or_doubled(
    kind: str, loop: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, hosts = passing.KINDS[kind]
    for host in hosts:
        pytest.importorskip(imported_as(host))
    if loop == "uvloop":
        uvloop = pytest.importorskip("uvloop")
        if kind.startswith(("tornado", "websocket-client")) or kind.endswith("thread"):
            pytest.skip("it has no other loop")
        monkeypatch.setattr(passing, "FACTORY", uvloop.new_event_loop)
    run()  # imports what it needs
    reads = Numbered()
    monkeypatch.setattr(passing, "READS", reads)
    monkeypatch.setattr(passing, "PATIENCE", 120)
    failed: list[Any] = []
    switching = threading.Thread(target=switch, args=(hosts, reads, failed))
    with quick_changes():
        switching.start()
        try:
            run()  # each message that comes back is compared with the one that was sent
        finally:
            reads.over.set()
            switching.join(60)
    assert not failed, failed
    assert reads.count > SWITCHES * 5
    assert "left alone" not in capsys.readouterr().err
