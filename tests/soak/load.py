"""What is done to an echo: visits, each with many messages of all sorts, and an end good or bad."""

from __future__ import annotations

import asyncio
import itertools
import random
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable

from peer import Message, Peer, Wrong

from wsframe.handshake import InvalidHandshake

BATCHES = (1, 1, 1, 2, 4, 16)  # messages in one write
MEAN_BATCH = sum(BATCHES) / len(BATCHES)
VISIT = (3, 30)  # batches
STAYING = 7  # of so many connections one stays to the end
SIZES = (0, 5, 32, 32, 125, 126, 400, 400, 4000, 70_000)
ENDS = ("order", "order", "order", "end amid a frame", "reset amid a frame", "reset amid echoes")

# What ends a visit before its time.
TROUBLE = (Wrong, InvalidHandshake, OSError, EOFError)


def payloads(rng: random.Random) -> list[Message]:
    """Texts, wide ones among them, and binary messages that compress and that do not."""
    words = ["echo", "soak", "λόγος", "日本", "🎈", "frame"]
    made: list[Message] = []
    for size in SIZES:
        made.append(" ".join(rng.choices(words[:2], k=size))[:size])
        made.append("".join(rng.choices(words, k=size))[: size // 2])
        made.append(rng.randbytes(size))
        made.append(zlib.compress(bytes(size))[:1] * size)
    return made


class Load:
    """Visits one echo with many connections at a time.

    Args:
        dial: makes a new connection, told whether to offer compression.
        connections: how many at a time.
        rate: messages per second over all of them.
    """

    def __init__(self, dial: Callable[[bool], Awaitable[Peer]], connections: int, rate: float) -> None:
        self.counts: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()
        self._dial = dial
        self._chances = [random.Random(number) for number in range(connections)]
        self._pause = MEAN_BATCH * connections / rate
        self._payloads = payloads(random.Random(1))

    async def run(self, seconds: float) -> None:
        """Go on for a time; then all connections end in order."""
        end = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(self._visits(number, end) for number in range(len(self._chances))))

    async def _visits(self, number: int, end: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self._visit(number, end)
            except TROUBLE as exc:
                self.troubles[f"{type(exc).__name__}: {exc}"] += 1
                await asyncio.sleep(1)
            if loop.time() > end:
                return

    async def _visit(self, number: int, end: float) -> None:
        loop = asyncio.get_running_loop()
        rng, stays = self._chances[number], number % STAYING == 0
        peer = await self._dial(number % 2 == 0)
        self.counts["connections"] += 1
        try:
            for _ in itertools.count() if stays else range(rng.randint(*VISIT)):
                await self._exchange(peer, rng)
                await asyncio.sleep(rng.uniform(0.2, 1.8) * self._pause)
                if loop.time() > end:
                    break
            how = "order" if loop.time() > end else rng.choice(ENDS)
            await self._leave(peer, rng, how)
            self.counts[how] += 1
        finally:
            peer.reset()

    async def _exchange(self, peer: Peer, rng: random.Random, wait: bool = True) -> None:
        messages: list[Message] = []
        frames: list[bytes] = []
        for _ in range(rng.choice(BATCHES)):
            message = rng.choice(self._payloads)
            serial = f"{self.counts['sent']} "
            messages.append(serial + message if isinstance(message, str) else serial.encode() + message)
            self.counts["sent"] += 1
            frames += peer.frames(messages[-1], rng.choice((1, 1, 1, 2, 5)))
            if rng.random() < 0.1:
                frames.append(peer.ping())
        pings = sum(frame[0] == 0x89 for frame in frames)
        peer.send(*frames)
        if wait:
            await peer.expect(messages, pings)
            self.counts["echoed"] += len(messages)
        else:
            self.counts["given up"] += len(messages)

    async def _leave(self, peer: Peer, rng: random.Random, how: str) -> None:
        if how == "order":
            await peer.close()
        elif how == "reset amid echoes":
            await self._exchange(peer, rng, wait=False)
            await asyncio.sleep(rng.choice((0, 0.001, 0.01)))
            peer.reset()
        else:
            await peer.cut(reset=how == "reset amid a frame")
