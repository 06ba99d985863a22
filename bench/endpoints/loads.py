"""Loads for what is no echo: functions of the port and the pid of a server, and of how long or how many.

`python -m bench.endpoints.loads NAME CORE PORT PID AMOUNT` runs one on a core, and prints what it counted.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import selectors
import socket
import sys
import time
from pathlib import Path

from bench.endpoints import HOST, raise_limit
from wsframe import Opcode, encode_frame
from wsframe.demo.cpu import cpu_seconds

REQUEST = (
    b"GET /feed HTTP/1.1\r\nHost: localhost:8000\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    b"Origin: http://localhost:8000\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    + base64.b64encode(bytes(range(16)))
    + b"\r\n\r\n"
)
TOGETHER = 16  # handshakes
WARM_UP = 0.3  # seconds


def reach(port: int) -> socket.socket:
    """Connect and ask for a WebSocket."""
    connection = socket.create_connection((HOST, port), timeout=10)
    connection.send(REQUEST)
    return connection


def accepted(connection: socket.socket) -> socket.socket:
    response = b""
    while not response.endswith(b"\r\n\r\n"):
        data = connection.recv(4096)
        if not data:
            raise SystemExit("connection lost")
        response += data
    if not response.startswith(b"HTTP/1.1 101 "):
        raise SystemExit(f"refused: {response[:80]!r}")
    return connection


def connections(port: int, count: int) -> list[socket.socket]:
    opened: list[socket.socket] = []
    while len(opened) < count:
        asked = [reach(port) for _ in range(min(50, count - len(opened)))]
        opened += map(accepted, asked)
    return opened


def measured(step, pid: int, seconds: float) -> dict[str, float]:
    """Do a step again and again; it returns how many times it did its work."""
    end = time.perf_counter() + WARM_UP
    while time.perf_counter() < end:
        step()
    calls, load = 0, time.process_time()
    begin, cpu = time.perf_counter(), cpu_seconds(pid)
    while (now := time.perf_counter()) < begin + seconds:
        calls += step()
    cpu = cpu_seconds(pid) - cpu
    took, load = now - begin, time.process_time() - load
    return {"calls": calls, "elapsed": took, "cpu": cpu, "busy": cpu / took, "load_busy": load / took}


def handshakes(port: int, pid: int, seconds: float) -> dict[str, float]:
    """Open connections and close them, a few at a time."""

    def step():
        for connection in connections(port, TOGETHER):
            connection.close()
        return TOGETHER

    return measured(step, pid, seconds)


def broadcasts(port: int, pid: int, seconds: float, count: int = 1000, size: int = 1028) -> dict[str, float]:
    """Ask for one broadcast after the other; each must reach every connection."""
    opened = connections(port, count)
    buffer = memoryview(bytearray(2**16))
    ask = encode_frame(Opcode.TEXT, "go", mask_key=b"wxyz")
    with selectors.EpollSelector() as selector:
        for connection in opened:
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)

        def step():
            opened[0].send(ask)
            owed = count * size
            while owed:
                for key, _ in selector.select(timeout=10):
                    owed -= key.fileobj.recv_into(buffer)
            return 1

        return measured(step, pid, seconds)


def resident(pid: int) -> int:
    """Bytes of memory a process holds."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def idle(port: int, pid: int, count: float) -> dict[str, float]:
    """Open connections and leave them alone: what the server holds for each, after a few to begin with."""
    opened = connections(port, 100)
    time.sleep(0.5)
    before = resident(pid)
    opened += connections(port, int(count))
    time.sleep(0.5)
    return {"calls": count, "bytes": resident(pid) - before, "elapsed": 0.0}


if __name__ == "__main__":
    name, core, port, pid, amount = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    raise_limit()
    print(json.dumps(globals()[name](int(port), int(pid), float(amount))), flush=True)
    os._exit(0)  # thousands of connections at once, without ado
