"""Connections to hosts, written by hand: the opening handshake (RFC 6455, 4), and a server with a plan."""

from __future__ import annotations

import asyncio
import contextlib
import re

from support.frames import CLOSE, frame

from wsframe import accept_key

DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


def request(deflate: bool = False, fields: bytes = b"") -> bytes:
    """The request of a client, with further header lines if given."""
    return (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    ) + (DEFLATE * deflate + fields + b"\r\n")


def response(asked: bytes, deflate: bool = False) -> bytes:
    """The response of a server that accepts a request."""
    (key,) = re.findall(rb"(?i)\r\nsec-websocket-key: *(\S+)\r\n", asked)
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n" + DEFLATE * deflate + b"\r\n"
    )


async def serve_pieces(
    pieces: list[bytes], deflate: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes:
    """Accept a client, send it the pieces and a Close frame, and return all that it sent."""
    got = bytearray()
    with contextlib.suppress(ConnectionError):
        writer.write(response(await reader.readuntil(b"\r\n\r\n"), deflate))
        for piece in [*pieces, frame(CLOSE, b"\x03\xe8bye")]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        while data := await reader.read(2**16):
            got += data
    await close(writer)
    return bytes(got)


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, which may be lost by now."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
