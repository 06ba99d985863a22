"""`install` and `uninstall` during the traffic of another thread: each message arrives once, in order."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support import exchanges

from wsframe import accelerate
from wsframe.accelerate.host import imported_as
from wsframe.accelerate.hosts._shared.coalesce import Output

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
    """Have the interpreter switch between threads often."""
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


@pytest.mark.parametrize("kind", exchanges.KINDS)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_switching_during_traffic_loses_no_message(
    kind: str, loop: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, hosts = exchanges.KINDS[kind]
    for host in hosts:
        pytest.importorskip(imported_as(host))
    if loop == "uvloop":
        uvloop = pytest.importorskip("uvloop")
        if kind.startswith(("tornado", "websocket-client")) or kind.endswith("thread"):
            pytest.skip("it has no other loop")
        monkeypatch.setattr(exchanges, "FACTORY", uvloop.new_event_loop)
    run()  # imports what it needs
    reads = Numbered()
    monkeypatch.setattr(exchanges, "READS", reads)
    monkeypatch.setattr(exchanges, "TIMEOUT", 120)
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


@pytest.mark.parametrize("elsewhere", [False, True], ids=["own thread", "another thread"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_pending_writes_are_flushed_on_the_thread_of_their_loop(
    loop: str, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = pytest.importorskip("websockets.asyncio.client")
    server = pytest.importorskip("websockets.asyncio.server")
    factory = pytest.importorskip("uvloop").new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    by: list[int] = []
    release = Output.release

    def noted(output: Output) -> None:
        by.append(threading.get_ident())
        release(output)

    monkeypatch.setattr(Output, "release", noted)
    got: list[str | bytes] = []

    async def take(ws: Any) -> None:
        got.extend([message async for message in ws])

    async def converse() -> None:
        async with server.serve(take, "127.0.0.1", 0) as serving:
            port = serving.sockets[0].getsockname()[1]
            async with client.connect(f"ws://127.0.0.1:{port}", compression=None) as ws:
                await ws.send("1")
                ws._wsframe_output._gap = 60
                await ws.send("2")
                await ws.send("3")
                assert ws._wsframe_output._pending_size
                by.clear()
                if elsewhere:
                    switching = threading.Thread(target=accelerate.uninstall)
                    switching.start()
                    switching.join(60)
                    assert not by
                else:
                    accelerate.uninstall()
                    assert by and not ws._wsframe_output._pending_size
                await ws.send("4")
        assert set(by) == {threading.get_ident()}

    accelerate.install("websockets")
    try:
        running = factory()
        try:
            running.run_until_complete(asyncio.wait_for(converse(), 60))
        finally:
            running.close()
    finally:
        accelerate.uninstall()
    assert got == ["1", "2", "3", "4"]
