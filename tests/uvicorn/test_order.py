"""Messages of several tasks of an application leave in the order of their calls, also to a slow peer."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from serving import Raw, running
from test_protocol import close

from wsframe import Close

PIECE = "x" * 2**16


class Senders:
    """An application whose tasks send while the peer is behind, and again when it has caught up."""

    def __init__(self, closes: bool) -> None:
        self.closes = closes
        self.waiting = threading.Event()
        self.server: Any = None
        self.called: list[str] = []
        self.send: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.send = send
        (connection,) = self.server.server_state.connections
        while not connection.congested:
            await self.text(PIECE)
        tasks = [asyncio.create_task(self.text(f"waits {number}")) for number in range(5)]
        await asyncio.sleep(0)
        self.waiting.set()
        if self.closes:
            await send({"type": "websocket.close"})
            await asyncio.gather(*tasks, return_exceptions=True)
        while connection.congested:
            await asyncio.sleep(0)  # so that it runs before those that wait
        if not self.closes:
            await self.text("late")
            await asyncio.gather(*tasks)
            await send({"type": "websocket.close"})

    async def text(self, text: str) -> None:
        self.called.append(text)
        await self.send({"type": "websocket.send", "text": text})


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("closes", [False, True])
def test_no_message_overtakes_one_that_waits(loop: str, closes: bool, compressed: bool) -> None:
    app = Senders(closes)
    options = {"loop": loop, "ws_ping_interval": None, "ws_per_message_deflate": compressed}
    with running(app, **options) as (port, app.server), Raw(port, small=True) as client:
        assert app.waiting.wait(20)
        received: list[Any] = client.receive(1)
        while not isinstance(received[-1], Close):
            received += client.receive(1)
        client.send(close())
    assert received[:-1] == app.called
