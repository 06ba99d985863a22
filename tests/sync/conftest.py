"""Servers and clients for threads, on real sockets; no test may leave a thread behind."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from wsframe import MessageDecoder, Opcode, Role, encode_frame
from wsframe.handshake import new_key, open_request, parse_uri
from wsframe.sync import ClientConnection, Server, connect, serve

if TYPE_CHECKING:
    from typing_extensions import Self

pytest.importorskip("httptools")

TIME = 30  # seconds after which something hangs
KEY = b"mask"


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """All threads end with the test."""
    before = set(threading.enumerate())
    yield
    gc.collect()
    deadline = time.monotonic() + TIME
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        for thread in left:
            thread.join(1)
    assert not left, f"threads left behind: {left}"


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def running() -> Iterator[Callable[..., Server]]:
    """Start servers; they stop with the test."""
    with ExitStack() as stack:

        def run(handler: Any, **options: Any) -> Server:
            return stack.enter_context(serving(serve(handler, "127.0.0.1", 0, **options)))

        yield run


def port_of(server: Server) -> int:
    port: int = server.socket.getsockname()[1]
    return port


def uri_of(server: Server, path: str = "/", scheme: str = "ws") -> str:
    return f"{scheme}://127.0.0.1:{port_of(server)}{path}"


def client(server: Server, path: str = "/", **options: Any) -> ClientConnection:
    return connect(uri_of(server, path), proxy=None, **options)


def echo(ws: Any) -> None:
    for message in ws:
        ws.send(message)


class Raw:
    """A client that speaks in bytes: what well-behaved ones never do."""

    def __init__(self, server: Server, receive_buffer: int | None = None) -> None:
        self.sock = socket.socket()
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(TIME)
        self.sock.connect(("127.0.0.1", port_of(server)))
        self.sock.sendall(open_request(parse_uri(uri_of(server)), new_key()).serialize())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.sock.recv(1)
        self.decoder = MessageDecoder(Role.CLIENT)
        self.events: list[Any] = []

    def send(self, opcode: Opcode, payload: bytes = b"", **options: Any) -> None:
        self.sock.sendall(encode_frame(opcode, payload, mask_key=KEY, **options))

    def receive(self) -> Any:
        """Return the next message or control frame, or None at the end of the stream."""
        while not self.events:
            data = self.sock.recv(2**16)
            if not data:
                return None
            self.events += self.decoder.feed(data)
        return self.events.pop(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.close()


@pytest.fixture
def in_thread() -> Iterator[Callable[..., Any]]:
    """Call functions in threads of their own; what they return is given by the function that this returns."""
    threads: list[threading.Thread] = []

    def start(function: Callable[..., Any], *args: Any, **options: Any) -> Callable[[], Any]:
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append((True, function(*args, **options)))
            except BaseException as exc:
                outcome.append((False, exc))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        threads.append(thread)

        def result() -> Any:
            thread.join(TIME)
            assert outcome, f"{function} hangs"
            fine, value = outcome[0]
            if not fine:
                raise value
            return value

        return result

    yield start
    for thread in threads:
        thread.join(TIME)
        assert not thread.is_alive()
