"""Connections of websockets.asyncio: accelerated and not, all but the number of writes is the same."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import random
import socket
import ssl
import zlib
from typing import Any

import pytest
from support import frames
from support.frames import text
from support.opening import close, request
from support.raw_peer import PATIENT, Peer, Tapped, both, run, serving
from support.sansio_websockets import MAJOR, accelerated, is_added, since_14
from support.unhurried import unhurried
from websockets.asyncio import server as websockets_server
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import serve
from websockets.exceptions import ConcurrencyError, ConnectionClosed, ConnectionClosedError
from websockets.frames import Frame
from websockets.protocol import CLIENT, SERVER, Protocol

from wsframe import accelerate

END = text("done")
MESSAGES = [text(f"message {n}") for n in range(64)]
BURST = b"".join(MESSAGES)
PENDING_SIZE = 2**16  # bytes


def loops() -> list[Any]:
    found = [pytest.param(asyncio.new_event_loop, id="asyncio")]
    try:
        import uvloop
    except ImportError:
        return [*found, pytest.param(None, id="uvloop", marks=pytest.mark.skip("uvloop is not installed"))]
    return [*found, pytest.param(uvloop.new_event_loop, id="uvloop")]


async def echo(ws: Any) -> None:
    async for message in ws:
        await ws.send(message)


async def obey(ws: Any) -> None:
    """Do what the messages say: all that may happen between the messages of one read."""
    tasks = []
    async for message in ws:
        if message == "ping":
            await ws.ping(f"ping {len(tasks)}")
            tasks.append(asyncio.create_task(asyncio.sleep(0)))
        elif message == "pong":
            await ws.pong(b"pong")
        elif message == "pieces":
            await ws.send(["one ", "two"])
        elif message == "later pieces":

            async def pieces() -> Any:
                yield "one "
                await asyncio.sleep(0)
                yield "two"

            await ws.send(pieces())
        elif message == "nothing":
            await ws.send([])
        elif message == "big":
            await ws.send("x" * 100_000)
        elif message == "everybody":
            websockets_server.broadcast([ws], "everybody")
        elif message == "as binary":
            await ws.send("text", text=False)
        elif message == "views":
            await ws.send(bytearray(b"array"))
            await ws.send(memoryview(b"view"))
        elif message == "yield":
            await asyncio.sleep(0)
        elif message == "task":
            tasks.append(asyncio.create_task(ws.send("from a task")))
        elif message == "transport":
            ws.transport.write(frames.frame(frames.TEXT, b"past the protocol"))
        elif message == "wrong":
            for wrong in ({"a": 1}, 1, None, [1], ["a", b"b"]):
                with contextlib.suppress(TypeError, ConnectionClosed):
                    await ws.send(wrong)
        elif message == "fail":
            raise RuntimeError("as asked")
        elif message == "surrogate":
            await ws.send("\ud800")
        elif message == "close":
            await ws.close(1001, "as asked")
        elif message == "abort":
            ws.transport.abort()
        await ws.send(message)


ORDERS = (
    "ping",
    "pong",
    "pieces",
    "later pieces",
    "nothing",
    "big",
    "everybody",
    "as binary",
    "views",
    "yield",
    "task",
    "transport",
)
ENDS = ("wrong", "fail", "surrogate", "close")


@pytest.mark.parametrize("factory", loops())
def test_echo_of_a_burst_is_the_same(factory):
    seen = both(echo, BURST + END, factory=factory)
    assert [payload for _, payload in seen[:64]] == [f"message {n}".encode() for n in range(64)]


@pytest.mark.parametrize("factory", loops())
@pytest.mark.parametrize("seed", range(20))
def test_random_commands_give_the_same_bytes_in_order(seed, factory):
    rng = random.Random(seed)
    burst = b"".join(text(rng.choice([*ORDERS, "plain", "plain", "plain"])) for _ in range(40))
    both(obey, burst + END, text("alone") + END, factory=factory)


@pytest.mark.parametrize("order", [*ORDERS, *ENDS])
@pytest.mark.parametrize("before", [0, 1, 5])
def test_each_command_among_messages_gives_the_same_result(order, before):
    plain = text("plain")
    both(obey, plain * before + text(order) + plain * 3 + END)


@pytest.mark.parametrize("order", [*ORDERS, *ENDS])
def test_each_command_is_the_same_with_compression_not_negotiated(order):
    burst = text("plain") + text(order) + text("plain")
    both(obey, burst + END, compression="deflate")  # not negotiated: as a client that has none


@pytest.mark.parametrize(
    "between",
    [
        frames.frame(frames.PING, b"are you there", key=frames.KEY),
        frames.frame(frames.PONG, b"unasked", key=frames.KEY),
        frames.frame(frames.TEXT, b"frag", fin=False, key=frames.KEY)
        + frames.frame(frames.CONTINUATION, b"ments", key=frames.KEY),
        frames.frame(frames.TEXT, b"\xff", key=frames.KEY),
        frames.frame(frames.TEXT, b"x", rsv=4, key=frames.KEY),
        frames.frame(frames.TEXT, b"x"),
        frames.close(1000, b"bye", key=frames.KEY),
        frames.close(1005, key=frames.KEY),
        frames.header(frames.TEXT, 2**30, key=frames.KEY),
        frames.frame(3, key=frames.KEY),
    ],
    ids=[
        "ping",
        "pong",
        "fragments",
        "not text",
        "reserved bit",
        "unmasked",
        "close",
        "bad close",
        "huge",
        "opcode 3",
    ],
)
@pytest.mark.parametrize("before", [0, 1, 5])
def test_any_frame_among_messages_gives_the_same_result(between, before):
    both(echo, text("plain") * before + between + text("plain") * 3 + END)


@pytest.mark.parametrize("messages", [0, 1, 5])
def test_a_ping_gets_its_pong_at_once(messages):
    async def main() -> Any:
        ws = connected()
        ws.data_received(text("one") * messages + frames.frame(frames.PING, b"?", key=frames.KEY))
        return ws.transport.written

    assert alike(main) == [b"\x8a\x01?"]


@pytest.mark.parametrize("factory", loops())
def test_replies_to_a_burst_are_coalesced_into_one_write(factory, monkeypatch):
    unhurried(monkeypatch)
    sizes = []

    async def handler(ws: Any) -> None:
        await echo(ws)
        sizes.append([len(call) for call in ws.tap.calls if isinstance(call, bytes)])

    both(handler, BURST + END, factory=factory)
    plain, fast = sizes
    assert len(plain) == 1 + 65 + 1  # the response, the messages, the closing handshake
    assert fast == [plain[0], plain[1], sum(plain[2:-1]), plain[-1]]  # a tap is no socket: the first at once


@pytest.mark.parametrize("factory", loops())
@pytest.mark.parametrize("before", [0, 1])
def test_end_of_the_stream_is_seen_with_a_full_queue_and_a_close(factory, before):
    """More messages than the queue holds come in one read with a Close: the handler ends nevertheless."""

    async def main() -> Any:
        ended = asyncio.Event()

        async def handler(ws: Any) -> None:
            try:
                await echo(ws)
            finally:
                await ws.wait_closed()
                ended.set()

        async with serving(handler, close_timeout=None) as server, Peer.to(server) as peer:
            for _ in range(before):
                peer.send(END)
                await peer.frame()
            peer.send(BURST, frames.close(1000, key=frames.KEY))
            seen = await peer.frames()
            await close(peer.writer)
            await ended.wait()
            return seen

    assert run(main, factory=factory)[-1] == (0x88, b"\x03\xe8")


@pytest.mark.parametrize("factory", loops())
def test_close_of_a_client_ends_with_a_full_queue(factory):
    """The messages and the Close of the server come in one read, while the client waits for the Close."""

    async def handler(ws: Any) -> None:
        await ws.recv()
        ws.transport.write(b"".join(frames.frame(frames.TEXT, b"x") for _ in range(64)) + frames.close(1000))
        await ws.wait_closed()

    async def main() -> Any:
        async with serve(handler, "127.0.0.1", 0) as server:
            address = "ws://{}:{}".format(*server.sockets[0].getsockname())
            client = await connect(address, compression=None, close_timeout=None)
            await client.send("please")
            await client.close()
            return client.close_code

    assert run(main, factory=factory) == 1000


def test_single_message_is_sent_at_once():
    last = []

    async def handler(ws: Any) -> None:
        async for message in ws:
            await ws.send(message)
            last.append(ws.tap.calls[-1])

    both(handler, END, END)
    assert last == [b"\x81\x04done"] * 4


def test_accessing_the_transport_flushes():
    written = []

    async def handler(ws: Any) -> None:
        async for message in ws:
            await ws.send(message)
            assert ws.transport is ws.tap
            written.append(ws.tap.calls[-1])

    both(handler, BURST + END)
    assert written[:65] == written[65:]


def test_pending_data_stays_below_the_limit(monkeypatch):
    unhurried(monkeypatch)
    sizes = []

    async def handler(ws: Any) -> None:
        async for _ in ws:
            for _ in range(80):
                await ws.send(b"x" * 1000)
            await ws.send("done")
        sizes.append([len(call) for call in ws.tap.calls[1:] if isinstance(call, bytes)])

    both(handler, END * 2)
    assert max(sizes[0]) == 1004
    assert PENDING_SIZE < max(sizes[1]) <= PENDING_SIZE + 1004


def test_client_that_does_not_read_blocks_the_handler():
    """A handler whose client does not read comes to a stop, and loses nothing."""

    def measure(yes: bool) -> Any:
        sent = []

        async def flood(ws: Any) -> None:
            async for _ in ws:
                for n in range(400):
                    await ws.send(bytes([n % 256]) * 20_000)
                    sent.append(n)

        async def main() -> Any:
            async with serving(flood) as server:
                sock = socket.socket()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**14)
                sock.connect(server.sockets[0].getsockname()[:2])
                sock.setblocking(False)
                reader, writer = await asyncio.open_connection(sock=sock, limit=2**14)
                peer = Peer(reader, writer)
                writer.write(request())
                await reader.readuntil(b"\r\n\r\n")
                peer.send(text("a") * 2)
                [ws] = server.connections if hasattr(server, "connections") else server.websockets
                while not ws.paused:
                    await asyncio.sleep(0.001)
                stopped = len(sent)
                await asyncio.sleep(0.02)
                assert len(sent) == stopped < 400
                received = [await peer.frame() for _ in range(800)]
                peer.send(frames.close(1000, key=frames.KEY))
                await peer.frames()
                writer.close()
                return received

        return run(main, yes=yes)

    assert measure(True) == measure(False)


@pytest.mark.parametrize("burst", [1, 3])
def test_send_that_pauses_writing_waits(burst):
    """The transport says stop while it is written to: that very send waits, as do those that follow."""

    class Full(Nowhere):
        def write(self, data: Any) -> None:
            super().write(data)
            if not ws.paused:
                ws.pause_writing()

    async def main() -> Any:
        nonlocal ws
        ws = Connection(Protocol(SERVER))
        transport = Full()
        ws.connection_made(transport)
        ws.data_received(text("x") * burst)
        big = "x" * PENDING_SIZE
        tasks = [asyncio.create_task(ws.send(big)) for _ in range(3)]
        await asyncio.sleep(0.01)
        states = [task.done() for task in tasks]
        ws.resume_writing()
        await asyncio.gather(*tasks)
        return states, b"".join(transport.written)

    ws: Any = None
    assert alike(main)[0] == [False] * 3


def test_send_to_a_closing_transport_yields_to_the_loop():
    async def main() -> Any:
        ws = connected()
        ws.transport.closing = True
        iterations = []
        asyncio.get_running_loop().call_soon(iterations.append, "next")
        await ws.send("one")
        return iterations

    assert alike(main) == ["next"]


@pytest.mark.parametrize("error", [None, ConnectionResetError("reset by peer")])
def test_waiting_send_raises_when_the_connection_is_lost(error):
    class Full(Nowhere):
        def write(self, data: Any) -> None:
            super().write(data)
            ws.pause_writing()

    async def main() -> Any:
        nonlocal ws
        ws = Connection(Protocol(SERVER))
        ws.connection_made(Full())
        sending = asyncio.create_task(ws.send("one"))
        await asyncio.sleep(0)
        assert not sending.done()
        ws.connection_lost(error)
        (ended,) = await asyncio.gather(sending, return_exceptions=True)
        return ended and [(type(link), str(link)) for link in (ended, ended.__cause__, ended.__context__)]

    ws: Any = None
    ended = alike(main)
    assert ended is None if error is None else ended[0][0] is ConnectionClosedError


def test_paused_writing_within_a_burst_delays_send():
    async def handler(ws: Any) -> None:
        async for message in ws:
            if message == "pause":
                ws.pause_writing()
                task = asyncio.create_task(ws.send("waits"))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                assert not task.done()
                ws.resume_writing()
                await task
            await ws.send(message)

    both(handler, text("a") * 3 + text("pause") + text("b") * 3 + END)


@pytest.mark.parametrize("limit", [pytest.param(None, marks=since_14), 1, 16, (4, 2), (0, 0)])
def test_reading_pauses_and_resumes_alike(limit):
    calls = []

    async def handler(ws: Any) -> None:
        await echo(ws)
        calls.append([call for call in ws.tap.calls if isinstance(call, str)])

    both(handler, BURST + END, MESSAGES[0] + END, max_queue=limit)
    assert calls[0] == calls[1]
    assert bool(calls[0]) is (limit is not None)


class Nowhere(asyncio.Transport):
    """A transport over nothing, to call the methods of a connection in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True

    def close(self) -> None:
        self.abort()

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


def connected(side: Any = SERVER, cls: type[Connection] = Connection) -> Any:
    connection = cls(Protocol(side))
    connection.connection_made(Nowhere())
    return connection


def alike(main: Any) -> Any:
    """Run it both ways; the results must not differ."""
    before, after = run(main, yes=False), run(main, yes=True)
    assert after == before
    return after


def test_a_message_survives_a_cancelled_recv():
    async def main() -> Any:
        ws = connected()
        task = asyncio.create_task(ws.recv())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        late = asyncio.create_task(ws.recv())
        await asyncio.sleep(0)
        ws.data_received(text("one") + text("two"))
        late.cancel()  # in the same loop iteration in which the message came
        with pytest.raises(asyncio.CancelledError):
            await late
        return [await ws.recv(), await ws.recv()]

    assert alike(main) == ["one", "two"]


def test_a_fragmented_message_survives_a_cancelled_recv():
    async def main() -> Any:
        ws = connected()
        ws.data_received(frames.frame(frames.TEXT, b"one ", fin=False, key=frames.KEY))
        task = asyncio.create_task(ws.recv())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ws.data_received(frames.frame(frames.CONTINUATION, b"two", key=frames.KEY) + text("three"))
        return [await ws.recv(), await ws.recv()]

    assert alike(main) == ["one two", "three"]


def test_recv_with_a_timeout_loses_no_message():
    async def main() -> Any:
        ws, got = connected(), []

        async def feed() -> None:
            for n in range(50):
                ws.data_received(text(str(n)))
                await asyncio.sleep(random.Random(n).random() / 500)

        feeding = asyncio.create_task(feed())
        while len(got) < 50:
            with contextlib.suppress(asyncio.TimeoutError):
                got.append(await asyncio.wait_for(ws.recv(), 0.0005))
        await feeding
        return got

    assert alike(main) == [str(n) for n in range(50)]


def test_concurrent_recv_raises_concurrency_error():
    async def main() -> Any:
        ws = connected()
        first = asyncio.create_task(ws.recv())
        await asyncio.sleep(0)
        with pytest.raises(ConcurrencyError) as caught:
            await ws.recv()
        with pytest.raises(ConcurrencyError):
            await ws.recv_streaming().__anext__()
        ws.data_received(text("one"))
        return str(caught.value), await first

    assert alike(main)[1] == "one"


@pytest.mark.parametrize("decode", [None, True, False])
@pytest.mark.parametrize("side", [SERVER, CLIENT])
def test_recv_decodes_as_its_argument_says(decode, side):
    async def main() -> Any:
        ws = connected(side)
        key = frames.KEY if side is SERVER else None
        ws.data_received(
            frames.frame(frames.TEXT, b"text", key=key) + frames.frame(frames.BINARY, b"binary", key=key)
        )
        return [(type(got), got) for got in [await ws.recv(decode), await ws.recv(decode=decode)]]

    alike(main)


def test_recv_streaming_yields_frame_by_frame():
    async def main() -> Any:
        ws = connected()
        ws.data_received(text("a") + text("b"))
        ws.data_received(frames.frame(frames.TEXT, b"c", fin=False, key=frames.KEY))
        ws.data_received(frames.frame(frames.CONTINUATION, b"d", key=frames.KEY) + text("e"))
        messages = []
        for _ in range(3):
            messages.append([piece async for piece in ws.recv_streaming()])
        return messages, await ws.recv()

    assert alike(main) == ([["a"], ["b"], ["c", "d"]], "e")


@pytest.mark.parametrize("waiting", [False, True])
def test_recv_and_send_raise_the_same_after_connection_loss(waiting):
    async def main() -> Any:
        ws = connected()
        if not waiting:
            ws.data_received(text("still there"))
        task = asyncio.create_task(ws.recv())
        await asyncio.sleep(0)
        ws.connection_lost(OSError("gone"))
        outcome: list[Any] = []
        for wanted in (task, ws.recv(), ws.send("x")):
            try:
                outcome.append(await wanted)
            except ConnectionClosed as exc:
                outcome.append((type(exc), str(exc), repr(exc.__cause__), repr(exc.__context__)))
        return outcome

    alike(main)


@pytest.mark.parametrize("factory", loops())
def test_invalid_utf_8_closes_with_1007(factory):
    burst = text("plain") + frames.frame(frames.TEXT, b"a\xff", key=frames.KEY) + END
    if MAJOR < 14:  # recv() raises UnicodeDecodeError to the program, and the connection stays open
        seen = both(echo, burst, factory=factory)
        assert any(isinstance(part, list) and part[0][0] == "UnicodeDecodeError" for part in seen)
        return
    seen = both(echo, burst, factory=factory, close_timeout=PATIENT)
    assert (0x88, (1007).to_bytes(2, "big") + b"invalid start byte at position 1") in seen
    assert any(isinstance(part, list) and part[0][0] == "ConnectionClosedError" for part in seen)


def test_message_over_max_size_closes_with_1009():
    burst = text("x" * 50) * 2 + text("x" * 51) + END
    seen = both(echo, burst, max_size=50, close_timeout=PATIENT)
    assert next(frame for frame in seen if frame and frame[0] == 0x88)[1][:2] == (1009).to_bytes(2, "big")


METHODS = ("process_event", "send_data", "send_context", "drain")


class Minding(Tapped):
    """A subclass that overrides methods and counts their calls."""

    def process_event(self, event: Any) -> None:
        self.count("process_event", type(event) is Frame)
        super().process_event(event)

    def send_data(self) -> None:
        self.count("send_data")
        super().send_data()

    def send_context(self, **options: Any) -> Any:
        self.count("send_context")
        return super().send_context(**options)

    async def drain(self) -> None:
        self.count("drain")
        await super().drain()

    def count(self, *what: Any) -> None:
        vars(self).setdefault("counted", []).append(what)


@pytest.mark.parametrize("name", METHODS)
def test_overridden_methods_of_a_subclass_are_called(name):
    others = {other: getattr(Tapped, other) for other in vars(Minding) if other in METHODS and other != name}
    counts = []

    async def handler(ws: Any) -> None:
        await echo(ws)
        counts.append(vars(ws)["counted"])

    both(handler, BURST + END, create_connection=type("MindingOne", (Minding,), others))
    assert counts[0] == counts[1] != []


@pytest.mark.parametrize("when", ["before install", "after install"])
@pytest.mark.parametrize("name", ["send_data", "send", "recv", "process_event", "drain"])
def test_method_wrapped_by_somebody_else_sees_every_call(name, when, monkeypatch, capsys):
    """Instrumentation sees the same calls as without acceleration."""
    counted = []
    plain = getattr(Connection, name)

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        counted.append(name)
        return original(self, *args, **kwargs)

    async def main() -> Any:
        nonlocal original
        if when == "after install":
            original = getattr(Connection, name)
            monkeypatch.setattr(Connection, name, wrapper)
        ws = connected()
        ws.data_received(text("in"))
        await ws.recv()
        await ws.send("out")
        monkeypatch.undo()
        return counted

    original = plain
    if when == "before install":
        monkeypatch.setattr(Connection, name, wrapper)
    assert run(main) == [name] * (2 if name == "send_data" else 1)
    if when == "before install" and name != "process_event":
        assert f"Connection.{name} is not what websockets made it" in capsys.readouterr().err


def fail(*args: Any) -> None:
    raise ArithmeticError


def leave(*args: Any) -> None:
    pass


@pytest.mark.parametrize("name", ["send_text", "send_binary", "send_frame"])
@pytest.mark.parametrize("replacement", [fail, leave])
@pytest.mark.parametrize("count", [1, 3])
def test_replaced_protocol_method_is_called(count, replacement, name, monkeypatch):
    async def handler(ws: Any) -> None:
        messages = [await ws.recv() for _ in range(count)]
        with monkeypatch.context() as patch:
            patch.setattr(Protocol, name, replacement)
            for message in messages:
                await ws.send(message)
                await ws.send(message.encode())
        await ws.send("done")

    seen = both(handler, text("a") * count)
    assert seen.count((0x81, b"a")) + seen.count((0x82, b"a")) < 2 * count


def test_transport_is_missing_before_connection_made():
    async def main() -> Any:
        ws = Connection(Protocol(SERVER))
        with pytest.raises(AttributeError) as caught:
            _ = ws.transport
        ws.transport = transport = Nowhere()
        assert ws.transport is transport
        return str(caught.value)

    alike(main)


def test_failing_transport_write_raises_connection_closed():
    class Failing(Nowhere):
        def write(self, data: Any) -> None:
            if self.written:
                raise OSError("cannot write")
            super().write(data)

        def abort(self) -> None:
            if not self.closing:
                self.closing = True
                asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)

    async def main() -> Any:
        ws = Connection(Protocol(SERVER))
        transport: Any = Failing()
        transport.connection = ws
        ws.connection_made(transport)
        await ws.send("one")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.send("two")
        return transport.written, str(caught.value), repr(caught.value.__cause__)

    alike(main)


def test_pending_data_is_dropped_with_the_connection(monkeypatch):
    unhurried(monkeypatch)

    async def main() -> Any:
        ws = connected()
        ws.data_received(text("one") * 3)
        await ws.send("a")
        await ws.send("b")
        transport = ws._wsframe_transport
        assert transport.written == [b"\x81\x01a"]
        transport.closing = True
        await asyncio.sleep(0)
        assert transport.written == [b"\x81\x01a"]
        ws.connection_lost(None)
        await asyncio.sleep(0)

    run(main)


def test_pending_data_is_flushed_when_the_iteration_ends(monkeypatch):
    unhurried(monkeypatch)

    async def main() -> Any:
        ws = connected()
        ws.data_received(text("one") * 3)
        for message in "abc":
            await ws.send(message)
        written = ws._wsframe_transport.written
        assert written == [b"\x81\x01a"]
        await asyncio.sleep(0)
        assert written == [b"\x81\x01a", b"\x81\x01b\x81\x01c"]

    run(main)


def test_pushed_messages_take_two_writes_per_iteration(monkeypatch):
    unhurried(monkeypatch)

    async def main() -> Any:
        ws = connected()
        written = ws._wsframe_transport.written
        for _ in range(2):
            for message in "abc":
                await ws.send(message)
            await asyncio.sleep(0)
        assert written == [b"\x81\x01a", b"\x81\x01b\x81\x01c"] * 2

    run(main)


@pytest.mark.parametrize("first", [True, False])
def test_connections_outlive_install_and_uninstall(first):
    async def handler(ws: Any) -> None:
        async for message in ws:
            if message == "install":
                accelerate.install("websockets")
            elif message == "uninstall":
                accelerate.uninstall("websockets")
            await ws.send(message)

    async def main() -> Any:
        async with serving(handler) as server, Peer.to(server) as peer:
            orders = ["install", "uninstall", "install", "uninstall"][first:]
            for order in orders:
                stream = BURST + text(order) + BURST
                peer.send(stream[:-7])
                got = await peer.frames(128)
                assert got[:64] == [*got[65:], (0x81, b"message 63")]
                assert got[64] == (0x81, order.encode())
                peer.send(stream[-7:])
                assert await peer.frame() == (0x81, b"message 63")
            peer.send(frames.close(1000, key=frames.KEY))
            return await peer.frames()

    with accelerated(first):
        run(main, yes=first)


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("factory", loops())
def test_accelerated_client_and_server_exchange_messages(factory, compression):
    rng = random.Random(7)
    messages: list[Any] = [rng.randbytes(rng.randrange(300)) for _ in range(100)]
    messages += ["x" * 2**n for n in range(18)] + ["", b"", "äöü😀" * 10]
    rng.shuffle(messages)

    async def main() -> Any:
        async with serve(echo, "127.0.0.1", 0, compression=compression) as server:
            port = server.sockets[0].getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}", compression=compression) as ws:
                one_by_one = []
                for message in messages:
                    await ws.send(message)
                    one_by_one.append(await ws.recv())
                sending = [asyncio.create_task(ws.send(message)) for message in messages]
                at_once = [await ws.recv() for _ in messages]
                await asyncio.gather(*sending)
                assert await (await ws.ping()) >= 0
                return one_by_one, at_once

    assert run(main, factory=factory) == (messages, messages)


def test_compressed_burst_gives_the_same_frames():
    deflate = zlib.compressobj(wbits=-15)

    def compressed(message: bytes) -> bytes:
        body = (deflate.compress(message) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
        return frames.frame(frames.TEXT, body, rsv=4, key=frames.KEY)

    burst = b"".join(compressed(f"message {n}".encode()) for n in range(64))

    def converse(yes: bool) -> Any:
        async def main() -> Any:
            async with serving(echo, compression="deflate") as server:
                host, port = server.sockets[0].getsockname()[:2]
                reader, writer = await asyncio.open_connection(host, port)
                extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
                writer.write(request()[:-2] + extension)
                await reader.readuntil(b"\r\n\r\n")
                peer = Peer(reader, writer)
                peer.send(burst)
                got = await peer.frames(64)
                peer.send(frames.frame(frames.TEXT, b"\xff\xff\xff", rsv=4, key=frames.KEY))
                got += await peer.frames()
                writer.close()
                return got

        return run(main, yes=yes)

    got = converse(True)
    assert got == converse(False)
    assert [first for first, _ in got] == [0xC1] * 64 + [0x88]


def test_burst_over_tls_gives_the_same_frames():
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    both(obey, BURST + text("big") + text("ping") + END, ssl=(server, client))


@pytest.mark.parametrize("name", ["send", "recv", "data_received"])
def test_signatures_and_docstrings_are_kept(name):
    before = getattr(Connection, name)
    with accelerated():
        after = getattr(Connection, name)
        assert after is not before
        assert inspect.signature(after) == inspect.signature(before)
        assert inspect.iscoroutinefunction(after) == inspect.iscoroutinefunction(before)
        assert (after.__doc__, after.__qualname__) == (before.__doc__, before.__qualname__)


def test_uninstall_leaves_nothing_behind():
    before = {name: value for name, value in vars(Connection).items() if not is_added(name)}
    with accelerated():
        assert vars(Connection)["send"] is not before["send"]
    assert {name: value for name, value in vars(Connection).items() if not is_added(name)} == before
    assert "transport" not in before
