"""A client of the wire: it sends the bytes it is told to, and lists the frames that come back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from support import frames, loops
from support.opening import close, request
from support.sansio_websockets import accelerated
from websockets.asyncio.server import ServerConnection, serve

DONE = b"done"
PATIENT = 10  # seconds for a peer that ends the connection at once, on however busy a machine


class Peer:
    """The client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, server: Any, **options: Any) -> Any:
        host, port = server.sockets[0].getsockname()[:2]
        reader, writer = await asyncio.open_connection(host, port, **options)
        try:
            writer.write(request())
            await reader.readuntil(b"\r\n\r\n")
            yield cls(reader, writer)
        finally:
            await close(writer)

    def send(self, *data: bytes) -> None:
        self.writer.write(b"".join(data))

    async def frame(self) -> tuple[int, bytes] | None:
        """The first byte and the payload of the next frame; None at the end of the stream."""
        try:
            first, length = await self.reader.readexactly(2)
            if length >= 126:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
            return first, await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def frames(self, count: int | None = None) -> list[tuple[int, bytes]]:
        """The next frames, or all until the end."""
        found: list[tuple[int, bytes]] = []
        while len(found) != count and (frame := await self.frame()):
            found.append(frame)
        return found


class Tap:
    """A transport that remembers what was asked of it."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.calls: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        self.calls.append(bytes(data))
        self.transport.write(data)

    def pause_reading(self) -> None:
        self.calls.append("pause")
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        self.calls.append("resume")
        self.transport.resume_reading()


class Tapped(ServerConnection):
    """A connection over such a transport."""

    tap: Tap

    def connection_made(self, transport: Any) -> None:
        self.tap = Tap(transport)
        super().connection_made(self.tap)  # type: ignore[arg-type]


def run(main: Callable[[], Any], *, yes: bool = True, factory: Callable[[], Any] | None = None) -> Any:
    """Run a coroutine function, accelerated or not, on a loop of its own; a hang is a failure."""
    with accelerated(yes):
        return loops.run(main, factory)


def serving(handler: Any, **options: Any) -> Any:
    options = {
        "compression": None,
        "ping_interval": None,
        "create_connection": Tapped,
        "close_timeout": 0.2,
        **options,
    }
    return serve(handler, "127.0.0.1", 0, **options)


def converse(
    handler: Any, *bursts: bytes, yes: bool, factory: Any = None, ssl: Any = None, **options: Any
) -> Any:
    """Send each burst, read frames until DONE comes back, and close; list the frames, then what failed."""
    seen: list[Any] = []
    failed: list[Any] = []

    async def watched(ws: Any) -> None:
        try:
            await handler(ws)
        except Exception as exc:
            chain = exc, exc.__cause__, exc.__context__
            failed.append([(type(link).__name__, str(link)) for link in chain if link])

    async def main() -> list[Any]:
        async with (
            serving(watched, ssl=ssl and ssl[0], **options) as server,
            Peer.to(server, ssl=ssl and ssl[1]) as peer,
        ):
            for burst in bursts:
                peer.send(burst)
                while (frame := await peer.frame()) and frame != (0x81, DONE):
                    seen.append(frame)
                seen.append(frame)
            peer.send(frames.close(1000, key=frames.KEY))
            seen.extend(await peer.frames())
        return seen + failed

    return run(main, yes=yes, factory=factory)


def both(handler: Any, *bursts: bytes, **options: Any) -> Any:
    """Return the observations, which must not depend on the acceleration."""
    before = converse(handler, *bursts, yes=False, **options)
    after = converse(handler, *bursts, yes=True, **options)
    assert after == before
    return after
