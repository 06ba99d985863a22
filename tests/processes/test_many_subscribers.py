"""5,000 connections with three topics each, on a server of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

SERVER = Path(__file__).parent / "subscribers_server.py"
COUNT = 5000

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.alone
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_many_subscribers_take_little_memory():
    import resource

    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < COUNT + 100:
        pytest.skip(f"only {most} open files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    command = [sys.executable, str(SERVER), str(COUNT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, most))
        stack.callback(process.kill)
        port = int(process.stdout.readline())
        clients = []
        for _ in range(COUNT):
            clients.append(stack.enter_context(socket.create_connection(("127.0.0.1", port))))
            clients[-1].sendall(REQUEST)
        size = int(process.stdout.readline())
        for client in clients:
            received = b""
            while not received.endswith(b"\x81\x05hello"):
                data = client.recv(4096)
                assert data, received
                received += data
        # 8 KiB compiled, on CPython 3.11; other versions, and the pure twin, take more.
        assert size < 16 * 2**10
