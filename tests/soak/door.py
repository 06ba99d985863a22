"""How the load gets to an echo: it connects to a server, and clients connect to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from peer import Peer, within

REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class ServerDoor:
    """To a server, which listens on a port."""

    held = 0  # connections that wait

    def __init__(self, port: int) -> None:
        self._port = port

    async def dial(self, compress: bool) -> Peer:
        return await Peer.dial(self._port, compress=compress)

    async def for_the_tally(self) -> Peer:
        return await Peer.dial(self._port)

    async def shut(self) -> None: ...


class ClientDoor:
    """To a client, each of whose connections waits here until it is wanted."""

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._waiting: asyncio.Queue[Any] = asyncio.Queue()
        self._for_the_tally: asyncio.Queue[Any] = asyncio.Queue()
        self._writers: set[asyncio.StreamWriter] = set()  # of those in the queues

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, connections: int) -> AsyncIterator[tuple[ClientDoor, str]]:
        """Listen; give the door and its URL."""
        door = cls(connections)
        server = await asyncio.start_server(door._let_in, "127.0.0.1", 0)
        try:
            yield door, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            while door._writers:
                door._writers.pop().transport.abort()

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (EOFError, OSError):
            writer.transport.abort()
            return
        queue = self._for_the_tally if head.startswith(b"GET /tally ") else self._waiting
        queue.put_nowait((reader, writer, head))

    @property
    def held(self) -> int:
        return self._waiting.qsize()

    async def filled(self) -> None:
        """Wait until all the connections wait."""
        while self.held < self._connections:
            await asyncio.sleep(0.05)

    async def dial(self, compress: bool) -> Peer:
        return Peer.accept(*await self._next(self._waiting))

    async def for_the_tally(self) -> Peer:
        return Peer.accept(*await self._next(self._for_the_tally))

    async def _next(self, queue: asyncio.Queue[Any]) -> Any:
        reader, writer, head = await within(queue.get())
        self._writers.discard(writer)
        return reader, writer, head

    async def shut(self) -> None:
        """Refuse all the connections, for good."""
        for _ in range(self._connections):
            _, writer, _ = await self._next(self._waiting)
            writer.write(REFUSAL)
            writer.close()


Door = ServerDoor | ClientDoor
