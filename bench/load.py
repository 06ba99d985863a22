"""A load on an echo server that costs less than any server: blocking sockets, frames made beforehand."""

from __future__ import annotations

import socket
import struct
from time import perf_counter
from typing import NamedTuple

import wsframe

REQUEST = (
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {wsframe.new_key()}\r\n\r\n"
).encode()
PATIENCE = struct.pack("ll", 10, 0)  # seconds, microseconds


class Outcome(NamedTuple):
    messages: int
    seconds: float


class Load:
    """Connections that send texts and wait for their echoes.

    Args:
        address: where the server listens.
        connections: how many, taken in turn.
        depth: messages in flight on each.
        text: what each message says.
    """

    def __init__(self, address: tuple[str, int], connections: int, depth: int, text: str) -> None:
        self._batch = b"".join(wsframe.encode_text(text, masked=True) for _ in range(depth))
        self._echo = wsframe.encode_text(text) * depth
        self._depth = depth
        self._sockets = [self._open(address) for _ in range(connections)]

    def _open(self, address: tuple[str, int]) -> socket.socket:
        sock = socket.create_connection(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A timeout of Python's own would make every call a poll as well, and MSG_WAITALL not wait.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
        sock.sendall(REQUEST)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += sock.recv(1) or b"closed\r\n\r\n"
        if not answer.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"no websocket at {address}: {answer!r}")
        sock.sendall(self._batch)
        if sock.recv(len(self._echo), socket.MSG_WAITALL) != self._echo:
            raise ConnectionError(f"no echo at {address}")
        return sock

    def run(self, seconds: float) -> Outcome:
        """Keep the server busy for about so long."""
        size, batch, depth = len(self._echo), self._batch, self._depth
        for sock in self._sockets:
            sock.sendall(batch)
        messages = 0
        start = perf_counter()
        while perf_counter() - start < seconds:
            for sock in self._sockets:
                if len(sock.recv(size, socket.MSG_WAITALL)) != size:
                    raise ConnectionError("the server closed a connection")
                sock.sendall(batch)
                messages += depth
        took = perf_counter() - start
        for sock in self._sockets:
            sock.recv(size, socket.MSG_WAITALL)
        return Outcome(messages, took)

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()
