"""What the endpoints have set themselves to reach, and a table of all that was measured about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.aims import Aim, Reached
from bench.compare import grid
from bench.figures import duration
from bench.results import Results

WORKS = {
    "callback": "echo, callback",
    "callback_large": "echo, callback",
    "iteration": "echo, async for",
    "uvicorn": "echo, uvicorn",
    "threads": "echo, threads",
    "round_trips": "client, threads",
    "receive": "client, callback",
    "receive_by_iteration": "client, async for",
    "broadcast": "broadcast",
    "handshake": "handshake",
}
ONE, MANY = "32 B, depth 1, asyncio", "32 B, depth 64, asyncio"
LARGE, STREAM = "16 KiB, depth 1, asyncio", "64 B, asyncio"
THREADS_ONE, THREADS_MANY = "32 B, depth 1, threads", "32 B, depth 64, threads"
SYNC = "websockets_sync", "wsframe_sync"
ALL, KNOCK = "1 KiB to 1000", "opened and closed"


def cpu(work: str, case: str, peer: str, ours: str = "wsframe") -> Callable[[Results], Reached]:
    """How many times as much a peer computes; beside it, how many times as much we get done."""

    def measure(found: Results) -> Reached:
        rate = found.median(work, case, peer) / found.median(work, case, ours)
        return Reached(
            found.cpu(work, case, peer) / found.cpu(work, case, ours), f"{rate:.2f} as many a second"
        )

    return measure


def memory(peer: str) -> Callable[[Results], Reached]:
    def measure(found: Results) -> Reached:
        case = found.cases("memory")[0]
        ours, theirs = (found.size("memory", case, name) for name in ("wsframe", peer))
        return Reached(theirs / ours, f"{ours:.0f} B, {theirs:.0f} B")

    return measure


AIMS = [
    Aim("callback, depth 1", "picows", 1.05, cpu("callback", ONE, "picows")),
    Aim("callback, depth 1", "constants", 0.9, cpu("callback", ONE, "raw")),
    Aim("callback, depth 64", "picows", 18, cpu("callback", MANY, "picows")),
    Aim("callback, depth 64", "socketify", 10, cpu("callback", MANY, "socketify")),
    Aim("async for, depth 1", "picows.websockets", 1.1, cpu("iteration", ONE, "picows_websockets")),
    Aim("async for, depth 64", "picows.websockets", 10, cpu("iteration", MANY, "picows_websockets")),
    Aim("async for, depth 1", "websockets", 2, cpu("iteration", ONE, "websockets")),
    Aim("async for, depth 64", "websockets", 25, cpu("iteration", MANY, "websockets")),
    Aim("callback, 16 KiB", "picows", 1.1, cpu("callback_large", LARGE, "picows")),
    Aim("uvicorn, depth 1", "websockets-sansio", 1.6, cpu("uvicorn", ONE, "websockets")),
    Aim("uvicorn, depth 64", "websockets-sansio", 5, cpu("uvicorn", MANY, "websockets")),
    Aim("threads, depth 1", "websockets.sync", 1.5, cpu("threads", THREADS_ONE, *SYNC)),
    Aim("threads, depth 64", "websockets.sync", 8, cpu("threads", THREADS_MANY, *SYNC)),
    Aim("threads, client", "websockets.sync", 1.3, cpu("round_trips", "32 B, threads", *SYNC)),
    Aim(
        "client, async for", "picows.websockets", 2, cpu("receive_by_iteration", STREAM, "picows_websockets")
    ),
    Aim("client, callback", "picows", 1.2, cpu("receive", STREAM, "picows")),
    Aim("broadcast, 1 KiB to 1000", "websockets", 3, cpu("broadcast", ALL, "websockets")),
    Aim("handshakes", "websockets", 3, cpu("handshake", KNOCK, "websockets")),
    Aim("memory, idle connection", "picows.websockets", 1, memory("picows_websockets")),
    Aim("memory, idle connection", "websockets", 2, memory("websockets")),
]


def table(found: Results) -> str:
    """What each endpoint computes for a message, and how many it carries, in markdown."""
    return "\n".join(grid(["", "on", "endpoint", "CPU", "a second"], rows(found)))


def rows(found: Results) -> Iterator[list[str]]:
    for work, name in WORKS.items():
        for case in found.cases(work):
            for peer in dict.fromkeys(found.peers(work, case)):
                rate = f"{1 / found.median(work, case, peer):,.0f}"
                yield [name, case, peer, duration(found.cpu(work, case, peer)), rate]
    for case in found.cases("memory"):
        for peer in dict.fromkeys(found.peers("memory", case)):
            yield ["memory", case, peer, f"{found.size('memory', case, peer):,.0f} B", ""]
