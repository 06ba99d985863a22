"""A peer over a pair of sockets, in an event loop that runs until nothing happens any more.

No test waits for the time, and none depends on it: what is slow only gets more loop iterations.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

ITERATIONS = 30  # more than any host needs from one event to the next


class Peer(asyncio.Protocol):
    """Sends bytes, and remembers what it is sent.

    Args:
        seen: where the other side notes what it sees.
    """

    transport: asyncio.Transport

    def __init__(self, seen: list[Any]) -> None:
        self._seen = seen
        self.received = bytearray()
        self.ended = False

    @classmethod
    async def over(cls, sock: socket.socket, seen: list[Any]) -> Peer:
        _, peer = await asyncio.get_running_loop().create_connection(lambda: cls(seen), sock=sock)
        return peer

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True

    async def send(self, pieces: Iterable[bytes]) -> None:
        """Send pieces that arrive one by one; then rest."""
        for piece in pieces:
            self.transport.write(piece)
            for _ in range(3):
                await asyncio.sleep(0)
        await self.rest()

    async def rest(self) -> None:
        """Run the event loop until nothing happens any more, except what waits for the time."""
        before: Any = None
        while before != (before := (len(self._seen), len(self.received), self.ended)):
            for _ in range(ITERATIONS):
                await asyncio.sleep(0)

    async def leave(self) -> bool:
        """Drop the connection; return whether the other side had ended it."""
        ended = self.ended
        self.transport.abort()
        await self.rest()
        return ended
