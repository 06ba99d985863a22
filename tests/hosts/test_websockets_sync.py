"""websockets in threads and under trio: they share the layer without I/O."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support import frames
from support.frames import text
from support.opening import request
from support.sansio_websockets import accelerated
from websockets.exceptions import ConnectionClosed
from websockets.protocol import SERVER, Protocol, State
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.sync.server import serve

RANDOM = random.Random(11)
MESSAGES: list[Any] = [
    *(RANDOM.randbytes(RANDOM.randrange(300)) for _ in range(50)),
    *("x" * 2**n for n in range(18)),
    "",
    b"",
    "äöü😀" * 10,
]


def echo(ws: Any) -> None:
    for message in ws:
        ws.send(message)


@contextlib.contextmanager
def serving(handler: Any, **options: Any) -> Iterator[int]:
    with serve(handler, "127.0.0.1", 0, close_timeout=1, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_accelerated_client_and_server_exchange_messages(compression):
    with (
        accelerated(),
        serving(echo, compression=compression) as port,
        connect(f"ws://127.0.0.1:{port}", compression=compression) as ws,
    ):
        for message in MESSAGES:
            ws.send(message)
            assert ws.recv() == message
        small = [message for message in MESSAGES if len(message) < 500]
        for message in small:
            ws.send(message)
        assert [ws.recv(timeout=10) for _ in small] == small
        ws.send(["in ", "pieces"])
        assert ws.recv() == "in pieces"
        assert ws.ping().wait(10)


def converse(yes: bool, stream: bytes) -> tuple[bytes, list[Any]]:
    """What the server writes, and what its handler meets."""
    met: list[Any] = []
    ended = threading.Event()

    def handler(ws: Any) -> None:
        ws.send("welcome")
        try:
            # Let the reading thread go first, or the two would race; what is no text is found out here.
            end = time.monotonic() + 0.5
            while ws.protocol.state is State.OPEN and time.monotonic() < end:
                time.sleep(0.01)
            met.extend(ws)
        except ConnectionClosed as exc:
            met.append((type(exc).__name__, str(exc), repr(exc.__cause__)))
        finally:
            ended.set()

    with accelerated(yes), serving(handler, max_size=1000) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            sock.sendall(request())
            received = b""
            while not received.endswith(b"welcome"):
                received += sock.recv(1)
            sock.sendall(stream)
            received = received.partition(b"\r\n\r\n")[2]
            with contextlib.suppress(ConnectionError):
                while data := sock.recv(1000):
                    received += data
        assert ended.wait(10)
    return received, met


@pytest.mark.parametrize(
    "last",
    [
        frames.close(1000, b"bye", key=frames.KEY),
        frames.frame(frames.TEXT, b"\xff", key=frames.KEY),
        frames.frame(frames.TEXT, b"x", rsv=1, key=frames.KEY),
        frames.header(frames.BINARY, 1001, key=frames.KEY),
    ],
    ids=["close", "not text", "reserved bit", "too big"],
)
def test_server_bytes_and_messages_are_the_same(last):
    ping = frames.frame(frames.PING, b"?", key=frames.KEY)
    stream = text("plain") * 5 + ping + text("x" * 1000) * 3 + last
    received, met = converse(True, stream)
    assert (received, met) == converse(False, stream)
    assert b"\x8a\x01?" in received
    assert met[:8] == ["plain"] * 5 + ["x" * 1000] * 3


def fail_to_send(yes: bool, senders: int) -> list[Any]:
    """What several threads meet which send to a peer that reads no more."""
    met: list[Any] = []
    go = threading.Barrier(senders)

    def send(ws: Connection) -> None:
        go.wait(10)
        try:
            ws.send("lost")
        except Exception as exc:
            met.append((type(exc).__name__, str(exc), repr(exc.__cause__)))

    ours, theirs = socket.socketpair()
    with accelerated(yes), ours, theirs:
        ws = Connection(ours, Protocol(SERVER))
        theirs.shutdown(socket.SHUT_RD)
        threads = [threading.Thread(target=send, args=[ws]) for _ in range(senders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ws.recv_events_thread.join()
    return met


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="such a pair notices it")
@pytest.mark.parametrize("senders", [1, 8])
def test_failing_send_raises_the_same_in_every_thread(senders, caplog):
    met, before = fail_to_send(True, senders), fail_to_send(False, senders)
    # Which cause is told to whom, of those that come too late, and who says so first, is a matter of chance.
    assert [one[:2] for one in met] == [one[:2] for one in before]
    assert len(met) == senders
    for way in met, before:
        assert any("BrokenPipeError" in cause for _, _, cause in way)
    assert not caplog.records


def test_accelerated_trio_connections_exchange_messages():
    trio = pytest.importorskip("trio")
    trio_server = pytest.importorskip("websockets.trio.server")
    trio_client = pytest.importorskip("websockets.trio.client")

    async def handler(ws: Any) -> None:
        async for message in ws:
            await ws.send(message)

    async def main() -> list[Any]:
        async with trio.open_nursery() as nursery:
            server = await nursery.start(
                lambda **kwargs: trio_server.serve(handler, 0, host="127.0.0.1", **kwargs)
            )
            port = server.listeners[0].socket.getsockname()[1]
            async with trio_client.connect(f"ws://127.0.0.1:{port}") as ws:
                got = []
                for message in MESSAGES:
                    await ws.send(message)
                    got.append(await ws.recv())
            nursery.cancel_scope.cancel()
        return got

    with accelerated():
        assert trio.run(main) == MESSAGES


@pytest.mark.skipif(not hasattr(Connection, "maybe_raise_legacy_warning"), reason="since websockets 17")
@pytest.mark.parametrize("call", [lambda ws: ws.recv(timeout=9), lambda ws: ws.send("x", text=True)])
def test_warning_about_the_client_blames_the_line_of_its_user(call: Any) -> None:
    def handler(ws: Any) -> None:
        ws.send("x")
        for _ in ws:
            pass

    with accelerated(), serving(handler) as port:
        ws = connect(f"ws://127.0.0.1:{port}", proxy=None)
        with pytest.warns(DeprecationWarning, match="context manager") as warned:
            call(ws)
        ws.close()
    assert [warning.filename for warning in warned] == [__file__]
