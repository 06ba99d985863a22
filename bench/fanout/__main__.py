"""Measure each way in a process of its own; print the figures, and ratios beside their aims."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.endpoints import raise_limit

FOLDER = Path(__file__).parent
PACKAGES = Path("build", "node")

PLAIN = (
    *("transport.write", "wsframe Topics", "wsframe broadcast", "websockets.broadcast"),
    *("Starlette loop", "Starlette gather"),
)
RUN = "Starlette loop, wsframe run"
NODE = "Node ws"
REDIS = ("wsframe Topics, Redis", "python-socketio, Redis", "channels_redis")
DEFLATE = ("wsframe Topics, deflate", "Starlette loop, deflate")

# What, of which row, is to be compared with what: the row, how many messages an iteration, the aim.
RATIOS = (
    ("transport.write", "wsframe Topics", 1, 1 / 1.1),
    ("websockets.broadcast", "wsframe Topics", 1, 1.8),
    ("websockets.broadcast", "wsframe Topics", 8, 8),
    ("Starlette loop", "wsframe Topics", 8, 10),
    ("python-socketio, Redis", "wsframe Topics, Redis", 1, 10),
    ("channels_redis", "wsframe Topics, Redis", 1, 25),
    ("Starlette loop", RUN, 8, 4),
    ("Starlette loop", RUN, 1, 1),
)
DEFLATE_AIM = 3.0  # microseconds of user CPU
MEMORY_AIM = 9 * 2**10  # bytes

Figures = dict[tuple[str, int], float]

MEMORY = "memory"
ROWS = (*PLAIN, RUN, NODE, *REDIS, *DEFLATE, MEMORY)


def one(name: str, connections: int, messages: int, *before: str) -> float | None:
    """Return the microseconds of a delivery; None, and a line on stderr, if it cannot be measured."""
    command = [*before, sys.executable, "-m", "bench.fanout.one", name, str(connections), str(messages)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"{name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return float(done.stdout.split()[-1])


def with_node(connections: int, messages: int) -> float | None:
    if not shutil.which("node") or not shutil.which("npm"):
        print(f"{NODE}: node or npm is not installed", file=sys.stderr)
        return None
    if not (PACKAGES / "node_modules" / "ws").is_dir():
        installing = ["npm", "install", "--silent", "--prefix", str(PACKAGES), "ws"]
        if subprocess.run(installing).returncode:
            print(f"{NODE}: npm cannot install ws", file=sys.stderr)
            return None
    rounds = max(1, min(200, 100_000 // connections) // messages)
    environment = {**os.environ, "NODE_PATH": str((PACKAGES / "node_modules").resolve())}
    program = ["node", str(FOLDER / "node_ws.js"), str(connections), str(messages), str(rounds)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        readers = [sys.executable, "-m", "bench.fanout.readers", port, str(connections), "plain", "/"]
        with subprocess.Popen(readers, stdin=subprocess.PIPE) as clients:
            figure = float(server.stdout.readline())
            clients.kill()
    return figure


@contextlib.contextmanager
def redis_server() -> Iterator[bool]:
    """Start Redis; yield whether it is installed."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        print("over Redis: redis-server is not installed", file=sys.stderr)
        yield False
        return
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            os.environ["BENCH_REDIS"] = f"redis://127.0.0.1:{port}"
            try:
                while True:
                    with contextlib.suppress(OSError):
                        socket.create_connection(("127.0.0.1", port)).close()
                        break
                    time.sleep(0.05)
                yield True
            finally:
                process.kill()


def memory() -> int:
    """Return the bytes of each of 5,000 subscribers of three topics."""
    program = FOLDER.parents[1] / "tests" / "processes" / "subscribers_server.py"
    count = 5000
    with subprocess.Popen([sys.executable, str(program), str(count)], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = server.stdout.readline().decode().strip()
        readers = [sys.executable, "-m", "bench.fanout.readers", port, str(count), "plain", "/"]
        with subprocess.Popen(readers, stdin=subprocess.PIPE) as clients:
            size = int(server.stdout.readline())
            clients.kill()
        server.kill()
    return size


def chosen(words: list[str]) -> list[str]:
    """Return the rows that are named so, or else contain a word, and those they are compared with."""
    found = {
        row
        for word in words or [""]
        for row in ROWS
        if row == word or (word not in ROWS and word.lower() in row.lower())
    }
    if not found:
        raise SystemExit(f"no row is named so; there are: {', '.join(ROWS)}")
    found |= {other for other, ours, _, _ in RATIOS if ours in found}
    return [row for row in ROWS if row in found]


def measured(rows: list[str], connections: int, numbers: list[int], repeat: int) -> Figures:
    """Measure rows, and print them: the lowest figure of several runs, and the seconds of all."""
    figures: Figures = {}

    def measure(name: str, messages: int) -> float | None:
        if name == RUN:
            run = (sys.executable, "-m", "wsframe", "run", "--")
            return one("Starlette loop", connections, messages, *run)
        if name == NODE:
            return with_node(connections, messages)
        parts = 5 if name in REDIS else 2 if name in DEFLATE else 1
        return one(name, connections // parts, messages)

    seconds = dict.fromkeys(rows, 0.0)
    for left in reversed(range(repeat)):
        for name in rows:
            start = time.monotonic()
            for messages in numbers:
                figure = measure(name, messages)
                if figure is not None:
                    figures[name, messages] = min(figure, figures.get((name, messages), figure))
            seconds[name] += time.monotonic() - start
            if not left:
                found = [figures.get((name, messages)) for messages in numbers]
                shown = ["       -" if figure is None else f"{figure:8.2f}" for figure in found]
                print(f"{name:28}", *shown, f"{seconds[name]:8.0f} s", flush=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fanout", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="or a word of several; all rows if left out")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--messages", type=int, nargs="+", default=[1, 8], help="in one loop iteration")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each, one after the other")
    arguments = parser.parse_args()
    raise_limit()
    connections, numbers = arguments.connections, arguments.messages
    rows = chosen(arguments.rows)
    timed = [row for row in rows if row != MEMORY]
    start = time.monotonic()
    figures: Figures = {}
    if timed:
        print(
            f"us of CPU per delivery of 100 bytes to {connections} connections, over Redis to "
            f"{connections // 5};"
        )
        print(f"with permessage-deflate of 1 KiB to {connections // 2}. Messages in one loop iteration:")
        print(f"{'':28}", *(f"{messages:>8}" for messages in numbers))
        with contextlib.ExitStack() as stack:
            if not set(REDIS).isdisjoint(timed) and not stack.enter_context(redis_server()):
                timed = [row for row in timed if row not in REDIS]
            figures = measured(timed, connections, numbers, arguments.repeat)
    print(f"\n{'times as much':58} {'is':>6} {'aim':>6}")
    for other, ours, messages, aim in RATIOS:
        if (other, messages) in figures and (ours, messages) in figures:
            ratio = figures[other, messages] / figures[ours, messages]
            print(f"{other + ' / ' + ours + f', {messages}':58} {ratio:6.2f} {aim:6.2f}")
    if (DEFLATE[0], 1) in figures:
        print(f"{DEFLATE[0] + ', us of user CPU':58} {figures[DEFLATE[0], 1]:6.2f} {DEFLATE_AIM:6.2f}")
    if MEMORY in rows:
        print(f"{'bytes of each of 5,000 subscribers of 3 topics':58} {memory():6} {MEMORY_AIM:6}")
    print(f"in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
