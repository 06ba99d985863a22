"""Servers and clients for threads on real sockets, and a client that speaks in bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wsframe import MessageDecoder, Opcode, Role, encode_frame
from wsframe.handshake import new_key, open_request, parse_uri
from wsframe.sync import ClientConnection, Server, connect

if TYPE_CHECKING:
    from typing_extensions import Self

TIME = 30  # seconds after which something hangs
KEY = b"mask"


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
