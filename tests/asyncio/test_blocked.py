"""What was sent leaves while the code of the application blocks the loop, and before its process ends."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.frames import KEY, TEXT, frame

from wsframe import backend

PROGRAM = Path(__file__).with_name("blocking.py")
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
KINDS = ["handler", "listener", "uvicorn"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there a write may be pending longer")
joined = pytest.mark.skipif(backend == "py", reason="without a thread a quick burst may wait for the loop")


@pytest.fixture
def opened(loop_name: str) -> Iterator[Callable[[str], socket.socket]]:
    """Start a server of a kind and connect to it."""
    with ExitStack() as stack:

        def open_one(kind: str) -> socket.socket:
            command = [sys.executable, str(PROGRAM), kind, loop_name]
            server = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            )
            stack.callback(server.kill)
            assert server.stdout is not None
            client = socket.create_connection(("127.0.0.1", int(server.stdout.readline())))
            stack.enter_context(client)
            client.settimeout(20)
            client.sendall(REQUEST)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            return client

        yield open_one


def said(client: socket.socket, *numbers: int) -> None:
    """Receive these replies, and nothing before them."""
    expected = b"".join(frame(TEXT, b"said %d" % number) for number in numbers)
    got = b""
    while len(got) < len(expected) and (piece := client.recv(len(expected) - len(got))):
        got += piece
    assert got == expected


def send_in_one_read(client: socket.socket, *messages: str) -> None:
    """Have these messages arrive in one read."""
    client.sendall(b"".join(frame(TEXT, message.encode(), key=KEY) for message in messages))


@pytest.mark.parametrize("kind", KINDS)
def test_message_sent_before_the_loop_blocks_leaves_at_once(opened, kind: str) -> None:
    client = opened(kind)
    send_in_one_read(client, "say block")
    said(client, 0)


@joined
@pytest.mark.parametrize("kind", KINDS)
def test_later_messages_of_an_iteration_leave_while_the_loop_blocks(opened, kind: str) -> None:
    client = opened(kind)
    send_in_one_read(client, "say say say block")
    said(client, 0, 1, 2)


@joined
@pytest.mark.parametrize("kind", KINDS)
def test_replies_to_one_read_leave_while_the_loop_blocks(opened, kind: str) -> None:
    client = opened(kind)
    send_in_one_read(client, "say", "say say", "say block", "say")
    said(client, 0, 0, 1, 0)


@joined
@pytest.mark.parametrize("kind", ["handler", "listener"])
def test_pushed_messages_leave_while_the_loop_blocks(opened, kind: str) -> None:
    client = opened(kind)
    send_in_one_read(client, "say push say say broadcast say block")
    said(client, 0, 0, 1, 2, 3)


@joined
@pytest.mark.parametrize("end", ["exit", "kill"])
@pytest.mark.parametrize("kind", KINDS)
def test_messages_sent_before_the_process_ends_arrive(opened, kind: str, end: str) -> None:
    client = opened(kind)
    send_in_one_read(client, "say", "say say", f"say {end}", "say")
    said(client, 0, 0, 1, 0)
    assert client.recv(100) == b""
