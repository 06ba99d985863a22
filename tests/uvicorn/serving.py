"""Real uvicorn servers, and a client that says what a test wants, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from socket import AF_INET, SHUT_WR, SO_RCVBUF, SOCK_STREAM, SOL_SOCKET, socket
from threading import Thread
from typing import TYPE_CHECKING, Any

import uvicorn

from wsframe import Close, MessageDecoder, Role, new_key

if TYPE_CHECKING:
    from typing_extensions import Self

OURS = "wsframe.uvicorn:WebSocketProtocol"


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[int]:
    """Run a server in a thread; yield its port."""
    with running(app, **options) as (port, _):
        yield port


@contextmanager
def running(app: Any, **options: Any) -> Iterator[tuple[int, uvicorn.Server]]:
    """Run a server in a thread; yield its port, and itself."""
    options = {"ws": OURS, "loop": "asyncio", "lifespan": "off", "log_config": None, **options}
    server = uvicorn.Server(uvicorn.Config(app, **options))
    with socket(AF_INET, SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # a client may come before the server is ready
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()[1], server
        finally:
            server.should_exit = True
            thread.join(20)
        assert not thread.is_alive()


class Raw:
    """A client on a socket."""

    def __init__(
        self, port: int, path: str = "/", behind: bytes = b"", extra: str = "", small: bool = False
    ) -> None:
        self.socket = socket(AF_INET, SOCK_STREAM)
        self.socket.settimeout(20)
        if small:  # it takes few bytes that nobody reads
            self.socket.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", port))
        lines = [
            f"GET {path} HTTP/1.1",
            "Host: localhost",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {new_key()}",
            "Sec-WebSocket-Version: 13",
            *extra.splitlines(),
        ]
        self.send("\r\n".join([*lines, "", ""]).encode() + behind)
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.socket.recv(65536)
            assert more, data
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        self.status = int(head.split()[1])
        self._decoder = MessageDecoder(Role.CLIENT, max_message=None)
        self.events: list[Any] = self._decoder.feed(rest) if self.status == 101 else []

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self, count: int) -> list[Any]:
        """Receive messages and control frames, so many or what comes before the end of the stream."""
        while len(self.events) < count:
            data = self.socket.recv(2**18)
            if not data:
                break
            self.events += self._decoder.feed(data)
        taken, self.events = self.events[:count], self.events[count:]
        return taken

    def receive_all(self) -> list[Any]:
        """Receive up to the end of the stream."""
        if self.status != 101:
            return []
        return self.receive(10**9)

    def close_code(self) -> int:
        """Receive up to the end; the Close frame comes last."""
        *_, last = self.receive_all()
        assert isinstance(last, Close)
        return last.code

    def end(self) -> None:
        """Say that no more will come."""
        self.socket.shutdown(SHUT_WR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
