"""What waits for a slow peer of `wsframe.asgi` on other servers: how much, and in which order."""

from __future__ import annotations

import asyncio

import pytest

from wsframe.asgi import MESSAGE_COST, Topics


class Slow:
    """A WebSocket whose `send` waits until the test lets it go on."""

    def __init__(self):
        self.scope = {"type": "websocket"}
        self.sent = []
        self.allowed = asyncio.Semaphore(0)

    async def send(self, event):
        await self.allowed.acquire()
        self.sent.append(event["text"][:2])

    async def read(self, messages):
        """Take some messages."""
        until = len(self.sent) + messages
        for _ in range(messages):
            self.allowed.release()
        while len(self.sent) < until:
            await asyncio.sleep(0)


def test_no_older_message_follows_the_newest():
    async def main():
        topics, ws = Topics(slow_peer="latest"), Slow()
        topics.add(ws, "price")
        for number in range(1, 7):
            topics.publish("price", f"{number:02}" + "x" * 20_000)
        await ws.read(3)
        assert topics.counters.replaced == 1
        topics.publish("price", "99")
        await ws.read(2)
        assert ws.sent == ["01", "02", "03", "04", "99"]
        topics.discard_all(ws)

    asyncio.run(main())


@pytest.mark.parametrize("message", ["", "\u4e00", "\U0001f600" * 100])
def test_what_waits_is_counted_in_bytes(message):
    async def main():
        topics, ws = Topics(max_unsent=10_000), Slow()
        topics.add(ws, "news")
        for _ in range(200):
            topics.publish("news", message)
        waiting = 200 - topics.counters.dropped
        size = len(message.encode()) + MESSAGE_COST
        assert (waiting - 1) * size <= 10_000 < (waiting + 1) * (size + 10)
        await ws.read(waiting)
        topics.publish("news", "ok")
        await ws.read(1)
        assert ws.sent[-1] == "ok"
        topics.discard_all(ws)

    asyncio.run(main())
