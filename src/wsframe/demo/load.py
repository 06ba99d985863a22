"""The load: a WebSocket client that uses as little CPU as possible in Python, in a process of its own.

It sends frames masked in advance, `depth` of them in one write, and writes again when all replies have
arrived; it checks only the first ones. It reads the CPU time of the server at the start and the end of the
measurement.

The demo and the benchmarks use a `LoadProcess`. By hand, write a line of JSON for a load, and read one for
its result: `echo '{"port": 9001, "depth": 64}' | python -m wsframe.demo.load`
"""

from __future__ import annotations

import base64
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from threading import Timer

from .. import Opcode, accept_key, encode_frame
from .cpu import cpu_seconds
from .messages import LoadError, Repeated, Varied

TEXT = '{"symbol":"EURUSD","bid":1.0842}'  # 32 bytes


@dataclass(frozen=True)
class Load:
    """What to send.

    Args:
        port: of the server, on 127.0.0.1.
        path: of the request.
        text: the message; the server must echo it.
        documents: bytes of JSON documents that all differ, sent in place of the text, compressed; 0 for none.
        depth: messages in flight on a connection.
        connections: number of connections.
        seconds: duration of the measurement.
        warm_up: seconds before that.
        server_pid: process whose CPU time to read; 0 for none.
        server_cpu: pin the server to this CPU; -1 for none. Only Linux can.
        load_cpu: the same for the load.
    """

    port: int
    path: str = "/"
    text: str = TEXT
    documents: int = 0
    depth: int = 1
    connections: int = 1
    seconds: float = 1.0
    warm_up: float = 0.1
    server_pid: int = 0
    server_cpu: int = -1
    load_cpu: int = -1


@dataclass(frozen=True)
class Result:
    """The result of a load.

    Attributes:
        messages: number of replies.
        seconds: duration.
        server_cpu: CPU seconds of the server; None when unknown.
        load_cpu: CPU seconds of the load: when it is near `seconds`, the load is the bottleneck.
    """

    messages: int
    seconds: float
    server_cpu: float | None
    load_cpu: float

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu_us(self) -> float | None:
        """Microseconds of the server's CPU a message."""
        return None if self.server_cpu is None else self.server_cpu / self.messages * 1e6


class LoadProcess:
    """A process that runs loads, one at a time."""

    def __init__(self) -> None:
        with _uninterruptible():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "wsframe.demo.load"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )

    def close(self) -> None:
        """Stop the process."""
        self._process.kill()
        self._process.communicate()

    def measure(self, load: Load, *, timeout: float = 60.0) -> Result:
        """Run a load.

        Args:
            load: what to send.
            timeout: seconds after which the process is ended.

        Raises:
            LoadError: a reply was wrong or missing.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        guard = Timer(timeout, self._process.kill)
        guard.start()
        try:
            print(json.dumps(asdict(load)), file=self._process.stdin, flush=True)
            result = json.loads(self._process.stdout.readline() or '{"error": "the load process has ended"}')
        finally:
            guard.cancel()
        if "error" in result:
            raise LoadError(result["error"])
        return Result(**result)


@contextmanager
def _uninterruptible() -> Iterator[None]:
    """A process started here ignores interrupts of the terminal; it ends at the end of its input."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run(load: Load) -> Result:
    """Run the load in this process.

    Raises:
        LoadError: a reply was wrong or missing.
    """
    connections = []
    try:
        for number in range(load.connections):
            connections.append(_Connection(load, number))
        with selectors.DefaultSelector() as selector:
            for connection in connections:
                connection.start(selector)
            steps = _steps(selector)
            _until(steps, time.perf_counter() + load.warm_up)
            before = _Counts.now(connections, load)
            _until(steps, before.time + load.seconds)
            after = _Counts.now(connections, load)
            for connection in connections:
                connection.stopped = True
            while any(connection.waiting for connection in connections):
                next(steps)
        for connection in connections:
            connection.close()
    finally:
        for connection in connections:
            connection.socket.close()
    server_cpu = None
    if before.server is not None and after.server is not None:
        server_cpu = after.server - before.server
    messages = after.messages - before.messages
    if not messages:
        raise LoadError(f"no replies to a batch in {load.seconds:g} s")
    return Result(messages, after.time - before.time, server_cpu, after.load - before.load)


@dataclass(frozen=True)
class _Counts:
    messages: int
    server: float | None
    load: float
    time: float

    @classmethod
    def now(cls, connections: list[_Connection], load: Load) -> _Counts:
        server = cpu_seconds(load.server_pid) if load.server_pid else None
        messages = sum(connection.messages for connection in connections)
        return cls(messages, server, time.process_time(), time.perf_counter())


def _steps(selector: selectors.BaseSelector) -> Iterator[None]:
    """Process the ready connections, once per step."""
    buffer = memoryview(bytearray(1 << 20))
    while True:
        ready = selector.select(timeout=5)
        if not ready:
            raise LoadError("no reply for 5 seconds")
        for key, events in ready:
            if events & selectors.EVENT_READ:
                key.data.read(buffer)
            if events & selectors.EVENT_WRITE:
                key.data.write()
        yield


def _until(steps: Iterator[None], end: float) -> None:
    while time.perf_counter() < end:
        next(steps)


class _Connection:
    """One connection, including its opening handshake."""

    def __init__(self, load: Load, number: int) -> None:
        self._work = (
            Varied(load.documents, load.depth, 7 * number)
            if load.documents
            else Repeated(load.text, load.depth)
        )
        self.depth = load.depth
        self.messages = 0
        self.waiting = False
        self.stopped = False
        self._unsent = memoryview(b"")
        self.socket = socket.create_connection(("127.0.0.1", load.port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._handshake(load)

    def _handshake(self, load: Load) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {load.path} HTTP/1.1\r\nHost: 127.0.0.1:{load.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"{self._work.offer}\r\n".encode()
        )
        response = b""
        while not response.endswith(b"\r\n\r\n"):
            data = self.socket.recv(4096)
            if not data:
                break
            response += data
        if not response.startswith(b"HTTP/1.1 101 ") or accept_key(key).encode() not in response:
            raise LoadError(f"handshake refused: {response[:80]!r}")
        if self._work.offer and b"permessage-deflate" not in response:
            raise LoadError("the server does not compress")

    def start(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self.socket.setblocking(False)
        selector.register(self.socket, selectors.EVENT_READ, self)
        self._send_batch()

    def read(self, buffer: memoryview) -> None:
        n = self.socket.recv_into(buffer)
        if not n:
            raise LoadError("connection lost")
        if self._work.feed(buffer[:n]):
            self.messages += self.depth
            self.waiting = False
            self._send_batch()

    def write(self) -> None:
        self._unsent = self._unsent[self.socket.send(self._unsent) :]
        if not self._unsent:
            self._selector.modify(self.socket, selectors.EVENT_READ, self)

    def _send_batch(self) -> None:
        if self.stopped:
            return
        self.waiting = True
        batch = self._work.batch()
        sent = self.socket.send(batch)
        if sent < len(batch):
            self._unsent = memoryview(batch)[sent:]
            self._selector.modify(self.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self)

    def close(self) -> None:
        """Do the closing handshake, so that the server logs no error."""
        self.socket.settimeout(5)
        self.socket.sendall(encode_frame(Opcode.CLOSE, b"\x03\xe8", mask_key=os.urandom(4)))
        while self.socket.recv(4096):
            pass


def _pin(pid: int, cpu: int) -> None:
    if cpu >= 0 and sys.platform == "linux":
        os.sched_setaffinity(pid, {cpu})


def main() -> None:
    for line in sys.stdin:
        load = Load(**json.loads(line))
        try:
            _pin(load.server_pid, load.server_cpu)
            _pin(0, load.load_cpu)
            result = asdict(run(load))
        except (LoadError, OSError) as exc:
            result = {"error": str(exc)}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
