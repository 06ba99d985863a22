"""The load of `wsframe bench`: connections that send messages, and take the time of the replies."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from ..asyncio import Listener, connect
from ..connection import ConnectionClosed
from .histogram import Histogram
from .opening import failure

REPLY_TIMEOUT = 5.0  # seconds to wait for the replies that are missing at the end
TICK = 0.001  # seconds between two looks at what is due, with a rate
BURST = 1000  # messages sent in one loop iteration at most, with a rate
PROGRESS = 0.5  # seconds between two reports


@dataclass(frozen=True)
class Load:
    """What to send.

    Args:
        uri: of a server that replies to each message with one.
        connections: number of connections.
        depth: messages in flight on each, without a rate.
        messages: to send in turn.
        seconds: duration.
        rate: messages a second over all connections; 0 for as many as replies allow.
        options: of `connect`.
    """

    uri: str
    connections: int
    depth: int
    messages: Sequence[str | bytes]
    seconds: float
    rate: float
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Result:
    """What came of it.

    Attributes:
        latency: nanoseconds from the sending of a message to its reply; with a rate from the time it was due,
            so that a slow server cannot hide behind messages that were sent late.
        seconds: how long it took.
        sent, received: messages.
        octets: bytes received; characters of text.
        errors: their number, by what happened.
        cpu: seconds of CPU time of this process.
    """

    latency: Histogram = field(default_factory=Histogram)
    seconds: float = 0.0
    sent: int = 0
    received: int = 0
    octets: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Replies a second."""
        return self.received / self.seconds if self.seconds else 0.0


class _Client(Listener):
    def __init__(self, load: Load) -> None:
        self.messages = cycle(load.messages)
        self.in_turn = not load.rate
        self.sent: deque[int] = deque()  # when, or when it was due
        self.times: list[int] = []  # of replies, that no histogram has counted yet
        self.count = self.octets = 0
        self.stopped = False
        self.closed: str = ""

    def start(self, ws: Any, depth: int) -> None:
        for _ in range(depth):
            self.send(ws, time.perf_counter_ns())

    def send(self, ws: Any, due: int) -> None:
        try:
            ws.send_nowait(next(self.messages))
        except ConnectionClosed:  # `on_close` says how
            return
        self.count += 1
        self.sent.append(due)

    def on_message(self, ws: Any, message: str | bytes) -> None:
        now = time.perf_counter_ns()
        self.octets += len(message)
        if self.sent:
            self.times.append(now - self.sent.popleft())
            if self.in_turn and not self.stopped:
                self.send(ws, now)

    def on_close(self, ws: Any) -> None:
        if not self.stopped:
            self.closed = f"closed with {ws.close_code}"


async def measure(load: Load, report: Callable[[Result], None], result: Result) -> None:
    """Apply a load.

    Args:
        load: what to send.
        report: is called now and then with what there is so far.
        result: is filled, now and then and at the end.
    """
    opened = list[tuple[Any, _Client]]()

    async def open_one() -> None:
        client = _Client(load)
        try:
            ws = await connect(load.uri, listener=lambda: client, max_size=None, **load.options)
        except Exception as exc:
            result.errors[failure(exc, load.uri)] += 1
        else:
            opened.append((ws, client))

    for _ in range(load.connections):  # one by one: a backlog of 100 is common
        await open_one()
    if not opened:
        return
    cpu, start = time.process_time(), time.perf_counter()
    if load.rate:
        pacing = asyncio.ensure_future(_pace(load, opened, start))
    else:
        pacing = None
        for ws, client in opened:
            client.start(ws, load.depth)
    end = start + load.seconds
    while (left := end - time.perf_counter()) > 0 and not all(client.closed for _, client in opened):
        await asyncio.sleep(min(left, PROGRESS))
        _count(result, opened, start, cpu)
        report(result)
    if pacing is not None:
        pacing.cancel()
    for _, client in opened:
        client.stopped = True
    _count(result, opened, start, cpu)
    limit = time.perf_counter() + REPLY_TIMEOUT
    while time.perf_counter() < limit and any(client.sent and not client.closed for _, client in opened):
        await asyncio.sleep(TICK)
    for ws, client in opened:
        missing = len(client.sent)
        if missing:
            result.errors[f"no reply{f', {client.closed}' if client.closed else ''}"] += missing
        elif client.closed:
            result.errors[client.closed] += 1
        with suppress(Exception):
            ws.close_nowait()
    await asyncio.gather(*(ws.wait_closed() for ws, _ in opened), return_exceptions=True)


def _count(result: Result, opened: list[tuple[Any, _Client]], start: float, cpu: float) -> None:
    result.seconds, result.cpu = time.perf_counter() - start, time.process_time() - cpu
    result.sent = sum(client.count for _, client in opened)
    result.octets = sum(client.octets for _, client in opened)
    for _, client in opened:
        times, client.times = client.times, []
        result.latency.add(times)
    result.received = result.latency.total


async def _pace(load: Load, opened: list[tuple[Any, _Client]], start: float) -> None:
    """Send what is due, on one connection after the other."""
    sent, clients = 0, cycle(opened)
    while True:
        due = min(int((time.perf_counter() - start) * load.rate), sent + BURST)
        for number in range(sent, due):
            ws, client = next(clients)
            if not client.closed:
                client.send(ws, int((start + number / load.rate) * 1e9))
        sent = max(sent, due)
        await asyncio.sleep(TICK)
