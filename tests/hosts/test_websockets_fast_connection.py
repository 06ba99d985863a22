"""`recv` of websockets.asyncio that waits for a message which arrives alone: the compiled fast path."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest
from support import frames
from support.frames import text
from support.raw_peer import PATIENT, Peer, both, run, serving
from support.sansio_websockets import MAJOR, since_14
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConcurrencyError, ConnectionClosed

from wsframe import accelerate, backend

compiled = pytest.mark.skipif(backend == "py", reason="the pure twin has no such fast path")
BIG = 2**17  # bytes: more than one read


def loops() -> list[Any]:
    found = [pytest.param(asyncio.new_event_loop, id="asyncio")]
    try:
        import uvloop
    except ImportError:
        return found
    return [*found, pytest.param(uvloop.new_event_loop, id="uvloop")]


async def echo(ws: Any) -> None:
    async for message in ws:
        await ws.send(message)


async def ask(peer: Any, *messages: bytes) -> list[bytes]:
    """Send messages, each after the reply to the one before it; return the replies."""
    replies = []
    for message in messages:
        peer.send(message)
        _, payload = await peer.frame()
        replies.append(payload)
    return replies


def alike(main: Callable[[], Any], factory: Any = None) -> Any:
    """Run a coroutine function with and without acceleration; return its result, which must be the same."""
    plain, fast = (run(main, yes=yes, factory=factory) for yes in (False, True))
    assert plain == fast
    return fast


@contextlib.asynccontextmanager
async def talking(handler: Any, **options: Any) -> Any:
    options = {"create_connection": ServerConnection, **options}
    async with serving(handler, **options) as server, Peer.to(server) as peer:
        yield peer


async def one_by_one(handler: Any, *messages: bytes, **options: Any) -> list[bytes]:
    async with talking(handler, **options) as peer:
        replies = await ask(peer, *messages)
        peer.send(frames.close(1000, key=frames.KEY))
        await peer.frames()
        return replies


@pytest.mark.parametrize("factory", loops())
def test_messages_one_by_one_are_the_same(factory: Any) -> None:
    messages = [text(f"message {n}") for n in range(20)]
    messages[5:5] = [
        text(""),
        text("ä€😀"),
        frames.frame(frames.BINARY, bytes(range(256)), key=frames.KEY),
        frames.frame(frames.BINARY, bytes(70_000), key=frames.KEY),
    ]
    replies = alike(lambda: one_by_one(echo, *messages, max_size=2**20), factory)
    assert replies[0] == b"message 0" and replies[6] == "ä€😀".encode() and len(replies[8]) == 70_000


@pytest.mark.parametrize(
    "options",
    [{"max_queue": 0}, pytest.param({"max_queue": None}, marks=since_14), {"max_queue": 1}, {"max_size": 9}],
)
def test_limits_are_the_same(options: dict[str, Any]) -> None:
    alike(lambda: one_by_one(echo, *[text("message")] * 5, **options))


def test_message_over_the_limit_fails_the_connection() -> None:
    options: dict[str, Any] = {"create_connection": ServerConnection, "close_timeout": PATIENT}
    seen = both(echo, text("done"), text("too long for 9"), max_size=9, **options)
    assert seen[-1][0][0] == "ConnectionClosedError"


@pytest.mark.parametrize("factory", loops())
def test_pieces_of_a_frame_and_large_ones_between_messages(factory: Any) -> None:
    async def main() -> list[bytes]:
        async with talking(echo, max_size=None) as peer:
            replies = await ask(peer, text("one"), text("two"))
            for size in (5, BIG, 5, BIG, *[5] * 40):
                frame = frames.frame(frames.BINARY, b"x" * size, key=frames.KEY)
                peer.send(frame[:3])
                await peer.writer.drain()
                await asyncio.sleep(0.001)
                replies += await ask(peer, frame[3:], text("after"))
            return replies

    assert len(alike(main, factory)) == 90


@pytest.mark.parametrize("factory", loops())
def test_cancelled_recv_loses_no_message(factory: Any) -> None:
    async def handler(ws: Any) -> None:
        for timeout in (0.001, None, 0.001, None):
            try:
                message = await asyncio.wait_for(ws.recv(), timeout)
            except asyncio.TimeoutError:
                await ws.send("late")
            else:
                await ws.send(message)

    async def main() -> list[bytes]:
        async with talking(handler) as peer:
            replies = [(await peer.frame())[1]]
            replies += await ask(peer, text("first"))
            replies.append((await peer.frame())[1])
            return replies + await ask(peer, text("second"))

    assert alike(main, factory) == [b"late", b"first", b"late", b"second"]


def test_recv_that_is_cancelled_when_its_message_arrives_leaves_it() -> None:
    async def handler(ws: Any) -> None:
        await ws.send(await ws.recv())
        waiting = asyncio.ensure_future(ws.recv())
        await asyncio.sleep(0)
        waiting.cancel()
        ws.data_received(text("while cancelled"))
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        await ws.send(await ws.recv())

    async def main() -> list[bytes]:
        async with talking(handler) as peer:
            replies = await ask(peer, text("first"))
            return [*replies, (await peer.frame())[1]]

    assert alike(main) == [b"first", b"while cancelled"]


def test_second_recv_at_a_time_raises() -> None:
    async def handler(ws: Any) -> None:
        await ws.send(await ws.recv())
        first = asyncio.ensure_future(ws.recv())
        await asyncio.sleep(0)
        for call in (ws.recv, ws.recv_streaming().__anext__, lambda: ws.recv(decode=False)):
            with pytest.raises(ConcurrencyError):
                await call()
        await ws.send("waits")
        await ws.send(await first)

    async def main() -> list[bytes]:
        async with talking(handler) as peer:
            replies = await ask(peer, text("first"))
            replies.append((await peer.frame())[1])
            return replies + await ask(peer, text("second"))

    assert alike(main) == [b"first", b"waits", b"second"]


@pytest.mark.parametrize("end", ["close", "eof", "abort", "invalid"])
@pytest.mark.parametrize("factory", loops())
def test_end_of_a_connection_while_recv_waits(end: str, factory: Any) -> None:
    seen: list[str] = []

    async def handler(ws: Any) -> None:
        await ws.send(await ws.recv())
        for _ in range(2):
            try:
                await ws.recv()
            except ConnectionClosed as exc:
                seen.append(str(exc))

    async def main() -> list[str]:
        seen.clear()
        async with talking(handler) as peer:
            await ask(peer, text("first"))
            if end == "close":
                peer.send(frames.close(1001, b"bye", key=frames.KEY))
            elif end == "invalid":
                peer.send(frames.frame(frames.TEXT, b"\xff", key=frames.KEY))
            elif end == "eof":
                peer.writer.write_eof()
            else:
                peer.writer.transport.abort()
            await peer.frames()
        return list(seen)

    raised = alike(main, factory)
    if not (end == "invalid" and MAJOR < 14):  # where recv() raises UnicodeDecodeError
        assert len(raised) == 2


def test_other_uses_of_recv_are_the_same() -> None:
    async def handler(ws: Any) -> None:
        await ws.send(await ws.recv())
        await ws.send(repr(await ws.recv(decode=False)))
        await ws.send(repr([part async for part in ws.recv_streaming()]))
        await ws.send(repr(await asyncio.shield(ws.recv())))
        await ws.send(repr(await asyncio.gather(ws.recv(), asyncio.sleep(0, "slept"))))

    replies = alike(lambda: one_by_one(handler, *[text(f"message {n}") for n in range(5)]))
    assert replies[1:3] == [b"b'message 1'", b"['message 2']"]


def test_tasks_run_in_the_order_of_the_events() -> None:
    async def handler(ws: Any) -> None:
        order: list[str] = []

        async def wait(what: Any, name: str) -> None:
            await what
            order.append(name)

        await ws.send(await ws.recv())
        for burst in ("PM", "MP"):
            pong = await ws.ping(b"?")
            tasks = [asyncio.ensure_future(wait(pong, "P")), asyncio.ensure_future(wait(ws.recv(), "M"))]
            await asyncio.sleep(0)
            parts = {"P": frames.frame(frames.PONG, b"?", key=frames.KEY), "M": text("message")}
            ws.data_received(b"".join(parts[part] for part in burst))
            await asyncio.gather(*tasks)
        await ws.send("".join(order))

    async def main() -> list[tuple[int, bytes]]:
        async with talking(handler) as peer:
            await ask(peer, text("first"))
            return await peer.frames(3)  # type: ignore[no-any-return]

    assert alike(main)[-1][1] == b"PMMP"


@pytest.mark.parametrize("debug", [False, True])
def test_debug_mode_of_the_loop(debug: bool) -> None:
    async def main() -> list[bytes]:
        asyncio.get_running_loop().set_debug(debug)
        return await one_by_one(echo, *[text("message")] * 3)

    assert alike(main) == [b"message"] * 3


def test_uninstall_and_install_while_recv_waits() -> None:
    async def main() -> list[bytes]:
        async with talking(echo) as peer:
            replies = await ask(peer, text("1"), text("2"))
            accelerate.uninstall("websockets")
            replies += await ask(peer, text("3"), text("4"))
            accelerate.install("websockets")
            replies += await ask(peer, text("5"), text("6"))
            return replies

    assert run(main) == [b"1", b"2", b"3", b"4", b"5", b"6"]


def test_wrapper_that_is_installed_while_recv_waits_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bytes] = []
    kind: Any = Connection

    async def main() -> list[bytes]:
        async with talking(echo) as peer:
            replies = await ask(peer, text("1"), text("2"))
            original = kind.data_received

            def wrapper(self: Any, data: bytes) -> None:
                calls.append(data)
                original(self, data)

            monkeypatch.setattr(kind, "data_received", wrapper)
            replies += await ask(peer, text("3"), text("4"))
            monkeypatch.undo()
            return replies

    assert run(main) == [b"1", b"2", b"3", b"4"]
    assert calls == [text("3"), text("4")]


def test_reading_pauses_and_resumes() -> None:
    async def handler(ws: Any) -> None:
        await ws.send(await ws.recv())
        await asyncio.sleep(0)
        ws.transport.pause_reading()
        await ws.send("paused")
        await asyncio.sleep(0.01)
        assert not ws.recv_messages.frames.queue
        ws.transport.resume_reading()
        await echo(ws)

    async def main() -> list[bytes]:
        async with talking(handler) as peer:
            replies = await ask(peer, text("1"))
            replies.append((await peer.frame())[1])
            replies += await ask(peer, text("2"), text("3"))
            return replies

    assert alike(main) == [b"1", b"paused", b"2", b"3"]


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts references")
@pytest.mark.parametrize("end", ["close", "eof", "handler"])
def test_connection_refers_to_no_fast_path_after_its_end(end: str) -> None:
    async def main() -> Any:
        connections: list[Any] = []

        async def handler(ws: Any) -> None:
            connections.append(ws)
            async for message in ws:
                await ws.send(message)
                if end == "handler" and message == "2":
                    return

        async with talking(handler) as peer:
            await ask(peer, text("1"), text("2"))
            if end == "eof":
                peer.writer.write_eof()
            else:
                peer.send(frames.close(1000, key=frames.KEY))
            await peer.frames()
        return connections[0]._wsframe_fast

    assert run(main) is None


@compiled
@pytest.mark.skipif(sys.platform == "win32", reason="there the socket is read by the transport")
def test_socket_is_read_without_the_transport() -> None:
    async def main() -> tuple[list[bytes], int]:
        connections: list[Any] = []

        async def handler(ws: Any) -> None:
            connections.append(ws)
            await echo(ws)

        async with talking(handler) as peer:
            await ask(peer, text("1"), text("2"))
            reads = 0
            (ws,) = connections
            original = ws.transport._read_ready_cb

            def read() -> None:
                nonlocal reads
                reads += 1
                original()

            ws.transport._read_ready_cb = read
            replies = await ask(peer, *[text("3")] * 5)
            return replies, reads

    assert run(main) == ([b"3"] * 5, 0)


@compiled
def test_reset_by_the_peer_is_reported_once() -> None:
    errors: list[Any] = []

    async def handler(ws: Any) -> None:
        await ws.send(await ws.recv())
        with contextlib.suppress(ConnectionClosed):
            await ws.recv()
        errors.append((type(ws.protocol.close_exc), ws.protocol.close_code))

    async def main() -> list[Any]:
        errors.clear()
        async with talking(handler) as peer:
            await ask(peer, text("1"))
            sock = peer.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            peer.writer.transport.abort()
        return list(errors)

    assert len(alike(main)) == 1
