"""The load of `wsframe bench`: connections that send messages, and take the time of the replies."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
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
OPENING = 64  # connections that are opened at a time: a backlog of 100 is common


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

    def connect(self, listener: Callable[[], Listener] = Listener) -> connect:
        """Return what opens a connection when it is awaited.

        Raises:
            ValueError: of the arguments, as `wsframe.asyncio.connect`; TypeError, too.
            ImportError: a package is missing.
        """
        return connect(self.uri, listener=listener, max_size=None, **self.options)


@dataclass
class Result:
    """What came of it.

    Attributes:
        latency: nanoseconds from the sending of a message to its reply; with a rate from the time it was due,
            so that a slow server cannot hide behind messages that were sent late.
        seconds: how long messages were sent.
        opened: connections.
        sent: messages.
        late: replies that came after those seconds.
        octets: bytes received; characters of text.
        errors: their number, by what happened.
        cpu: seconds of CPU time of this process, while messages were sent.
    """

    latency: Histogram = field(default_factory=Histogram)
    seconds: float = 0.0
    opened: int = 0
    sent: int = 0
    late: int = 0
    octets: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    cpu: float = 0.0

    @property
    def received(self) -> int:
        """Replies."""
        return self.latency.total

    @property
    def rate(self) -> float:
        """Replies a second, while messages were sent."""
        return (self.received - self.late) / self.seconds if self.seconds else 0.0


class _Client(Listener):
    def __init__(self, load: Load) -> None:
        self.messages = cycle(load.messages)
        self.in_turn = not load.rate
        self.sent: deque[int] = deque()  # when, or when it was due
        self.times: list[int] = []  # of replies, that no histogram has counted yet
        self.count = self.octets = self.surplus = 0
        self.stopped = self.leaving = False
        self.closed: str = ""

    def start(self, ws: Any, depth: int) -> None:
        for _ in range(depth):
            self.send(ws, time.perf_counter_ns())

    def send(self, ws: Any, due: int) -> bool:
        """Send the next message; return whether the connection is still open."""
        try:
            ws.send_nowait(next(self.messages))
        except ConnectionClosed:  # `on_close` says how
            return False
        self.count += 1
        self.sent.append(due)
        return True

    def on_message(self, ws: Any, message: str | bytes) -> None:
        now = time.perf_counter_ns()
        self.octets += len(message)
        if self.sent:
            self.times.append(now - self.sent.popleft())
            if self.in_turn and not self.stopped:
                self.send(ws, now)
        elif self.count:  # else it is a greeting
            self.surplus += 1

    def on_close(self, ws: Any) -> None:
        if not self.leaving:
            self.closed = f"closed with {ws.close_code}"


_Opened = list[tuple[Any, _Client]]


async def measure(load: Load, report: Callable[[Result], None], result: Result) -> None:
    """Apply a load.

    Args:
        load: what to send.
        report: is called now and then with what there is so far.
        result: is filled, now and then and at the end.

    Raises:
        ImportError: a package is missing.
    """
    opened = await _open(load, report, result)
    if not opened:
        return
    cpu, start = time.process_time(), time.perf_counter()
    pace = _Pace(load, opened, start) if load.rate else None
    pacing = asyncio.ensure_future(pace.run()) if pace else None
    if not pace:
        for ws, client in opened:
            client.start(ws, load.depth)
    end = start + load.seconds
    try:
        while (left := end - time.perf_counter()) > 0 and not all(client.closed for _, client in opened):
            await asyncio.sleep(min(left, PROGRESS))
            _count(result, opened, start, cpu)
            report(result)
    finally:  # when interrupted, too
        if pacing is not None:
            pacing.cancel()
        for _, client in opened:
            client.stopped = True
        _count(result, opened, start, cpu)
    if pace:
        pace.finish(result)
    for _, client in opened:
        if client.closed and not client.sent:
            result.errors[client.closed] += 1
    await _wait_for_late(result, opened, report)
    for ws, client in opened:
        if missing := len(client.sent):
            result.errors[f"no reply{f', {client.closed}' if client.closed else ''}"] += missing
        if client.surplus:
            result.errors["more replies than messages"] += client.surplus
        client.leaving = True
        with suppress(Exception):
            ws.close_nowait()
    await asyncio.gather(*(ws.wait_closed() for ws, _ in opened), return_exceptions=True)


async def _open(load: Load, report: Callable[[Result], None], result: Result) -> _Opened:
    """Open the connections, some at a time; give up when none of those could be opened."""
    opened: _Opened = []

    async def open_one() -> None:
        client = _Client(load)
        try:
            ws = await load.connect(partial(_same, client))
        except ImportError:
            raise
        except Exception as exc:
            result.errors[failure(exc, load.uri)] += 1
        else:
            opened.append((ws, client))

    for begin in range(0, load.connections, OPENING):
        before, count = len(opened), min(OPENING, load.connections - begin)
        opening = asyncio.gather(*(open_one() for _ in range(count)))
        while not (await asyncio.wait([opening], timeout=PROGRESS))[0]:
            result.opened = len(opened)
            report(result)
        opening.result()  # raises ImportError
        result.opened = len(opened)
        left = load.connections - begin - count
        if left and result.opened == before:
            result.errors[f"not tried after {count} failures"] = left
            break
    return opened


def _same(client: _Client) -> _Client:
    return client


async def _wait_for_late(result: Result, opened: _Opened, report: Callable[[Result], None]) -> None:
    """Wait for the replies that are missing, and see whether there are more than that."""
    limit, in_time = time.perf_counter() + REPLY_TIMEOUT, result.received
    reported = time.perf_counter()
    while (now := time.perf_counter()) < limit and any(
        client.sent and not client.closed for _, client in opened
    ):
        await asyncio.sleep(TICK)
        if now > reported + PROGRESS:
            reported = now
            _collect(result, opened)
            result.late = result.received - in_time
            report(result)
    # A Pong comes after what the server has sent before it.
    pongs = [
        asyncio.ensure_future(_pong(ws)) for ws, client in opened if not client.sent and not client.closed
    ]
    if pongs:
        _, slow = await asyncio.wait(pongs, timeout=max(0.0, limit - time.perf_counter()))
        for pong in slow:
            pong.cancel()
    _collect(result, opened)
    result.late = result.received - in_time


async def _pong(ws: Any) -> None:
    with suppress(ConnectionClosed):
        await (await ws.ping())


def _count(result: Result, opened: _Opened, start: float, cpu: float) -> None:
    result.seconds, result.cpu = time.perf_counter() - start, time.process_time() - cpu
    _collect(result, opened)


def _collect(result: Result, opened: _Opened) -> None:
    result.sent = sum(client.count for _, client in opened)
    result.octets = sum(client.octets for _, client in opened)
    for _, client in opened:
        times, client.times = client.times, []
        result.latency.add(times)


class _Pace:
    """Sends what is due, on one connection after the other: message `n`, from 0, after `n / rate` seconds."""

    def __init__(self, load: Load, opened: _Opened, start: float) -> None:
        self.rate, self.start = load.rate, start
        self.total = max(1, math.ceil(round(load.seconds * load.rate, 6)))  # due before the end
        self.sent = 0
        self.clients, self.open = cycle(opened), len(opened)

    async def run(self) -> None:
        while self.open and self.sent < self.total:
            self.send_due()
            await asyncio.sleep(TICK)

    def send_due(self) -> None:
        """Send what is due, up to a limit."""
        due = int((time.perf_counter() - self.start) * self.rate) + 1
        for number in range(self.sent, min(due, self.total, self.sent + BURST)):
            if not self._send(int((self.start + number / self.rate) * 1e9)):
                self.open = 0
                return
            self.sent += 1

    def _send(self, due: int) -> bool:
        for _ in range(self.open):  # the next one that is open
            ws, client = next(self.clients)
            if not client.closed and client.send(ws, due):
                return True
        return False

    def finish(self, result: Result) -> None:
        """Send the last ones; what is left then is an error."""
        self.send_due()
        if self.open and self.sent < self.total:
            result.errors["not sent: this client is too slow for the rate"] = self.total - self.sent
