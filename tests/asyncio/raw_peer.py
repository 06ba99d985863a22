"""A peer that sends raw bytes: also what well-behaved peers never send."""

from __future__ import annotations

import asyncio
import socket
import zlib

from wsframe import Opcode, encode_frame
from wsframe.deflate import ClientPolicy
from wsframe.handshake import new_key, open_request, parse_uri

KEY = b"mask"


def frame(opcode, payload=b"", **options):
    """A frame as a client sends it."""
    return encode_frame(opcode, payload, mask_key=KEY, **options)


def deflated(data):
    """The payload of a compressed message."""
    deflater = zlib.compressobj(9, wbits=-15)
    return (deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


def compressed_frame(data, opcode=Opcode.TEXT):
    return frame(opcode, deflated(data), rsv=4)


async def open_raw(server, *, compression=False, receive_buffer=None, limit=2**16):
    """Shake hands with a server; what follows is up to the caller."""
    host, port = server.sockets[0].getsockname()[:2]
    sock = socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (host, port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=limit)
    policy = ClientPolicy(client_max_window_bits=None) if compression else None
    writer.write(open_request(parse_uri(f"ws://{host}:{port}"), new_key(), compression=policy).serialize())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer
