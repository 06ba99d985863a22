"""What `broadcast` of websockets costs, as it is and accelerated: 1,000 connections, 1 KB, compressed.

python -m bench.host_broadcast       prints a table

The transports of the connections send nothing: what the kernel takes to send it is the same either way, and a
transport in Python would be measured, too. Each figure is the CPU time of the fastest of 30 calls, each with
its own document.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from typing import Any

from bench import machine

CONNECTIONS = 1000
ROUNDS = 30
SIZE = 1000  # bytes of a document
SETTINGS = {"memLevel": 5}  # as websockets has them by default
KINDS = ("asyncio", "legacy")


class Nowhere(asyncio.Transport):
    """A transport to nowhere."""

    write: Any = len  # in C: it takes the data, and does as good as nothing

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


def document(draw: random.Random) -> str:
    rows: list[dict[str, Any]] = []
    while len(json.dumps(rows)) < SIZE:
        rows.append({"symbol": draw.choice("ABCD"), "bid": draw.randrange(10**6), "at": draw.random()})
    return json.dumps(rows)


def connection(kind: str) -> Any:
    from websockets.extensions.permessage_deflate import PerMessageDeflate

    extension = PerMessageDeflate(False, False, 12, 12, SETTINGS)
    if kind == "legacy":
        from websockets.legacy.protocol import State, WebSocketCommonProtocol

        made: Any = WebSocketCommonProtocol()
        made.is_client, made.state, made.extensions = False, State.OPEN, [extension]
        made.transport = Nowhere()
        return made
    from websockets.asyncio.connection import Connection
    from websockets.protocol import SERVER, Protocol

    protocol = Protocol(SERVER)
    protocol.extensions = [extension]
    made = Connection(protocol)
    made.connection_made(Nowhere())
    return made


async def measure(kind: str) -> float:
    connections = [connection(kind) for _ in range(CONNECTIONS)]
    module = sys.modules[f"websockets.{'legacy.protocol' if kind == 'legacy' else 'asyncio.connection'}"]
    draw = random.Random(1)
    fastest = float("inf")
    for _ in range(ROUNDS):
        text = document(draw)
        started = time.process_time()
        module.broadcast(connections, text)
        await asyncio.sleep(0)
        fastest = min(fastest, time.process_time() - started)
    return fastest * 1000


def main(arguments: list[str]) -> None:
    if arguments:
        kind, how = arguments
        machine.pin()
        if how == "accelerated":
            from wsframe import accelerate

            accelerate.install("websockets", zlib="auto")
        print(asyncio.run(measure(kind)))
        return
    print("| websockets | plain | accelerated | gain |\n|---|--:|--:|--:|")
    for kind in KINDS:
        command = [sys.executable, "-W", "ignore", "-m", "bench.host_broadcast", kind]
        plain, fast = (
            min(
                float(subprocess.run([*command, how], check=True, capture_output=True, text=True).stdout)
                for _ in range(3)
            )
            for how in ("plain", "accelerated")
        )
        print(f"| {kind} | {plain:.1f} ms | {fast:.2f} ms | {plain / fast:.0f}x |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
