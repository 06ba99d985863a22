"""What was sent arrives, also when the loop stops in the same iteration and never runs again."""

from __future__ import annotations

import asyncio
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.unhurried import unhurried

from wsframe import accelerate

COUNT = 10
ENDS = "stop", "exit", "interrupt"


@contextmanager
def counting(context: Any) -> Iterator[tuple[str, threading.Event]]:
    """Serve on another thread: send messages, and tell when as many have come."""
    server = pytest.importorskip("websockets.sync.server")
    arrived = threading.Event()

    def handler(ws: Any) -> None:
        for number in range(COUNT):
            ws.send(str(number))
        if [ws.recv() for _ in range(COUNT)] == [str(number) for number in range(COUNT)]:
            arrived.set()

    with server.serve(handler, "127.0.0.1", 0, ssl=context, compression=None, close_timeout=0.2) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        port = serving.socket.getsockname()[1]
        yield f"{'wss' if context else 'ws'}://127.0.0.1:{port}", arrived
        serving.shutdown()
    thread.join()


def end(how: str) -> None:
    if how == "stop":
        asyncio.get_running_loop().stop()
    elif how == "exit":
        sys.exit()
    else:
        raise KeyboardInterrupt


async def converse(ws: Any, how: str, replies: bool) -> None:
    if replies:
        for _ in range(COUNT):
            await ws.send(await ws.recv())
    else:
        await ws.recv()
        for number in range(COUNT):
            await ws.send(str(number))
    end(how)


@pytest.mark.parametrize("replies", [False, True], ids=["pushes", "replies"])
@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
@pytest.mark.parametrize("library", ["websockets", "wsframe"])
def test_messages_arrive_when_the_loop_stops_after_them(
    library: str, loop_name: str, tls: bool, how: str, replies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("websockets")
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    ours, theirs = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(ours)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    unhurried(monkeypatch)
    module = asyncio if loop_name == "asyncio" else pytest.importorskip("uvloop")
    loop: Any = module.new_event_loop()
    accelerate.install("websockets")
    try:
        if library == "websockets":
            from websockets.asyncio.client import connect
        else:
            from wsframe.asyncio import connect  # type: ignore[assignment]
        with counting(theirs if tls else None) as (uri, arrived):

            async def opened() -> Any:
                return await connect(uri, ssl=ours if tls else None, compression=None, proxy=None)

            ws = loop.run_until_complete(opened())
            ws._gap = 60
            task = loop.create_task(converse(ws, how, replies))
            try:
                loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                task.exception()
            assert arrived.wait(20)
            loop.run_until_complete(ws.close())
    finally:
        accelerate.uninstall("websockets")
        loop.close()
