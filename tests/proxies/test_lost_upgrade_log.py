"""A proxy that does not pass Upgrade on: the server logs which line it lacks, once."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading

from wsframe.asyncio import serve
from wsframe.sync import serve as sync_serve

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
LINE = "proxy_set_header Upgrade $http_upgrade;"


async def handler(ws):
    pass


async def test_asyncio(caplog):
    caplog.set_level(logging.WARNING)
    async with serve(handler, "127.0.0.1", 0) as server:
        for _ in range(2):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(REQUEST)
            assert LINE in (await reader.read()).decode()
            writer.close()
    assert [LINE in record.getMessage() for record in caplog.records] == [True]


def test_threads(caplog):
    caplog.set_level(logging.WARNING)
    with sync_serve(handler, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for _ in range(2):
            with socket.create_connection(server.socket.getsockname()) as sock:
                sock.sendall(REQUEST)
                data = b""
                while more := sock.recv(2**16):
                    data += more
                assert LINE in data.decode()
        server.shutdown()
        thread.join()
    assert [LINE in record.getMessage() for record in caplog.records] == [True]
