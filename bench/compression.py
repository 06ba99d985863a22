"""What compression costs a connection: the memory it holds, the time it takes, and what it saves.

python -m bench.compression     prints the table of docs/explanation/compression.md; Linux only

Each line is measured in a process of its own: how much that grew with the codecs of 400
connections, after each has sent, or received, a hundred messages.  Times are those of the fastest.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench import machine
from wsframe import Role
from wsframe.deflate import Deflate, ServerPolicy

CONNECTIONS = 400
PAGE = 4096
ALL = ("zlib", "auto", "zlib-ng", "isal")

# What one measurement frees, the next would take without growing.
kept: list[list[Deflate]] = []

SETTINGS = {
    "defaults": (ServerPolicy(), ALL),
    "no context taken over": (
        ServerPolicy(server_no_context_takeover=True, client_no_context_takeover=True),
        ALL,
    ),
    "windows 9, `mem_level` 1": (
        ServerPolicy(server_max_window_bits=9, client_max_window_bits=9, mem_level=1),
        ("zlib",),
    ),
    "windows 10, `mem_level` 3": (
        ServerPolicy(server_max_window_bits=10, client_max_window_bits=10, mem_level=3),
        ("zlib",),
    ),
    "windows 15, `mem_level` 8": (
        ServerPolicy(server_max_window_bits=15, client_max_window_bits=15, mem_level=8),
        ALL,
    ),
    "defaults, `level` 1": (ServerPolicy(level=1), ALL),
}


def feed(messages: int = 100) -> list[bytes]:
    """Messages of a price feed: JSON, about 400 bytes each."""
    draw = random.Random(1)
    return [
        json.dumps(
            [
                {
                    "symbol": symbol,
                    "bid": draw.randrange(10**6) / 100,
                    "ask": draw.randrange(10**6) / 100,
                    "volume": draw.randrange(10**5),
                    "time": 1_700_000_000 + number,
                }
                for symbol in ("ABC", "XYZ", "FOO", "BAR")
            ]
        ).encode()
        for number in range(messages)
    ]


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def codec(policy: ServerPolicy, role: Role) -> Deflate:
    agreed = policy.accept([("permessage-deflate", [("client_max_window_bits", None)])])
    assert agreed is not None
    return Deflate(
        role, agreed.parameters, level=policy.level, mem_level=policy.mem_level, module=policy.module
    )


def cost(policy: ServerPolicy, work: Callable[[Deflate], None], messages: int) -> tuple[float, float]:
    """KiB a connection holds after its work, and microseconds a message took."""
    made = [codec(policy, Role.SERVER) for _ in range(CONNECTIONS)]
    kept.append(made)
    work(made.pop())
    times = []
    before = resident()
    for one in made:
        started = time.perf_counter()
        work(one)
        times.append(time.perf_counter() - started)
    return (resident() - before) / len(made) / 1024, min(times) / messages * 1e6


def line(name: str, module: str) -> str:
    policy = replace(SETTINGS[name][0], module=module)
    messages = feed()
    peer = codec(policy, Role.CLIENT)
    packed = [peer.deflate(message) for message in messages]

    def send(one: Deflate) -> None:
        for message in messages:
            one.deflate(message)

    def receive(one: Deflate) -> None:
        for message in packed:
            one.inflate(message, True, 2**20)

    sending, compress = cost(policy, send, len(messages))
    receiving, inflate = cost(policy, receive, len(messages))
    size = 100 * sum(map(len, packed)) / sum(map(len, messages))
    return (
        f"| {name} | {module} | {sending:.0f} KiB | {receiving:.0f} KiB "
        f"| {compress:.0f} µs | {inflate:.1f} µs | {size:.0f} % |"
    )


def main(arguments: list[str]) -> None:
    if arguments:
        machine.pin()
        print(line(*arguments))
        return
    print("| setting | module | held for sending | for receiving | to compress | to inflate | size |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name, (_, modules) in SETTINGS.items():
        for module in modules:
            subprocess.run([sys.executable, "-m", "bench.compression", name, module], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
