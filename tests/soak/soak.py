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
from echoes import Echo
from load import TROUBLE, Load
from peer import within
from watch import Watch, descriptors

from wsframe.demo.servers import Server, ServerError, running

PARTS = 5
SAMPLES = 60  # of the memory, in each part
LONG = 60  # seconds: what a shorter soak leaves in memory says nothing
SETTLED = 12  # seconds; by then all is closed


@dataclass
class Soaked:
    """What was found.

    Attributes:
        counts: what the load counted.
        troubles: what ended its visits before their time.
        at_rest: bytes held after the first part and after the last, all connections closed.
        at_work: bytes held in these parts.
        descriptors: open at the start and at the end.
        lost: connections of whose end the library never told (see Echo.loses_track).
        wrong: all that is not as it must be.
    """

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    at_rest: tuple[float, float] = (0, 0)
    at_work: tuple[float, float] = (0, 0)
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

    async def wait_for_rest(self, descriptors: int) -> None:
        """Ask until all is closed, for a while."""
        for _ in range(SETTLED):
            await self.ask()
            if not self.unclosed and self.descriptors <= descriptors:
                return
            await asyncio.sleep(1)

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
            found.counts, found.troubles = load.counts, load.troubles
            watch = Watch(server.process.pid)
            await stay(found, load, auditor, watch, seconds)
            await door.shut()
            await auditor.wait_for_rest(found.descriptors[0])
            found.lost = auditor.unclosed
            found.descriptors = found.descriptors[0], auditor.descriptors
            found.wrong += faults(found, auditor.tally["opened"] - auditor.asked, auditor.tally["messages"])
            found.wrong += ["memory grew"] * (seconds >= LONG and watch.grew(found.lost))
    except (*TROUBLE, ServerError) as exc:
        found.wrong.append(f"{type(exc).__name__}: {exc}")
    found.wrong += [f"{text} ({count} times)" for text, count in found.troubles.items()]
    if found.lost and not echo.loses_track:
        found.wrong.append(f"{found.lost} connections not closed")
    logged = set(exceptions_in(log.read_text())) - {*echo.logs}
    found.wrong += [f"{exception} in {log}" for exception in sorted(logged)]
    return found


def exceptions_in(text: str) -> Iterator[str]:
    """Name the exceptions whose tracebacks are in a log."""
    for traceback in text.split("Traceback (most recent call last):\n")[1:]:
        yield next(
            (line for line in traceback.splitlines() if not line.startswith((" ", "\t"))), "a traceback"
        )


async def stay(found: Soaked, load: Load, auditor: Auditor, watch: Watch, seconds: float) -> None:
    """Keep the load up, part by part, and watch."""
    at_first = auditor.descriptors
    found.descriptors = at_first, at_first
    watching = asyncio.create_task(watch.run(seconds / PARTS / SAMPLES))
    for _ in range(PARTS):
        await load.run(seconds / PARTS)
        watch.end_of_work()
        await auditor.wait_for_rest(at_first)
        watch.end_of_part()
    watching.cancel()
    found.at_rest = watch.at_rest[0], watch.at_rest[-1]
    found.at_work = watch.at_work[0], watch.at_work[-1]


def faults(found: Soaked, opened: int, messages: int) -> Iterator[str]:
    """Compare what the load counted with what the echo did."""
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
