"""Connections of websockets.legacy: what the fast path must keep, and that it is taken."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from support.conversations import parsed
from support.frames import BINARY, CLOSE, CONTINUATION, KEY, PING, TEXT, compressed, frame, header
from support.legacy_pairs import Client, Server, accelerated, both, legacy, pair, run, status
from support.opening import request
from support.pairs import Peer
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

from wsframe import accelerate
from wsframe.accelerate.hosts._shared import coalesce

CONNECTION = legacy.WebSocketCommonProtocol
HELLO = frame(TEXT, b"hello", key=KEY)


def loops() -> list[Any]:
    found = [pytest.param(asyncio.new_event_loop, id="asyncio")]
    try:
        import uvloop
    except ImportError:
        return [*found, pytest.param(None, id="uvloop", marks=pytest.mark.skip("uvloop is not installed"))]
    return [*found, pytest.param(uvloop.new_event_loop, id="uvloop")]


def text(message: str, kind: Any = Server) -> bytes:
    return frame(TEXT, message.encode(), key=None if kind.is_client else KEY)


async def echo(ws: Any) -> None:
    async for message in ws:
        await ws.send(message)


async def disable_original_code(ws: Any) -> None:
    """Remove the methods that only the original code calls, once the connection waits for a message."""
    await asyncio.sleep(0)
    ws.read_data_frame = ws.ensure_open = ws.write_frame = None


def test_legacy_connections_are_accelerated():
    with accelerated():
        assert (status().active, status().why_not, status().coalesces) == (True, "", True)
    assert CONNECTION.recv.__globals__["__name__"] == "websockets.legacy.protocol"


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("kind", [Server, Client])
def test_the_fast_path_is_taken_in_both_directions(kind, deflate):
    async def main():
        async with pair(kind, deflate=deflate) as (ws, peer):
            await disable_original_code(ws)
            echoing = asyncio.ensure_future(echo(ws))
            key = None if kind.is_client else KEY
            await peer.send([frame(TEXT, b"alone", key=key), frame(BINARY, b"one of " * 99, key=key) * 50])
            if deflate:
                await peer.send([frame(TEXT, compressed(b"small"), rsv=4, key=key)])
            echoing.cancel()
            return len(parsed(bytes(peer.received)))

    assert run(main) == 52 + deflate


class Overriding(Server):
    """A class with methods that have nothing to do with single messages, as frameworks make them."""

    def connection_lost(self, exc: Any) -> None:
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.bytes = getattr(self, "bytes", 0) + len(data)
        super().data_received(data)

    async def recv(self) -> Any:
        return await super().recv()

    async def send(self, message: Any) -> None:
        await super().send(message)

    async def ping(self, data: Any = None) -> Any:
        return await super().ping(data)


def test_the_fast_path_is_taken_in_a_class_of_a_framework():
    async def main():
        async with pair(Overriding) as (ws, peer):
            await disable_original_code(ws)
            echoing = asyncio.ensure_future(echo(ws))
            await peer.send([HELLO, HELLO])
            echoing.cancel()
            return bytes(peer.received), ws.bytes

    assert run(main) == (frame(TEXT, b"hello") * 2, 2 * len(HELLO))


@pytest.mark.filterwarnings("ignore")  # both libraries call it deprecated
@pytest.mark.parametrize("factory", loops())
def test_the_fast_path_is_taken_in_the_class_of_uvicorn(factory):
    uvicorn = pytest.importorskip("uvicorn")
    from uvicorn.protocols.websockets.websockets_impl import WebSocketProtocol
    from uvicorn.server import ServerState

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        await disable_original_code(receive.__self__)
        while message["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})
            message = await receive()

    async def main():
        options: Any = {"lifespan": "off", "log_config": None, "loop": "none", "ws_ping_interval": None}
        config = uvicorn.Config(app, ws=WebSocketProtocol, **options)
        config.load()
        state = ServerState()
        ours, theirs = socket.socketpair()
        connection: Any = WebSocketProtocol(config, state, {})
        await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, ours)
        peer = await Peer.over(theirs, [])
        await peer.send([request(deflate=True), HELLO, HELLO * 50])
        _, _, received = bytes(peer.received).partition(b"\r\n\r\n")
        del connection.ensure_open, connection.write_frame, connection.read_data_frame
        await peer.leave()
        await asyncio.gather(*state.tasks, return_exceptions=True)
        await asyncio.gather(connection.close_connection_task, return_exceptions=True)
        return [first for first, _, _ in parsed(received)[:-1]]

    assert run(main, factory=factory) == [0xC1] * 51


@pytest.mark.parametrize("factory", loops())
def test_the_fast_path_is_taken_under_another_protocol(factory):
    """As a framework does that feeds a connection from a protocol of its own."""

    class Outer(asyncio.Protocol):
        def __init__(self) -> None:
            self.ws: Any = CONNECTION(ping_interval=None, close_timeout=0.1)
            self.ws.is_client, self.ws.side = False, "server"
            self.lost = asyncio.get_running_loop().create_future()

        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            self.ws.connection_made(transport)
            self.ws.connection_open()

        def data_received(self, data: bytes) -> None:
            self.ws.data_received(data)

        def connection_lost(self, exc: Any) -> None:
            self.ws.connection_lost(exc)
            self.lost.set_result(None)

        def eof_received(self) -> Any:
            return self.ws.eof_received()

        pause_writing = property(lambda self: self.ws.pause_writing)
        resume_writing = property(lambda self: self.ws.resume_writing)

    async def main():
        loop = asyncio.get_running_loop()
        made: list[Any] = []
        server = await loop.create_server(lambda: made.append(Outer()) or made[-1], "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        while not made or not hasattr(made[0], "transport"):
            await asyncio.sleep(0)
        await disable_original_code(made[0].ws)
        echoing = asyncio.ensure_future(echo(made[0].ws))
        writer.write(HELLO * 100)
        expected = frame(TEXT, b"hello") * 100
        received = await reader.readexactly(len(expected))
        echoing.cancel()
        writer.close()
        await made[0].lost
        server.close()
        return received == expected

    assert run(main, factory=factory)


@pytest.mark.parametrize(
    "name",
    ["transfer_data", "read_message", "read_data_frame", "read_frame", "ensure_open", "write_frame", "drain"],
)
@pytest.mark.parametrize("later", [False, True], ids=["in a subclass", "wrapped later"])
def test_an_overridden_method_that_the_fast_path_bypasses_is_called(name, later, monkeypatch):
    calls: list[str] = []
    original = getattr(CONNECTION, name)

    async def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return await getattr(CONNECTION, name if not later else "_original")(self, *args, **kwargs)

    async def main():
        async with pair(type("Mine", (Server,), {} if later else {name: noted})) as (ws, peer):
            if later:
                monkeypatch.setattr(CONNECTION, "_original", getattr(CONNECTION, name), raising=False)
                monkeypatch.setattr(CONNECTION, name, noted)
            echoing = asyncio.ensure_future(echo(ws))
            await peer.send([HELLO, HELLO * 3])
            echoing.cancel()
            monkeypatch.undo()
            return parsed(bytes(peer.received)), calls.copy()

    unaccelerated, _ = run(main, yes=False)
    calls.clear()
    sent, called = run(main)
    assert sent == unaccelerated and len(sent) == 5
    # The task that transfers data, and the message it waits for, were called before they were wrapped.
    assert len(called) >= {"transfer_data": 1, "ensure_open": 4, "write_frame": 4, "drain": 4}.get(
        name, 4
    ) - later * (1 if name in ("transfer_data", "read_message", "read_data_frame", "read_frame") else 0)
    assert getattr(CONNECTION, name) is original


@pytest.mark.parametrize("max_queue", [1, 32, None])
def test_unread_flood_pauses_reading_as_unaccelerated(max_queue):
    """The queue holds so many messages, the reader so many bytes, and then the transport reads no more."""

    async def main():
        async with pair(max_queue=max_queue) as (ws, peer):
            for _ in range(40):
                await peer.send([text("m" * 50) * 100])
            found = (len(ws.messages) if max_queue else None, ws.reader._paused)
            count = 0
            while count < 4000:
                assert await ws.recv() == "m" * 50
                count += 1
            return found, ws.reader._paused, len(ws.messages), len(ws.reader._buffer)

    (queued, paused), *rest = both(main)
    assert queued == max_queue and paused is (max_queue is not None)
    assert rest == [False, 0, 0]


def test_a_burst_longer_than_the_queue_comes_in_order():
    async def main():
        got = []
        async with pair(max_queue=4) as (ws, peer):
            await peer.send([b"".join(text(str(n)) for n in range(100))])
            for n in range(100):
                got.append(await ws.recv())
                if n % 3 == 0:
                    await asyncio.sleep(0)
        return got

    assert both(main) == [str(n) for n in range(100)]


@pytest.mark.parametrize("max_queue", [1, 2, 32])
@pytest.mark.parametrize("iterations", range(6))
def test_cancelled_recv_loses_no_message(iterations, max_queue):
    async def main():
        async with pair(max_queue=max_queue) as (ws, _):
            got = []
            for n in range(6):
                waiting = asyncio.ensure_future(ws.recv())
                await asyncio.sleep(0)
                ws.data_received(text(f"{n} a") + text(f"{n} b"))  # before the loop resumes anybody
                for _ in range(iterations):
                    await asyncio.sleep(0)
                waiting.cancel()
                ws.data_received(text(f"{n} c"))
                with contextlib.suppress(asyncio.CancelledError):
                    got.append(await waiting)
                while len(got) < 3 * n + 3:
                    got.append(await ws.recv())
            return got, ws.state, ws.transfer_data_task.done()

    for yes in (False, True):
        got, state, done = run(main, yes=yes)
        assert got == [f"{n} {letter}" for n in range(6) for letter in "abc"]
        assert state is legacy.State.OPEN and not done


def test_message_arriving_while_recv_is_cancelled_is_kept():
    async def main():
        async with pair() as (ws, peer):
            waiting = asyncio.ensure_future(ws.recv())
            await asyncio.sleep(0)
            waiting.cancel()
            await peer.send(
                [frame(TEXT, b"in ", fin=False, key=KEY) + frame(CONTINUATION, b"two", key=KEY), HELLO]
            )
            assert waiting.cancelled()
            return await ws.recv(), await ws.recv(), ws.state

    assert both(main) == ("in two", "hello", legacy.State.OPEN)


def test_concurrent_recv_raises_runtime_error():
    async def main():
        async with pair() as (ws, peer):
            waiting = asyncio.ensure_future(ws.recv())
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError) as info:
                await ws.recv()
            await peer.send([HELLO])
            return str(info.value), await waiting

    refused, message = both(main)
    assert "another coroutine is already waiting" in refused and message == "hello"


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(
    "end",
    [
        frame(CLOSE, b"\x03\xe8bye", key=KEY),
        frame(CLOSE, b"\x0b\xb8", key=KEY),
        b"\xff" * 9,
        b"\x81\x02",
        None,
    ],
)
def test_recv_raises_the_reason_the_connection_ended(end, waits):
    async def main():
        async with pair() as (ws, peer):
            receiving = asyncio.ensure_future(ws.recv()) if waits else None
            await asyncio.sleep(0)
            if end is None:
                await peer.leave()
            else:
                await peer.send([end])
            with pytest.raises(ConnectionClosed) as info:
                await (receiving or ws.recv())
            with pytest.raises(ConnectionClosed):
                await ws.recv()
            with pytest.raises(ConnectionClosed):
                await ws.send("too late")
            return type(info.value), str(info.value), repr(info.value.__cause__), parsed(bytes(peer.received))

    kind, told_why, *_ = both(main)
    assert kind is (ConnectionClosedOK if "received 1000" in told_why else ConnectionClosedError)


def test_legacy_recv_returns_none_at_the_end():
    async def main():
        async with pair() as (ws, peer):
            ws.legacy_recv = True
            receiving = asyncio.ensure_future(ws.recv())
            await peer.send([frame(CLOSE, b"\x03\xe8", key=KEY)])
            return await receiving, await ws.recv()

    assert both(main) == (None, None)


def test_messages_in_a_read_with_a_violation_get_no_reply():
    """A violation is met before the program sees the messages ahead of it, as with websockets alone."""

    async def main():
        async with pair() as (ws, peer):
            echoing = asyncio.ensure_future(echo(ws))
            await peer.send([HELLO * 3 + frame(TEXT, b"\xff", key=KEY) + HELLO])
            ended = (await asyncio.gather(echoing, return_exceptions=True))[0]
            return parsed(bytes(peer.received)), repr(ended), repr(ended.__cause__), ws.close_code

    sent, *_, code = both(main)
    assert [payload for _, _, payload in sent[:-1]] == [b"\x03\xef"] and code == 1006


SIZES = [0, 1, 125, 126, 65535, 65536, 300_000]


@pytest.mark.parametrize("limit", [0, 125, 126, 2**16, None, 1e6])
@pytest.mark.parametrize("kind", [Server, Client])
@pytest.mark.parametrize("cuts", [False, True], ids=["whole", "in pieces"])
def test_sizes_around_the_limit_give_the_same_result(kind, limit, cuts):
    def pieces(size: int) -> list[bytes]:
        data = frame(BINARY, bytes(size), key=None if kind.is_client else KEY)
        return [data[:1], data[1:3], data[3:7], data[7:]] if cuts else [data]

    async def main():
        found = []
        for size in SIZES:
            async with pair(kind, max_size=limit) as (ws, peer):
                receiving = asyncio.ensure_future(ws.recv())
                for piece in pieces(size):
                    await peer.send([piece])
                try:
                    message = await receiving
                    found.append((type(message), len(message), ws.reader._paused))
                except ConnectionClosed as exc:
                    found.append((str(exc), repr(exc.__cause__)))
        return found

    found = both(main)
    fits = [size for size in SIZES if limit is None or size <= limit]
    assert [one[1] for one in found if one[0] is bytes] == fits


@pytest.mark.parametrize("limit", [999, 1000, 1001, 50_000, None])
@pytest.mark.parametrize("form", ["small", "random", "bomb"])
def test_size_limit_applies_to_inflated_data(form, limit):
    rng = random.Random(1)
    data = {"small": b"x" * 1000, "random": rng.randbytes(1000), "bomb": bytes(100_000)}[form]

    async def main():
        async with pair(deflate=True, max_size=limit) as (ws, peer):
            receiving = asyncio.ensure_future(ws.recv())
            await peer.send([frame(BINARY, compressed(data), rsv=4, key=KEY) + HELLO])
            try:
                return len(await receiving), await ws.recv()
            except ConnectionClosed as exc:
                return str(exc), repr(exc.__cause__), ws.close_sent

    found = both(main)
    if limit is None or abs(limit - len(data)) > 10:  # close to the limit it depends on the version
        assert (found[0] == len(data)) is (limit is None or len(data) <= limit)


@pytest.mark.parametrize("resets", [(False, False), (True, False), (False, True), (True, True)])
def test_compression_contexts_follow_the_agreed_parameters(resets):
    from websockets.extensions.permessage_deflate import PerMessageDeflate
    from websockets.frames import Frame, Opcode

    words = [f"the same words again, {n % 3}".encode() * 3 for n in range(9)]

    async def main():
        client, server = PerMessageDeflate(*resets, 15, 15), PerMessageDeflate(*resets[::-1], 15, 15)
        async with pair(deflate=[server]) as (ws, peer):
            echoing = asyncio.ensure_future(echo(ws))
            for word in words:
                await peer.send([Frame(Opcode.TEXT, word).serialize(mask=True, extensions=[client])])
            echoing.cancel()
            *frames, rest = parsed(bytes(peer.received))
            assert not rest and {first for first, *_ in frames} == {0xC1}
            back = [client.decode(Frame(Opcode.TEXT, data, True, True)).data for _, _, data in frames]
            return list(map(bytes, back)), frames

    back, _ = both(main)
    assert back == words


def test_an_unknown_extension_sees_each_frame():
    from websockets.extensions.permessage_deflate import PerMessageDeflate

    class Mine(PerMessageDeflate):
        calls = 0

        def decode(self, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return super().decode(*args, **kwargs)

        def encode(self, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return super().encode(*args, **kwargs)

    async def main():
        mine = Mine(False, False, 15, 15)
        async with pair(deflate=[mine]) as (ws, peer):
            echoing = asyncio.ensure_future(echo(ws))
            await peer.send([HELLO * 2])
            echoing.cancel()
            return parsed(bytes(peer.received)), mine.calls

    assert both(main)[1] == 4


def test_debug_logging_shows_every_frame():
    async def main():
        lines: list[str] = []

        class Lines(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                lines.append(record.getMessage())

        async with pair(level=logging.DEBUG) as (ws, peer):
            ws.logger.logger.addHandler(Lines())
            echoing = asyncio.ensure_future(echo(ws))
            await peer.send([HELLO, HELLO * 2])
            echoing.cancel()
            return [line for line in lines if "TEXT" in line]

    assert len(both(main)) == 6


@pytest.mark.parametrize("factory", loops())
def test_send_waits_while_the_peer_does_not_read(factory):
    async def main():
        async with pair(write_limit=1000) as (ws, peer):
            peer.transport.pause_reading()
            sending = [asyncio.ensure_future(ws.send(f"{n} " + "x" * 500_000)) for n in range(senders)]
            await peer.rest()
            waiting = [not task.done() for task in sending]
            assert ws._paused
            peer.transport.resume_reading()
            await asyncio.gather(*sending)
            while len(peer.received) < senders * 500_012:
                await asyncio.sleep(0.001)
            return waiting, [payload[:2] for _, _, payload in parsed(bytes(peer.received))[:senders]]

    senders = 4 if "_drain_lock" in CONNECTION.__init__.__code__.co_names else 1  # since 16.0 one may wait
    assert both(main, factory=factory) == ([True] * senders, [b"0 ", b"1 ", b"2 ", b"3 "][:senders])


def test_send_waits_for_the_end_of_a_fragmented_message():
    async def main():
        async with pair() as (ws, peer):
            go = asyncio.Event()

            async def pieces() -> Any:
                yield "one "
                await go.wait()
                yield "two"

            sending = asyncio.ensure_future(ws.send(pieces()))
            await peer.rest()
            other = asyncio.ensure_future(ws.send("between?"))
            await peer.rest()
            go.set()
            await asyncio.gather(sending, other)
            await peer.rest()
            return parsed(bytes(peer.received))

    assert [payload for _, _, payload in both(main)[:-1]] == [b"one ", b"two", b"", b"between?"]


@pytest.mark.parametrize(
    "message",
    [
        "",
        b"",
        "é",
        bytearray(b"a"),
        memoryview(b"b"),
        ["a", "b"],
        [],
        "\ud800",
        5,
        None,
        {"a": 1},
        ["a", b"b"],
    ],
)
@pytest.mark.parametrize("kind", [Server, Client])
def test_any_message_is_sent_as_unaccelerated(kind, message):
    async def main():
        async with pair(kind) as (ws, peer):
            try:
                result = await ws.send(message)
            except Exception as exc:
                result = repr(exc)
            await peer.rest()
            return result, parsed(bytes(peer.received)), ws.state

    both(main)


def test_each_frame_has_a_new_key_from_the_secrets_module(monkeypatch):
    async def main():
        async with pair(Client) as (ws, peer):
            for _ in range(20):
                await ws.send("hello")
            await peer.rest()
            size = len(HELLO)
            keys = {bytes(peer.received[n * size + 2 : n * size + 6]) for n in range(20)}
            monkeypatch.setattr(secrets, "token_bytes", lambda count: KEY)
            await ws.send("hello")
            await peer.rest()
            monkeypatch.undo()
            return len(keys), bytes(peer.received[-size:])

    assert run(main) == (20, HELLO)


class Writes:
    """A transport that remembers what was written to it."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.written: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        self.written.append(bytes(data))
        self.transport.write(data)


def test_a_transport_that_forwards_all_calls_keeps_its_write():
    async def main():
        transport = Mock()  # as in the tests of libraries
        owner = SimpleNamespace()
        return coalesce.output_of(owner, transport, asyncio.get_running_loop()) is transport

    assert asyncio.run(main())


@pytest.mark.skipif(not coalesce.ENABLED, reason="WSFRAME_COALESCE=0")
@pytest.mark.parametrize("factory", loops())
def test_replies_to_one_read_are_coalesced(factory, monkeypatch):
    reads: list[int] = []

    async def main():
        async with pair() as (ws, peer):
            received = peer.data_received
            monkeypatch.setattr(peer, "data_received", lambda data: (reads.append(len(data)), received(data)))
            echoing = asyncio.ensure_future(echo(ws))
            await peer.send([HELLO * 30 + frame(PING, b"?", key=KEY) + HELLO])
            echoing.cancel()
            return parsed(bytes(peer.received))

    sent = both(main, factory=factory)
    assert len(sent) == 33
    reads.clear()
    run(main, factory=factory)
    assert len(reads) <= 3


def test_open_connections_survive_install_and_uninstall():
    async def main():
        got = []
        async with pair() as (ws, peer), pair(Client) as (_, _):
            echoing = asyncio.ensure_future(echo(ws))
            for yes in (True, False, True, False):
                await peer.send([HELLO])
                with accelerated(yes):
                    await peer.send([HELLO, HELLO * 40])
                    receiving = len(parsed(bytes(peer.received)))
                await peer.send([frame(PING, b"", key=KEY) + HELLO * 2])
                got.append(len(parsed(bytes(peer.received))) - receiving)
            await peer.send([frame(CLOSE, b"\x03\xe8", key=KEY)])
            await echoing
            return got, ws.close_code

    assert run(main, yes=False) == ([3] * 4, 1000)


PROGRAM = """
import sys, warnings
from wsframe import accelerate
accelerate.install("websockets")
import websockets.frames, websockets.http11
import websockets.extensions.permessage_deflate
assert "websockets.legacy" not in sys.modules
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import websockets.legacy.protocol
    first = len(caught)
    accelerate.uninstall("websockets")
    accelerate.install("websockets")
print(first, len(caught), [host.active for host in accelerate.status() if host.host == "websockets"])
"""


def test_install_does_not_import_websockets_legacy():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    first, caught, active = done.stdout.split()
    assert first == caught and active == "[True]", done
    assert not done.stderr


def test_method_wrapped_before_install_is_left_in_place(monkeypatch, capfd):
    original = CONNECTION.ensure_open

    async def traced(self: Any) -> None:
        await original(self)

    monkeypatch.setattr(CONNECTION, "ensure_open", traced)
    accelerate.install("websockets")
    try:
        assert "ensure_open" in status().why_not
        assert CONNECTION.recv.__globals__["__name__"] == "websockets.legacy.protocol"
    finally:
        accelerate.uninstall("websockets")
    assert "ensure_open" in capfd.readouterr().err


def test_incomplete_header_waits_and_invalid_one_fails_at_once():
    starts = [
        b"\x81",
        b"\x81\xfe",
        b"\x81\xfe\x00\x05",
        b"\x81\xff" + bytes(7),
        b"\x83",
        b"\x81\x05",
        b"\xc1\x85",
        b"\x01\x85",
    ]
    starts += [header(TEXT, 2**62, key=KEY), header(BINARY, 2**21, key=KEY), header(TEXT, 5, key=KEY)]

    async def main():
        found = []
        for start in starts:
            async with pair() as (ws, peer):
                await peer.send([start])
                found.append((ws.state, ws.close_sent))
        return found

    both(main)
