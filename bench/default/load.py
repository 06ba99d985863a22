"""A load of varied documents, compressed or not, that counts the frames which come back.

Each connection has so many messages in flight, sends the next ones when all have come back, and makes them
before the clock starts: what it does between two system calls is to count headers.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from wsframe import Opcode, encode_frame
from wsframe.demo.cpu import cpu_seconds
from wsframe.demo.documents import WINDOW_BITS, compressed, documents
from wsframe.handshake import new_key, open_request, parse_uri

COUNT = 512  # different documents
PATIENCE = 20.0  # seconds without a reply
CONTROL = 8  # opcodes from here on are no messages


class LoadError(Exception):
    """What a server should not have done."""


@dataclass(frozen=True)
class Work:
    """What to send.

    Attributes:
        size: bytes of a document.
        depth: messages in flight on a connection.
        connections: how many.
        deflate: whether messages are compressed, both ways.
    """

    size: int
    depth: int
    connections: int
    deflate: bool

    def __str__(self) -> str:
        kind = "compressed" if self.deflate else "uncompressed"
        return f"{self.size} B {kind}, {self.connections} x {self.depth}"


class Peer:
    """One connection."""

    def __init__(self, port: int, work: Work, frames: list[bytes], start: int) -> None:
        self.depth = work.depth
        first = start % len(frames)
        frames = frames[first:] + frames[:first]
        last = len(frames) - work.depth
        self.batches = [b"".join(frames[at : at + work.depth]) for at in range(0, last + 1, work.depth)]
        self.next = 0
        self.owed = 0
        self.received = 0
        self.buffer = b""
        self.unsent = memoryview(b"")
        self.pongs = b""  # they leave with the next messages
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        offer = f"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits={WINDOW_BITS}\r\n"
        request = open_request(parse_uri(f"ws://127.0.0.1:{port}/"), new_key(), compression=None).serialize()
        self.socket.sendall(request[:-2] + (offer.encode() if work.deflate else b"") + b"\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = self.socket.recv(1)
            if not data:
                raise LoadError(f"no handshake: {head!r}")
            head += data
        if work.deflate is not (b"permessage-deflate" in head):
            raise LoadError(f"compression was not agreed on as asked: {head!r}")

    def send(self) -> None:
        """Send the next messages; what the socket does not take is for `send_rest`."""
        batch, self.pongs = self.pongs + self.batches[self.next], b""
        self.next = (self.next + 1) % len(self.batches)
        self.owed = self.depth
        try:
            sent = self.socket.send(batch)
        except BlockingIOError:
            sent = 0
        self.unsent = memoryview(batch)[sent:]

    def send_rest(self) -> None:
        self.unsent = self.unsent[self.socket.send(self.unsent) :]

    def receive(self) -> None:
        """Read what is there, and count messages."""
        data = self.socket.recv(2**18)
        if not data:
            raise LoadError("the server ended a connection")
        data = self.buffer + data
        at, end = 0, len(data)
        while end - at >= 2:
            length, head = data[at + 1], 2
            if length >= 126:
                head = 4 if length == 126 else 10
                if end - at < head:
                    break
                length = int.from_bytes(data[at + 2 : at + head], "big")
            if end - at < head + length:
                break
            if data[at] & 15 < CONTROL:
                self.owed -= 1
                self.received += 1
            elif data[at] & 15 == Opcode.PING:
                payload = data[at + head : at + head + length]
                self.pongs += encode_frame(Opcode.PONG, payload, mask_key=os.urandom(4))
            at += head + length
        self.buffer = data[at:]


def frames_of(work: Work) -> list[bytes]:
    payloads = documents(work.size, max(COUNT, work.depth))
    if not work.deflate:
        return [encode_frame(Opcode.TEXT, one, mask_key=os.urandom(4)) for one in payloads]
    return [encode_frame(Opcode.TEXT, compressed(one), rsv=4, mask_key=os.urandom(4)) for one in payloads]


class Load:
    """Connections to a server that stay open between bursts.

    Args:
        port: of the server.
        pid: of its process.
        work: what to send.
    """

    def __init__(self, port: int, pid: int, work: Work) -> None:
        self.pid = pid
        frames = frames_of(work)
        self.peers = [Peer(port, work, frames, 7 * number) for number in range(work.connections)]
        self.selector = selectors.DefaultSelector()
        for peer in self.peers:
            peer.socket.setblocking(False)
            self.selector.register(peer.socket, selectors.EVENT_READ, peer)

    def burst(self, seconds: float) -> float:
        """Exchange messages for some seconds; return the CPU seconds that one took the server."""
        before, used = sum(peer.received for peer in self.peers), cpu_seconds(self.pid) or 0.0
        end = time.perf_counter() + seconds
        for peer in self.peers:
            self._act(peer, peer.send)
        while any(peer.owed for peer in self.peers):
            ready = self.selector.select(PATIENCE)
            if not ready:
                raise LoadError("no reply")
            going_on = time.perf_counter() < end
            for key, events in ready:
                peer = key.data
                if events & selectors.EVENT_WRITE:
                    self._act(peer, peer.send_rest)
                if events & selectors.EVENT_READ:
                    peer.receive()
                    if going_on and not peer.owed:
                        self._act(peer, peer.send)
        messages = sum(peer.received for peer in self.peers) - before
        return ((cpu_seconds(self.pid) or 0.0) - used) / messages

    def _act(self, peer: Peer, action: Callable[[], None]) -> None:
        waited = bool(peer.unsent)
        action()
        if waited is not bool(peer.unsent):
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.unsent else 0)
            self.selector.modify(peer.socket, events, peer)

    def close(self) -> None:
        self.selector.close()
        for peer in self.peers:
            peer.socket.close()
