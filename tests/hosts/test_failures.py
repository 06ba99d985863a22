"""A failure is the host's: the same bytes on the wire, the same exceptions, the same lines in the log.

Each server runs as a program of its own, plain and under `wsframe run`; its peers and its application do what
they should not.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from support.conversations import parsed
from support.frames import BINARY, CLOSE, CONTINUATION, KEY, PING, TEXT, close, frame, header, text
from support.opening import request
from support.scripted_servers import HOSTS, LIMIT, ODD

from wsframe.demo.servers import Program, running

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sockets as on POSIX")

PROGRAM = str(Path(__file__).parents[1] / "support" / "scripted_servers.py")
RANDOM = r"0x[0-9a-f]+|Task-\d+|\d+:\d+:\d+|\b\d{5}\b|\[\d+\]"  # addresses, tasks, times, ports, processes
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the connection ends with RST

ORDERS = [*ODD, "raise", "no memory", "cancel", "close"]
VIOLATIONS = {
    "not text": frame(TEXT, b"\xff", key=KEY),
    "cut text": frame(TEXT, "é".encode()[:1], key=KEY),
    "a reserved bit": frame(TEXT, b"x", rsv=4, key=KEY),
    "another reserved bit": frame(BINARY, b"x", rsv=1, key=KEY),
    "no mask": frame(TEXT, b"x"),
    "opcode 3": frame(3, b"x", key=KEY),
    "opcode 11": frame(11, b"x", key=KEY),
    "a ping in pieces": frame(PING, b"x", fin=False, key=KEY),
    "a long ping": frame(PING, b"x" * 126, key=KEY),
    "no start": frame(CONTINUATION, b"x", key=KEY),
    "two starts": frame(TEXT, b"x", fin=False, key=KEY) + frame(TEXT, b"y", key=KEY),
    "too big": frame(BINARY, b"x" * (LIMIT + 1), key=KEY),
    "too big in pieces": frame(TEXT, b"x" * LIMIT, fin=False, key=KEY) + frame(CONTINUATION, b"x", key=KEY),
    "much too big": header(BINARY, 2**62, key=KEY),
    "larger than any": header(TEXT, 2**63, key=KEY),
    "a close of one byte": frame(CLOSE, b"x", key=KEY),
    "a close with 1005": close(1005, key=KEY),
    "a close with no text": close(1000, b"\xff", key=KEY),
}
# Here the host itself waits for more, or stays as it is.
NO_REPLY = {
    "autobahn": ["cancel"],
    "hypercorn": ["too big in pieces", "much too big"],
    "uvicorn-wsproto": ["much too big"],
    "websockets-sync": ["cancel"],
}
# From these versions on, a failure of the application ends the connection.
CLOSES = {"autobahn": (26,), "tornado-coroutines": (6, 6), "websockets-sync": (14,)}
# Before these versions it is chance whether the application is told what cut it off, or that it is cut off.
TELLS = {"websockets-sync": (17,)}
CAUSE = "The above exception was", "BrokenPipeError:", "Traceback "
# Lines of a log, without those of tracebacks: the ones of Twisted begin with a file.
SAYS = r"(?!wsframe: ready to accelerate|/\S+\.py:\d+:\w+$)[^ ^]"
# Errors that a peer cannot cause.
OF_CODE = r"(Assertion|Attribute|Index|Key|Name|Runtime|Type|UnboundLocal|Value)Error"
BROKEN_OFF = [text("x" * 200)[:3], text("hello")[:-2], frame(TEXT, b"x", fin=False, key=KEY), text("x") * 100]


class Peer(contextlib.AbstractContextManager["Peer"]):
    """A client of the wire, which waits 10 seconds and no longer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.sendall(request())
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            more = self.socket.recv(4096)
            assert more, self.data
            self.data += more
        self.data = self.data.partition(b"\r\n\r\n")[2]
        self.closed = False

    @property
    def port(self) -> int:
        return self.socket.getsockname()[1]

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(data)

    def until(self, payload: bytes = b"") -> list[Any]:
        """What came, up to a frame with this payload or to the end, and that end."""
        end = "open"
        with contextlib.suppress(TimeoutError):
            while True:
                frames = parsed(self.data)
                if payload and any(frame[2] == payload for frame in frames[:-1]):
                    return frames
                if not self.closed and any(frame[0] == 0x80 | CLOSE for frame in frames[:-1]):
                    self.closed = True
                    self.send(close(1000, key=KEY))
                try:
                    more = self.socket.recv(65536)
                except ConnectionResetError:
                    more = b""
                if not more:
                    end = "ended"
                    break
                self.data += more
        return [*parsed(self.data), end]

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()

    def close(self) -> list[Any]:
        if not self.closed:
            self.closed = True
            self.send(close(1000, key=KEY))
        return self.until()


def conversation(port: int, without: Sequence[str]) -> dict[str, list[Any]]:
    """Tell what comes back from each of the things that go wrong."""
    replies: dict[str, list[Any]] = {}

    def converse(name: str, data: bytes) -> None:
        with Peer(port) as peer:
            peer.send(data + text("after"))
            peer.until(b"after")
            replies[name] = peer.close()

    for name, data in {**{order: text(order) for order in ORDERS}, **VIOLATIONS}.items():
        if name not in without:
            converse(f"{name}, alone", data)
            converse(f"{name}, among others", text("a") * 3 + data + text("b") * 3)
    with Peer(port) as peer:
        peer.send(text(f"cut {peer.port}") + text("after") * 2)
        replies["cut"] = peer.until()
    return replies


def settle(port: int, log: Path) -> list[str]:
    """Check that the server still works; return its log lines, of a traceback only the last."""
    for message in ("hello", "hello", "hello", "mark"):  # each gives the last ones time to end
        with Peer(port) as peer:
            peer.send(text(message))
            assert peer.until(message.encode()) == [(0x81, False, message.encode()), b""]
            peer.close()
    said = log.read_text().partition("mark\n")[0].splitlines()
    return [re.sub(RANDOM, "*", line) for line in said if re.match(SAYS, line)]


def serve(host: str, log: Path, *, accelerated: bool) -> tuple[dict[str, list[Any]], Counter[str]]:
    """Return the replies of a server, and how often it logs each line."""
    with running(Program(host, (PROGRAM, host)), log, accelerated=accelerated) as server:
        with Peer(server.port()) as peer:
            peer.send(text("active") + text("after"))
            active = peer.until(b"after")[0][2]
            assert (active != b"nothing") is accelerated
        replies = conversation(server.port(), NO_REPLY.get(host, []))
        return replies, Counter(settle(server.port(), log))


@pytest.mark.parametrize("host", HOSTS)
def test_failures_are_those_of_the_host(host: str, tmp_path: Path) -> None:
    library = host.partition("-")[0]
    pytest.importorskip(library, exc_type=ImportError)
    release = tuple(map(int, version(library).split(".")[:2]))
    if release < CLOSES.get(host, ()):
        pytest.skip("this version leaves connections open, and all would have to be waited for")
    replies, said = serve(host, tmp_path / "plain", accelerated=False)
    now, says = serve(host, tmp_path / "accelerated", accelerated=True)
    assert now == replies
    if release < TELLS.get(host, ()):
        for lines in said, says:
            for line in [line for line in lines if line.startswith(CAUSE)]:
                del lines[line]
    assert says == said


@pytest.mark.parametrize("host", HOSTS)
def test_peers_that_disconnect_abruptly_cause_no_internal_error(host: str, tmp_path: Path) -> None:
    pytest.importorskip(host.partition("-")[0], exc_type=ImportError)
    with running(Program(host, (PROGRAM, host)), tmp_path / "log", accelerated=True) as server:
        for data in BROKEN_OFF * 3:
            with Peer(server.port()) as peer:
                peer.send(data)
                peer.reset()
        assert not [line for line in settle(server.port(), tmp_path / "log") if re.match(OF_CODE, line)]
