"""Under `wsframe run` too: what was sent leaves while code blocks the loop, and before its process ends."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.frames import KEY, TEXT, frame
from support.opening import request
from support.processes import environment

from wsframe import backend

PROGRAM = Path(__file__).parents[1] / "support" / "scripted_servers.py"
HOSTS = {
    "aiohttp": "aiohttp",
    "autobahn": "autobahn",
    "hypercorn": "hypercorn",
    "tornado": "tornado",
    "tornado-coroutines": "tornado",
    "uvicorn-websockets-sansio": "uvicorn",
    "uvicorn-wsproto": "uvicorn",
    "websockets": "websockets",
}

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there a write may be pending longer"),
    pytest.mark.parametrize("loop", ["asyncio", "uvloop"]),
    pytest.mark.parametrize("host", HOSTS),
]
joined = pytest.mark.skipif(backend == "py", reason="without a thread a quick burst may wait for the loop")


@pytest.fixture
def opened(host: str, loop: str) -> Iterator[Callable[[], socket.socket]]:
    """Start a server under `wsframe run` and connect to it."""
    for module in {HOSTS[host], loop} - {"asyncio"}:
        if not find_spec(module):
            pytest.skip(f"no {module}")
    launch = [sys.executable, "-m", "wsframe", "run", "--", str(PROGRAM), host]
    pure = {"WSFRAME_PURE": "1"} if backend == "py" else {}
    variables = environment() | pure | {"OBEDIENT_LOOP": loop}
    with contextlib.ExitStack() as stack:

        def open_one() -> socket.socket:
            server = stack.enter_context(
                subprocess.Popen(launch, stderr=subprocess.PIPE, text=True, env=variables)
            )
            stack.callback(server.kill)
            assert server.stderr is not None
            port, said = None, []
            while port is None:
                line = server.stderr.readline()
                assert line, said
                said.append(line)
                port = re.search(r"(?:^port |127\.0\.0\.1:)(\d+)", line)
            client = stack.enter_context(socket.create_connection(("127.0.0.1", int(port[1]))))
            client.settimeout(20)
            client.sendall(request())
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            return client

        yield open_one


def exchange(client: socket.socket, messages: list[str], replies: int) -> None:
    """Have messages arrive in one read, and receive so many replies."""
    client.sendall(b"".join(frame(TEXT, message.encode(), key=KEY) for message in messages))
    expected = b"".join(frame(TEXT, message.encode()) for message in messages[:replies])
    got = b""
    while len(got) < len(expected) and (piece := client.recv(len(expected) - len(got))):
        got += piece
    assert got == expected


def test_server_replies_to_every_message_and_before_the_loop_blocks(
    opened: Callable[[], socket.socket],
) -> None:
    client = opened()
    for _ in range(3):
        exchange(client, ["a", "b", "c"] * 20, 60)
        exchange(client, ["one"], 1)
    exchange(client, ["block"], 1)


@joined
def test_replies_to_one_read_leave_while_the_loop_blocks(opened: Callable[[], socket.socket]) -> None:
    exchange(opened(), ["a", "b", "block", "c"], 3)


@joined
@pytest.mark.parametrize("end", ["exit", "kill"])
def test_replies_sent_before_the_process_ends_arrive(opened: Callable[[], socket.socket], end: str) -> None:
    client = opened()
    exchange(client, ["a", "b", end, "c"], 3)
    with contextlib.suppress(ConnectionResetError):  # it has not read everything
        assert client.recv(100) == b""
