"""tornado, accelerated: the same events, bytes, counters, close codes, log lines, on either side."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from support.conversations import conversations, parsed
from support.frames import BINARY, CLOSE, KEY, PING, TEXT, compressed, frame
from support.opening import close, request, serve_pieces
from support.unhurried import unhurried

from wsframe import accelerate
from wsframe.accelerate.hosts.tornado import HOST

websocket = pytest.importorskip("tornado.websocket")
from tornado.iostream import IOStream  # noqa: E402
from tornado.web import Application  # noqa: E402

Protocol = websocket.WebSocketProtocol13
ORIGINAL = {name: vars(Protocol)[name] for name in ("_receive_frame", "_write_frame", "write_message")}
# Before tornado 6.6, an error in a coroutine leaves the connection open: seconds to wait for its end.
LEFT_OPEN = 10 if websocket.tornado.version_info >= (6, 6) else 0.5


@pytest.fixture(autouse=True)
def joined(monkeypatch: pytest.MonkeyPatch) -> None:
    unhurried(monkeypatch)


@contextmanager
def accelerated(yes: bool = True) -> Iterator[None]:
    try:
        if yes:
            accelerate.install("tornado")
            assert not any(vars(Protocol)[name] is old for name, old in ORIGINAL.items())
        yield
    finally:
        accelerate.uninstall("tornado")
    assert {name: vars(Protocol)[name] for name in ORIGINAL} == ORIGINAL


@contextmanager
def logged() -> Iterator[list[Any]]:
    """The lines that tornado logs, without its access log, which contains the time."""
    lines: list[Any] = []
    handler = logging.Handler()

    def emit(record: logging.LogRecord) -> None:
        text = re.sub(r"0x[0-9a-f]+|Task-\d+", "...", record.getMessage())
        lines.append((record.name, record.levelname, text))

    handler.emit = emit  # type: ignore[method-assign]
    loggers = [logging.getLogger(f"tornado.{name}") for name in ("general", "application")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield lines
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.propagate = True


class Tap:
    """A socket that records what was sent, and whose results can be set."""

    def __init__(self, stream: Any) -> None:
        self.socket = stream.socket
        self.sent = bytearray()
        self.calls = 0
        self.results: list[Any] = []  # a number of bytes to take, or an error, for the next calls of send
        stream.socket = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.socket, name)

    def __repr__(self) -> str:  # it occurs in log lines
        return "<socket>"

    def send(self, data: Any) -> int:
        self.calls += 1
        reply = self.results.pop(0) if self.results else None
        if isinstance(reply, Exception):
            del data  # a stream that is to grow its buffer must not find it in a traceback
            raise type(reply)(*reply.args)
        count: int = self.socket.send(data if reply is None else data[:reply])
        self.sent += bytes(data[:count])
        return count


def run(main: Callable[[], Any], yes: bool) -> Any:
    """Run a coroutine function, accelerated or not; a hang is a failure."""
    with accelerated(yes), logged() as lines:
        seen = asyncio.run(asyncio.wait_for(main(), 20))
    return seen, lines


def both(main: Callable[[], Any]) -> Any:
    """Return the observations, which must not depend on the acceleration."""
    before, after = run(main, False), run(main, True)
    assert after == before
    return after


class Handler(websocket.WebSocketHandler):  # type: ignore[misc]
    """Does what the messages ask for, and remembers everything."""

    def initialize(
        self, made: list[Any], seen: list[Any], over: asyncio.Event, style: str, deflate: bool
    ) -> None:
        made.append(self)
        self.seen = seen
        self.over = over
        self.style = style
        self.deflate = deflate

    def get_compression_options(self) -> dict[str, Any] | None:
        return {} if self.deflate else None

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return subprotocols[-1] if subprotocols else None

    def open(self, *args: str) -> None:
        self.protocol = self.ws_connection
        self.tap = Tap(self.protocol.stream)
        self.seen.append(self.selected_subprotocol)

    def on_message(self, message: str | bytes) -> Any:
        self.seen.append(message)
        if self.style == "plain":
            self.reply(message)
            return None
        return self.reply_later(message)

    async def reply_later(self, message: str | bytes) -> None:
        if self.style == "slow":
            await asyncio.sleep(0)
        for future in self.reply(message):
            self.seen.append((future.done(), await future))

    def reply(self, message: str | bytes) -> list[Any]:
        if message == "raise":
            raise RuntimeError("as was asked for")
        if message == "close":
            self.close(3001, "as was asked for")
        if message == "ping":
            self.ping(b"from the server")
        if message == "twice":
            return [self.write_message(message), self.write_message({"a": message})]
        if message == "odd":
            return [self.write_message(value) for value in (bytearray(b"odd"), 5)]  # type: ignore[arg-type]
        return [self.write_message(message, binary=isinstance(message, bytes))]

    def on_ping(self, data: bytes) -> None:
        self.seen.append(("ping", data))

    def on_pong(self, data: bytes) -> None:
        self.seen.append(("pong", data))

    def on_close(self) -> None:
        self.seen.append(("close", self.close_code, self.close_reason))
        self.over.set()


def serve(
    pieces: list[bytes],
    style: str = "plain",
    *,
    deflate: bool = False,
    limit: int = 2**20,
    kind: type[Handler] = Handler,
    tls: tuple[ssl.SSLContext | None, ssl.SSLContext | None] = (None, None),
) -> Callable[[], Any]:
    """Make a conversation of a server with a client that sends these pieces and then closes."""

    async def main() -> Any:
        seen: list[Any] = []
        over = asyncio.Event()
        made: list[Handler] = []
        options = {"made": made, "seen": seen, "over": over, "style": style, "deflate": deflate}
        application = Application([("/", kind, options)], websocket_max_message_size=limit)
        server = application.listen(0, "127.0.0.1", ssl_options=tls[0])
        try:
            (listener,) = server._sockets.values()
            reader, writer = await asyncio.open_connection(*listener.getsockname(), ssl=tls[1])
            with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
                writer.write(request(deflate, b"Sec-WebSocket-Protocol: a, b\r\n"))
                await reader.readuntil(b"\r\n\r\n")
                for piece in [*pieces, frame(CLOSE, b"\x03\xe8", key=KEY)]:
                    writer.write(piece)
                    await writer.drain()
                    for _ in range(3):
                        await asyncio.sleep(0)
                await asyncio.wait_for(reader.read(-1), LEFT_OPEN)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(over.wait(), LEFT_OPEN)
            made[0].protocol.stream.close()
            await close(writer)
        finally:
            server.stop()
            await server.close_all_connections()
        protocol = made[0].protocol
        counters = {name: value for name, value in vars(protocol).items() if "_bytes_" in name}
        ends = protocol.client_terminated, protocol.server_terminated, repr(protocol.stream.error)
        return seen, parsed(bytes(made[0].tap.sent)), counters, ends

    return main


HELLO = frame(TEXT, b"hello", key=KEY)
PING_FRAME = frame(PING, b"p", key=KEY)
LARGE = frame(BINARY, b"x" * 70_000, key=KEY)


@given(
    conversations(KEY),
    st.sampled_from(["plain", "waits", "slow"]),
    st.booleans(),
    st.sampled_from([2**20, 50]),
)
@settings(max_examples=60, deadline=None)
@example([HELLO * 300], "plain", False, 2**20)
@example([HELLO * 300], "slow", False, 50)
@example([HELLO + frame(TEXT, b"x" * 60, key=KEY) + HELLO], "plain", False, 50)
@example([HELLO + frame(TEXT, b"close", key=KEY) + HELLO], "waits", False, 50)
@example([HELLO + frame(TEXT, b"raise", key=KEY) + HELLO], "waits", True, 50)
@example([frame(TEXT, compressed(b"x" * 60), rsv=4, key=KEY)], "plain", True, 50)
@example([frame(TEXT, compressed(b"twice"), rsv=4, key=KEY) * 3 + HELLO], "waits", True, 50)
@example([frame(TEXT, b"hello") + HELLO], "plain", False, 2**20)
@example([bytes([octet]) for octet in HELLO * 2], "plain", False, 2**20)
@example([LARGE * 2, HELLO, LARGE[:40_000], LARGE[40_000:] + HELLO * 3], "plain", False, 2**20)
@example([LARGE[:40_000], LARGE[40_000:], PING_FRAME, HELLO + LARGE, HELLO], "waits", True, 2**20)
@example([LARGE[:40_000], LARGE[40_000:], LARGE[1:], HELLO], "plain", False, 2**20)
def test_server_conversation_is_the_same(pieces: list[bytes], style: str, deflate: bool, limit: int) -> None:
    both(serve(pieces, style, deflate=deflate, limit=limit))


def test_server_conversation_really_takes_place() -> None:
    (seen, sent, counters, _), lines = both(serve([HELLO * 2, frame(PING, b"p", key=KEY)], "waits"))
    assert seen == [
        "b",
        "hello",
        (False, None),
        "hello",
        (False, None),
        ("ping", b"p"),
        ("close", 1000, None),
    ]
    hello = (0x81, False, b"hello")
    assert sent == [hello, hello, (0x8A, False, b"p"), (0x88, False, b"\x03\xe8"), b""]
    assert counters["_wire_bytes_in"] == len(HELLO) * 2 + 7 + 8
    assert lines == []


def play(
    pieces: list[bytes], *, deflate: bool = False, limit: int = 2**20, callback: bool = False
) -> Callable[[], Any]:
    """Make a conversation of a client with a server that sends these pieces; the client echoes."""

    async def main() -> Any:
        sent = bytearray()

        def on_message(message: Any) -> None:
            seen.append(message)
            if message is None:
                over.set()
            else:
                client.write_message(message, binary=isinstance(message, bytes))

        seen: list[Any] = []
        over = asyncio.Event()
        server = await asyncio.start_server(partial(serve_pieces, pieces, deflate), "127.0.0.1", 0)
        async with server:
            host, port = server.sockets[0].getsockname()
            options: dict[str, Any] = {"on_message_callback": on_message} if callback else {}
            client = await websocket.websocket_connect(
                f"ws://{host}:{port}",
                compression_options={} if deflate else None,
                max_message_size=limit,
                **options,
            )
            protocol = client.protocol
            tap = Tap(protocol.stream)
            while not callback and (message := await client.read_message()) is not None:
                seen.append(message)
                try:
                    await client.write_message(message, binary=isinstance(message, bytes))
                except websocket.WebSocketClosedError as exc:
                    seen.append(repr(exc))
            if callback:
                await over.wait()
            client.close()
            protocol.stream.close()  # an error of zlib leaves it open
            sent += tap.sent
        counters = {name: value for name, value in vars(protocol).items() if "_bytes_" in name}
        return seen, parsed(bytes(sent)), counters, client.close_code, client.close_reason

    return main


TO_CLIENT = frame(TEXT, b"hello")
LARGE_REPLY = frame(BINARY, b"x" * 70_000)


@given(conversations(None), st.booleans(), st.sampled_from([2**20, 50]), st.booleans())
@settings(max_examples=40, deadline=None)
@example([TO_CLIENT * 300], False, 2**20, False)
@example([TO_CLIENT * 300], False, 2**20, True)
@example([frame(BINARY, b"x" * 60) + TO_CLIENT], False, 50, True)
@example([LARGE_REPLY[:40_000], LARGE_REPLY[40_000:] + TO_CLIENT, TO_CLIENT * 3], False, 2**20, True)
@example([LARGE_REPLY * 2 + LARGE_REPLY[:9], LARGE_REPLY[9:], TO_CLIENT], False, 2**20, False)
def test_client_conversation_is_the_same(
    pieces: list[bytes], deflate: bool, limit: int, callback: bool
) -> None:
    both(play(pieces, deflate=deflate, limit=limit, callback=callback))


def test_a_client_exchanges_messages() -> None:
    pieces = [frame(TEXT, b"a") + frame(BINARY, b"b")]
    (seen, sent, counters, code, reason), lines = both(play(pieces, callback=True))
    assert seen == ["a", b"b", None]
    assert sent == [(0x81, True, b"a"), (0x82, True, b"b"), (0x88, True, b"\x03\xe8"), b""]
    assert (code, reason, lines) == (1000, "bye", [])
    assert counters["_wire_bytes_in"] == 3 + 3 + 7


class Sending(Handler):
    """On its first message it sends, with a socket whose results are set."""

    results: tuple[Any, ...] = ()
    counts: tuple[int, ...] = (5, 5, 5)

    async def on_message(self, message: str | bytes) -> None:  # type: ignore[override]
        self.tap.results += self.results
        futures = [self.write_message("x" * count) for count in self.counts if not self.protocol.is_closing()]
        self.seen.append([future.done() for future in futures])
        self.seen.extend(map(repr, await asyncio.gather(*futures, return_exceptions=True)))
        stream = self.protocol.stream
        self.seen.append((stream._total_write_index, stream._total_write_done_index, repr(stream.error)))


@pytest.mark.parametrize(
    "results",
    [
        (),
        (3,),
        (0,),
        (BlockingIOError(11, "not now"),),
        (1, BlockingIOError(11, "not now")),
        (None, 2),
        (ConnectionResetError(104, "gone"),),
        (BrokenPipeError(32, "gone"),),
        (OSError(5, "broken"),),
        (2, OSError(5, "broken")),
    ],
)
@pytest.mark.parametrize("counts", [(5, 5, 5), (5, 100_000, 5), (0,)])
def test_partial_socket_writes_are_the_same(results: tuple[Any, ...], counts: tuple[int, ...]) -> None:
    kind = type("Sending", (Sending,), {"results": results, "counts": counts})
    (seen, *_), _ = both(serve([HELLO], kind=kind))
    assert seen[1][0] is False


def test_writes_wait_for_a_peer_that_does_not_read() -> None:
    async def main() -> Any:
        futures: list[Any] = []

        class Flood(websocket.WebSocketHandler):  # type: ignore[misc]
            def on_message(self, message: str) -> None:
                futures.extend(self.write_message(bytes([n]) * 30_000, True) for n in range(250))

        server = Application([("/", Flood)]).listen(0, "127.0.0.1")
        try:
            (listener,) = server._sockets.values()
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(request())
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HELLO)
            while not futures:
                await asyncio.sleep(0.01)
            waiting = [future.done() for future in futures][-1]
            data = await reader.readexactly(250 * 30_004)
            await asyncio.gather(*futures)
            writer.close()
            return waiting, [payload[:1] for _, _, payload in parsed(data)[:-1]]
        finally:
            server.stop()
            await server.close_all_connections()

    (waiting, found), _ = both(main)
    assert not waiting
    assert found == [bytes([n]) for n in range(250)]


class Batch(Handler):
    """Replies at once, and records the outcome at the end."""

    results: tuple[Any, ...] = ()

    def open(self, *args: str) -> None:
        super().open(*args)
        self.tap.results += self.results
        self.futures: list[Any] = []

    def on_message(self, message: str | bytes) -> None:
        self.futures.append(self.write_message(message))
        self.seen.append(self.futures[-1].done())

    def on_close(self) -> None:
        self.telling = asyncio.ensure_future(self.report())

    async def report(self) -> None:
        outcomes = await asyncio.gather(*self.futures, return_exceptions=True)
        self.seen.append([type(outcome) for outcome in outcomes])
        stream = self.protocol.stream
        self.seen.append((stream._total_write_index, stream._total_write_done_index))
        super().on_close()


@pytest.mark.parametrize(
    "results", [(), (3,), (0,), (BlockingIOError(11, "not now"),), (1, BlockingIOError(11, "not now"))]
)
def test_partially_written_batch_is_completed(results: tuple[Any, ...]) -> None:
    kind = type("Batch", (Batch,), {"results": results})
    (seen, sent, *_), lines = both(serve([HELLO * 3], kind=kind))
    assert (seen[1:4], sent[:3], lines) == ([False] * 3, [(0x81, False, b"hello")] * 3, [])


@pytest.mark.parametrize("error", [ConnectionResetError(104, "gone"), OSError(5, "broken")])
def test_failed_batch_write_reports_its_error(error: OSError) -> None:
    kind = type("Batch", (Batch,), {"results": (error,)})
    (_, sent, _, ends), _ = both(serve([HELLO * 3], kind=kind))
    assert (sent, ends[2]) == ([b""], repr(error))


class Counting(Handler):
    """Tells how many messages each write took with it."""

    def on_close(self) -> None:
        self.seen.append(self.tap.calls)
        super().on_close()


@pytest.mark.parametrize(("style", "writes"), [("plain", 2), ("waits", 64)])
def test_replies_to_one_read_are_coalesced(style: str, writes: int) -> None:
    """But for the first, and unless each is waited for."""
    pieces = [HELLO * 64]
    (seen, *_), _ = run(serve(pieces, style, kind=Counting), True)
    assert seen[-2] == writes + 1  # and a Close
    (seen, *_), _ = run(serve(pieces, style, kind=Counting), False)
    assert seen[-2] == 65


@pytest.mark.parametrize("name", ["ping", "close", "stream"])
def test_no_frame_overtakes_pending_messages(name: str) -> None:
    class Own(Handler):
        def on_message(self, message: str | bytes) -> None:
            self.write_message("before")
            if name == "ping":
                self.ping(b"now")
            elif name == "close":
                self.close(3001)
            else:
                self.protocol.stream.write(frame(TEXT, b"now"))
                self.protocol.stream.close()

    (_, sent, *_), _ = both(serve([HELLO * 2], kind=Own))
    assert [payload for _, _, payload in sent[:2]] == [b"before", b"\x0b\xb9" if name == "close" else b"now"]


@pytest.mark.parametrize("attempt", range(8))
def test_close_is_sent_before_the_connection_is_reset(attempt: int) -> None:
    """tornado closes after the header of a message that is too big; what it has not read causes a reset."""

    async def main() -> None:
        made: list[Handler] = []
        options = {"made": made, "seen": [], "over": asyncio.Event(), "style": "waits", "deflate": False}
        server = Application([("/", Handler, options)], websocket_max_message_size=2**16).listen(
            0, "127.0.0.1"
        )
        loop = asyncio.get_running_loop()
        try:
            (listener,) = server._sockets.values()
            client = socket.create_connection(listener.getsockname())
            client.setblocking(False)
            with client:
                await loop.sock_sendall(client, request())
                received = b""
                while not received.endswith(b"\r\n\r\n"):
                    received += await loop.sock_recv(client, 2**16)
                await loop.sock_sendall(client, HELLO)
                with contextlib.suppress(ConnectionError):
                    await loop.sock_sendall(client, frame(BINARY, b"x" * 2**17, key=KEY))
                received = b""
                with contextlib.suppress(ConnectionError):
                    while data := await loop.sock_recv(client, 2**16):
                        received += data
            assert parsed(received)[:2] == [
                (0x80 | TEXT, False, b"hello"),
                (0x80 | CLOSE, False, b"\x03\xf1message too big"),
            ]
        finally:
            server.stop()
            await server.close_all_connections()

    run(main, True)


class Busy(Handler):
    """Takes its time over each message."""

    async def on_message(self, message: str | bytes) -> None:  # type: ignore[override]
        await asyncio.sleep(0.05)
        self.seen.append((message, self.protocol.is_closing()))
        await self.write_message(message)


@pytest.mark.parametrize("count", [1, 3])
def test_eof_is_noticed_only_after_a_busy_handler(count: int) -> None:
    """Nothing is read meanwhile, so nobody knows yet."""

    async def main() -> Any:
        made: list[Handler] = []
        seen: list[Any] = []
        over = asyncio.Event()
        options = {"made": made, "seen": seen, "over": over, "style": "", "deflate": False}
        server = Application([("/", Busy, options)]).listen(0, "127.0.0.1")
        try:
            (listener,) = server._sockets.values()
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(request())
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HELLO * count)
            await asyncio.sleep(0.02)
            writer.write_eof()
            await asyncio.wait_for(over.wait(), 10)
            writer.close()
        finally:
            server.stop()
            await server.close_all_connections()
        return seen, parsed(bytes(made[0].tap.sent))

    (seen, sent), lines = both(main)
    assert seen == [None, *[("hello", False)] * count, ("close", None, None)]
    assert (len(sent), lines) == (count + 1, [])


class Waiting(Handler):
    """Records after how many loop iterations a write is done, and when its waiters resume."""

    async def on_message(self, message: str | bytes) -> None:  # type: ignore[override]
        first, second = self.write_message("a"), self.write_message("b")
        second.cancel()
        iterations: list[Any] = []

        async def wait(future: Any) -> None:
            self.seen.append(await asyncio.gather(future, return_exceptions=True) == [None])
            iterations.append("resumed")

        waiter = asyncio.ensure_future(wait(first))
        for _ in range(6):
            iterations.append(first.done())
            await asyncio.sleep(0)
        await waiter
        self.seen.append((iterations, first.result(), second.cancelled()))


def test_write_future_completes_as_unaccelerated() -> None:
    (seen, *_), _ = both(serve([HELLO], kind=Waiting))
    iterations, *results = seen[2]
    assert (iterations[0], iterations[-1], results) == (False, True, [None, True])


@pytest.mark.parametrize("name", ["_read_bytes", "_receive_frame", "_handle_message", "_write_frame"])
@pytest.mark.parametrize("on", ["class", "object"])
def test_overridden_methods_are_called(name: str, on: str) -> None:
    calls: list[Any] = []

    class Own(Handler):
        def get_websocket_protocol(self) -> Any:
            protocol = super().get_websocket_protocol()
            inherited = getattr(type(protocol), name)

            def method(self: Any, *args: Any, **kwargs: Any) -> Any:
                calls.append((args, kwargs))
                return inherited(self, *args, **kwargs)

            if on == "class":
                protocol.__class__ = type("Own", (type(protocol),), {name: method})
            else:
                setattr(protocol, name, method.__get__(protocol))
            return protocol

    both(serve([HELLO * 2], kind=Own))
    half = len(calls) // 2
    assert calls[:half] == calls[half:] != []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["read_bytes", "write"])
def test_wrapped_stream_methods_are_called(monkeypatch: pytest.MonkeyPatch, when: str, name: str) -> None:
    calls: list[Any] = []
    method = getattr(IOStream, name)

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if b"\r\nDate: " not in bytes(args[0] if name == "write" else b""):  # the response contains the time
            calls.append((args, kwargs))
        return method(self, *args, **kwargs)

    monkeypatch.setattr(IOStream, name, wrapper)
    run(serve([HELLO * 2]), False)
    monkeypatch.undo()
    wanted, calls = calls, []
    if when == "before":
        monkeypatch.setattr(IOStream, name, wrapper)
        accelerate.install("tornado")
        (host,) = (line for line in accelerate.status() if line.host == "tornado")
        assert host.why_not == f"RuntimeError: IOStream.{name} is not what tornado made it"
        accelerate.uninstall("tornado")
    else:
        with accelerated():
            monkeypatch.setattr(IOStream, name, wrapper)
            asyncio.run(serve([HELLO * 2])())
        assert calls == wanted != []


def test_conversation_over_tls_is_the_same() -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    pieces = [HELLO * 3, HELLO[:5], HELLO[5:] + frame(BINARY, b"x" * 70_000, key=KEY) + HELLO]
    (seen, sent, *_), _ = both(serve(pieces, "waits", tls=(server, client)))
    assert len(seen) == 14
    assert len(sent) == 8


def test_replaced_urandom_provides_the_masking_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[int] = []
    real = os.urandom

    def urandom(size: int) -> bytes:
        keys.append(size)
        return real(size)

    monkeypatch.setattr(os, "urandom", urandom)
    both(play([frame(TEXT, b"a") * 3]))
    assert keys.count(4) == 2 * 4  # three messages and a Close


def test_every_client_frame_has_its_own_masking_key() -> None:
    with accelerated():
        client = Protocol(None, True, websocket._WebSocketParams())
        written: list[bytes] = []
        client.stream = type("Stream", (), {"write": lambda self, data: written.append(data)})()
        for _ in range(2000):
            client._write_frame(True, TEXT, b"the same text")
    assert len({data[2:6] for data in written}) > 1990


@pytest.mark.parametrize("patched", [False, True])
def test_fast_class_works_without_patching(patched: bool) -> None:
    with accelerated(patched):
        fast = accelerate.fast_class(Protocol)

    class Own(Handler):
        def get_websocket_protocol(self) -> Any:
            protocol = super().get_websocket_protocol()
            protocol.__class__ = fast
            return protocol

    pieces = [HELLO * 3, frame(TEXT, b"close", key=KEY)]
    assert issubclass(fast, Protocol)
    assert run(serve(pieces, kind=Own), patched) == run(serve(pieces), False)


def test_connections_survive_install_and_uninstall() -> None:
    async def main() -> Any:
        seen: list[Any] = []

        class Echo(websocket.WebSocketHandler):  # type: ignore[misc]
            def on_message(self, message: str) -> None:
                self.write_message(message)

        server = Application([("/", Echo)]).listen(0, "127.0.0.1")
        try:
            (listener,) = server._sockets.values()
            host, port = listener.getsockname()
            client = await websocket.websocket_connect(f"ws://{host}:{port}")
            for change in (accelerate.install, accelerate.uninstall) * 2:
                change("tornado")
                for text in ("one", "two"):
                    client.write_message(text)
                seen += [await client.read_message() for _ in range(2)]
            client.close()
            assert await client.read_message() is None
        finally:
            server.stop()
            await server.close_all_connections()
        return seen

    assert asyncio.run(main()) == ["one", "two"] * 4


def test_the_proof_fails_without_the_patch() -> None:
    with pytest.raises(RuntimeError, match=r"^the original code of tornado was called$"):
        HOST.load(HOST.prove)()
