"""The other end of an echo: it sends, checks that all comes back, and ends well or badly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Iterable
from typing import Any

from wsframe import Close, Pong, Role, encode_frame
from wsframe.connection import SansIOConnection
from wsframe.deflate import ClientPolicy, Deflate, ServerPolicy
from wsframe.handshake import (
    RequestReader,
    ResponseReader,
    accept,
    check_response,
    new_key,
    open_request,
    parse_uri,
)

TIMEOUT = 60  # seconds, for whatever the peer waits for
READ_SIZE = 2**16
NO_LINGER = struct.pack("ii", 1, 0)  # closing the socket resets the connection

Message = str | bytes


class Wrong(Exception):
    """Something unexpected arrived, or something expected did not."""


async def within(awaitable: Awaitable[Any]) -> Any:
    """Wait, but not for ever."""
    try:
        return await asyncio.wait_for(awaitable, TIMEOUT)
    except asyncio.TimeoutError:
        raise Wrong(f"nothing came in {TIMEOUT} s") from None


class Peer:
    """A connection after its handshake, on either side."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        role: Role,
        deflate: Deflate | None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._connection = SansIOConnection(role, deflate=deflate)
        self._compressed = deflate is not None

    @classmethod
    async def dial(cls, port: int, *, compress: bool = False) -> Peer:
        """Connect to a server."""
        key, policy = new_key(), ClientPolicy() if compress else None
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = open_request(parse_uri(f"ws://127.0.0.1:{port}/"), key, compression=policy)
        try:
            writer.write(request.serialize())
            head = await within(reader.readuntil(b"\r\n\r\n"))
            agreed = check_response(ResponseReader().feed(head), key, compression=policy)
        except BaseException:
            writer.transport.abort()
            raise
        return cls(reader, writer, Role.CLIENT, agreed.deflate)

    @classmethod
    def accept(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> Peer:
        """Accept a client."""
        request = RequestReader().feed(head)
        accepted = accept(
            request.method, request.http_version, request.headers.raw, compression=ServerPolicy()
        )
        writer.write(accepted.response)
        return cls(reader, writer, Role.SERVER, accepted.deflate)

    def send(self, *frames: bytes) -> None:
        """Send frames in one write."""
        self._writer.write(b"".join(frames))

    def frames(self, message: Message, pieces: int = 1) -> Iterable[bytes]:
        """Write a message; one of several pieces has a Ping amid them.

        Not where it is compressed: there tornado and wsproto lose their way.
        """
        if pieces == 1:
            yield self._connection.send(message)
            return
        size = len(message) // pieces + 1
        parts = [message[start : start + size] for start in range(0, len(message) or 1, size)]
        for number, frame in enumerate(self._connection.send_fragments(parts)):
            yield frame
            if number == 0 and not self._compressed:
                yield self._connection.ping(b"amid")

    def ping(self) -> bytes:
        return self._connection.ping(b"between")

    async def expect(self, messages: list[Message], pongs: int = 0) -> None:
        """Wait until these messages came back, in order, and so many Pongs, at any time."""
        waiting = iter(messages)
        missing = len(messages)
        while missing or pongs:
            for event in await self._events():
                if isinstance(event, Pong):
                    pongs -= 1
                elif isinstance(event, (str, bytes)):
                    expected = next(waiting, None)
                    missing -= 1
                    if event != expected:
                        raise Wrong(f"got {event[:40]!r}, expected {expected and expected[:40]!r}")
                elif isinstance(event, Close):
                    raise Wrong(f"closed with {event.code} {event.reason!r}, {missing} echoes missing")
        if pongs:
            raise Wrong(f"{-pongs} Pongs too many")

    async def ask(self, question: str) -> str:
        """Wait for the reply to a message that is not echoed."""
        self.send(*self.frames(question))
        while True:
            for event in await self._events():
                if isinstance(event, str):
                    return event

    async def _events(self) -> list[object]:
        connection = self._connection
        data = await within(self._reader.read(READ_SIZE))
        if not data:
            raise Wrong("the connection was lost")
        events = connection.receive(data)
        if connection.error:
            raise Wrong(f"broke a rule: {connection.error}")
        if connection.outgoing:
            self.send(*connection.outgoing)
            connection.outgoing.clear()
        return events

    async def close(self) -> None:
        """End as RFC 6455 has it, 7.1.2."""
        connection = self._connection
        self.send(connection.close(1000, "bye"))
        while connection.received is None:
            await self._events()
        if connection.received.code != 1000:
            raise Wrong(f"replied to 1000 with {connection.received.code}")
        if connection.role is Role.CLIENT:
            with contextlib.suppress(ConnectionResetError):  # a Pong was sent too late
                if await within(self._reader.read()):
                    raise Wrong("something came after the Close")
        await self._end()

    async def cut(self, *, reset: bool) -> None:
        """End in the middle of a frame."""
        key = b"key!" if self._connection.role is Role.CLIENT else None
        self.send(encode_frame(2, bytes(100), mask_key=key)[:50])
        if reset:
            self.reset()
            return
        self._writer.write_eof()
        with contextlib.suppress(ConnectionError):
            await within(self._reader.read())
        await self._end()

    def reset(self) -> None:
        """End without a word, unless it has ended."""
        sock = self._writer.get_extra_info("socket")
        if sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._writer.transport.abort()

    async def _end(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
