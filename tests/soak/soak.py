"""The soak of one echo: what was found is a Soaked, with all that is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from door import ClientDoor, Door, ServerDoor
from hosts import Echo
from load import TROUBLE, Load
from peer import within
from watch import Watch, descriptors

from wsframe.demo.servers import Server, ServerError, running

SAMPLES = 300  # of the memory, over a run
LONG = 300  # seconds of a run in which memory comes to rest
SETTLED = 30  # seconds; by then all is closed


@dataclass
class Soaked:
    """What was found.

    Attributes:
        counts: what the load counted.
        memory: bytes after the warm-up, and at the end.
        descriptors: open at the start and at the end.
        lost: connections of whose end the library never told (see Echo.loses_track).
        wrong: all that is not as it must be.
    """

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    memory: tuple[float, float] = (0, 0)
    descriptors: tuple[int, int] = (0, 0)
    lost: int = 0
    wrong: list[str] = field(default_factory=list)


class Auditor:
    """Asks an echo for its tally.

    The connections that ask are in the tally too.
    """

    def __init__(self, door: Door, pid: int) -> None:
        self._door = door
        self._pid = pid
        self.asked = 0
        self.tally: dict[str, Any] = {}
        self.descriptors = 0  # without those of connections that are open

    async def ask(self) -> None:
        peer = await self._door.for_the_tally()
        try:
            self.asked += 1
            self.tally = json.loads(await peer.ask("tally"))
            self.descriptors = descriptors(self._pid) - self._door.held - 1
            await peer.close()
        finally:
            peer.reset()

    @property
    def unclosed(self) -> int:
        """How many connections the echo thinks are open, but for the one that asks."""
        unclosed: int = self.tally["opened"] - self.tally["closed"] - 1
        return unclosed


async def soak(
    echo: Echo, folder: Path, *, accelerated: bool, connections: int, rate: float, seconds: float
) -> Soaked:
    """Start an echo, and put a load on it for a time."""
    found = Soaked(echo.name)
    log = folder / f"{echo.name}{' accelerated' * accelerated}.log"
    try:
        async with started(echo, log, accelerated, connections) as (server, door):
            auditor = Auditor(door, server.process.pid)
            await auditor.ask()
            await auditor.ask()  # now what is opened once is
            active = set(auditor.tally["accelerated"])
            if not (active >= echo.replaced if accelerated else not active):
                found.wrong.append(f"accelerated are {', '.join(active) or 'none'}")
            load = Load(door.dial, connections, rate)
            await stay(found, load, auditor, Watch(server.process.pid), seconds)
            await door.shut()
            await judge(found, auditor)
    except (*TROUBLE, ServerError) as exc:
        found.wrong.append(f"{type(exc).__name__}: {exc}")
    if echo.loses_track:
        return found
    if found.lost:
        found.wrong.append(f"{found.lost} connections not closed")
    if "Traceback" in log.read_text():
        found.wrong.append(f"a traceback in {log}")
    return found


async def stay(found: Soaked, load: Load, auditor: Auditor, watch: Watch, seconds: float) -> None:
    """Keep the load up, and watch."""
    found.descriptors = auditor.descriptors, 0
    watching = asyncio.create_task(watch.run(seconds / SAMPLES))
    await load.run(seconds)
    watching.cancel()
    found.counts, found.memory = load.counts, watch.windows
    found.wrong += [f"{text} ({count} times)" for text, count in load.wrong.items()]
    if seconds >= LONG and watch.grew:
        found.wrong.append("memory grew")


async def judge(found: Soaked, auditor: Auditor) -> None:
    """Compare what the echo holds and counted with what it should, once all is closed."""
    at_first = found.descriptors[0]
    for _ in range(SETTLED):
        await auditor.ask()
        if not auditor.unclosed and auditor.descriptors <= at_first:
            break
        await asyncio.sleep(1)
    found.lost = auditor.unclosed
    found.descriptors = at_first, auditor.descriptors
    found.wrong += faults(found, auditor.tally["opened"] - auditor.asked, auditor.tally["messages"])


def faults(found: Soaked, opened: int, messages: int) -> Iterator[str]:
    made, sent, echoed, given_up = (
        found.counts[name] for name in ("connections", "sent", "echoed", "given up")
    )
    before, after = found.descriptors
    if opened != made:
        yield f"{opened} connections opened, {made} made"
    if sent != echoed + given_up:
        yield f"{sent - given_up} messages sent, {echoed} echoed"
    if not echoed <= messages <= sent:
        yield f"{messages} messages received, {sent} sent, {echoed} echoed"
    if after > before:
        yield f"{after - before} file descriptors left open"


@contextlib.asynccontextmanager
async def started(
    echo: Echo, log: Path, accelerated: bool, connections: int
) -> AsyncIterator[tuple[Server, Door]]:
    """Start an echo, and give the door to it."""
    start = partial(running, log=log, accelerated=accelerated, variables={})
    if not echo.client:
        with start(echo.program) as server:
            yield server, ServerDoor(await asyncio.to_thread(server.port))
        return
    async with ClientDoor.open(connections) as (door, url):
        with start(replace(echo.program, command=(*echo.program.command, url, str(connections)))) as server:
            await within(door.filled())
            yield server, door
