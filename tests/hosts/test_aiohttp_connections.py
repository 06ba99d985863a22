"""aiohttp, accelerated: the same messages, bytes, close codes and log lines, on either side."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from support.conversations import conversations, parsed
from support.frames import CLOSE, KEY, PING, TEXT, frame
from support.opening import close, request, serve_pieces

pytest.importorskip("aiohttp")

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web
from aiohttp.http_websocket import WebSocketWriter

from wsframe import accelerate
from wsframe.accelerate.hosts._shared import coalesce
from wsframe.accelerate.hosts.aiohttp.kinds import compresses

SEND_FRAME = "send_frame" if hasattr(WebSocketWriter, "send_frame") else "_send_frame"  # before 3.11
STYLES = ["async for", "receive", "busy", "at once"]
HELLO, TO_CLIENT = frame(TEXT, b"hello", key=KEY), frame(TEXT, b"hello")


def run(main: Callable[[list[Any]], Any], yes: bool) -> list[Any]:
    """Run a conversation, accelerated or not, and return all observations; a hang is a failure."""
    seen: list[Any] = []
    log = logging.Handler()
    log.emit = lambda record: lines.append(re.sub(r"0x[0-9a-f]+|Task-\d+|:\d+", "", record.getMessage()))  # type: ignore[method-assign]
    lines: list[Any] = []
    logger = logging.getLogger("aiohttp")
    logger.addHandler(log)
    logger.propagate = False
    try:
        if yes:
            accelerate.install("aiohttp")
            (status,) = [host for host in accelerate.status() if host.host == "aiohttp"]
            assert (status.active, status.why_not, status.coalesces) == (True, "", coalesce.ENABLED)
        asyncio.run(asyncio.wait_for(main(seen), 20))
    finally:
        accelerate.uninstall("aiohttp")
        logger.removeHandler(log)
        logger.propagate = True
    return [seen, lines]


def both(main: Callable[[list[Any]], Any]) -> list[Any]:
    """Return the observations, which must not depend on the acceleration."""
    before, after = run(main, False), run(main, True)
    assert after == before
    return after


async def reply(ws: Any, message: Any, seen: list[Any]) -> None:
    """Do what a message asks for."""
    if message.data == "raise":
        raise RuntimeError("as was asked for")
    if message.data == "close":
        await ws.close(code=3001, message=b"as was asked for")
    elif message.data == "ping":
        await ws.ping(b"from here")
    elif message.data == "twice":
        await asyncio.gather(ws.send_str("one"), ws.send_json(["two"]))
    elif message.data == "odd":
        # aiohttp announces items as bytes; behind a random key, what follows such a frame differs each time.
        items = "B" if ws._writer.use_mask else "H"
        for send, value in [
            (ws.send_str, b"x"),
            (ws.send_str, "\ud800"),
            (ws.send_bytes, "x"),
            (ws.send_bytes, bytearray(b"x")),
            (ws.send_bytes, memoryview(b"xyxy").cast(items)),
            (ws.send_str, type("Text", (str,), {})("x")),
        ]:
            try:
                await send(value)
            except Exception as exc:
                seen.append((type(exc), str(exc)))
        await ws.send_str("x", compress=9)
        await ws.send_bytes(b"x" * 2**15)
    elif message.type is WSMsgType.TEXT:
        await ws.send_str(message.data)
    elif message.type is WSMsgType.BINARY:
        await ws.send_bytes(message.data)


async def converse(ws: Any, style: str, seen: list[Any]) -> None:
    """Take all messages, in one of the ways a program has."""

    def note(message: Any) -> None:
        seen.append((message.type, repr(message.data), repr(message.extra)))

    try:
        if style == "async for":
            async for message in ws:
                note(message)
                await reply(ws, message, seen)
        while not ws.closed:
            message = await ws.receive(timeout=9 if style == "receive" else None)
            note(message)
            if style == "busy":
                await asyncio.sleep(0)
            if style == "at once":
                more = [asyncio.ensure_future(ws.receive()) for _ in range(2)]
                for one in await asyncio.gather(*more, return_exceptions=True):
                    seen.append(str(one) if isinstance(one, Exception) else note(one))
            await reply(ws, message, seen)
    except Exception as exc:
        seen.append((type(exc), str(exc)))
        raise
    finally:
        seen.append((ws.closed, ws.close_code, repr(ws.exception())))


def serve(pieces: list[bytes], style: str, *, deflate: bool = False, limit: int = 2**20) -> Any:
    """Make a conversation of a server with a client that sends these pieces and then closes."""

    async def main(seen: list[Any]) -> None:
        over = asyncio.Event()

        async def handler(request: web.Request) -> web.WebSocketResponse:
            ws = web.WebSocketResponse(max_msg_size=limit, compress=deflate, timeout=1)
            try:
                await ws.prepare(request)
                await converse(ws, style, seen)
            finally:
                over.set()
            return ws

        app = web.Application()
        app.router.add_get("/", handler)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0])
        got = b""
        with contextlib.suppress(ConnectionError):
            writer.write(request(deflate))
            await reader.readuntil(b"\r\n\r\n")
            for piece in [*pieces, frame(CLOSE, b"\x03\xe8", key=KEY)]:
                writer.write(piece)
                await writer.drain()
                for _ in range(3):
                    await asyncio.sleep(0)
            await over.wait()
            while data := await asyncio.wait_for(reader.read(2**16), 10):
                got += data
        await close(writer)
        await runner.cleanup()
        seen.append(parsed(got))

    return main


@given(conversations(KEY), st.sampled_from(STYLES), st.booleans(), st.sampled_from([2**20, 50]))
@settings(max_examples=60, deadline=None)
@example([HELLO * 300], "async for", False, 2**20)
@example([HELLO * 300], "at once", False, 2**20)
@example([HELLO * 3 + frame(PING, b"p", key=KEY) + HELLO], "busy", True, 2**20)
@example([HELLO + frame(TEXT, b"close", key=KEY) + HELLO], "async for", False, 2**20)
@example([HELLO + frame(TEXT, b"raise", key=KEY) + HELLO], "receive", False, 2**20)
@example([HELLO + frame(TEXT, b"odd", key=KEY) + HELLO], "async for", False, 2**20)
@example([HELLO + frame(TEXT, b"x" * 60, key=KEY) + HELLO], "async for", False, 50)
def test_server_conversation_is_the_same(pieces: list[bytes], style: str, deflate: bool, limit: int) -> None:
    both(serve(pieces, style, deflate=deflate, limit=limit))


def connect(pieces: list[bytes], style: str, *, deflate: bool = False, limit: int = 2**20) -> Any:
    """Make a conversation of a client with a server that sends these pieces."""

    async def main(seen: list[Any]) -> None:
        over = asyncio.get_running_loop().create_future()

        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            over.set_result(await serve_pieces(pieces, deflate, reader, writer))

        async with await asyncio.start_server(peer, "127.0.0.1", 0) as server, ClientSession() as session:
            host, port = server.sockets[0].getsockname()
            with contextlib.suppress(Exception):
                async with session.ws_connect(
                    f"http://{host}:{port}", max_msg_size=limit, compress=15 if deflate else 0
                ) as ws:
                    assert type(ws) is ClientWebSocketResponse
                    await converse(ws, style, seen)
            await session.close()
            got = await over
        seen.append(parsed(got))

    return main


@given(conversations(None), st.sampled_from(STYLES), st.booleans(), st.sampled_from([2**20, 50]))
@settings(max_examples=60, deadline=None)
@example([TO_CLIENT * 300], "async for", False, 2**20)
@example([TO_CLIENT * 300], "busy", True, 2**20)
@example([TO_CLIENT + frame(TEXT, b"odd") + TO_CLIENT], "async for", False, 2**20)
def test_client_conversation_is_the_same(pieces: list[bytes], style: str, deflate: bool, limit: int) -> None:
    both(connect(pieces, style, deflate=deflate, limit=limit))


def test_server_conversation_really_takes_place() -> None:
    (seen, lines) = both(serve([HELLO * 2], "async for"))
    hello = (0x81, False, b"hello")
    assert seen[-1][:2] == [hello, hello]
    assert seen[0] == (WSMsgType.TEXT, "'hello'", "''")
    assert lines == []


@pytest.mark.parametrize(
    ("owner", "name"), [(web.WebSocketResponse, "receive"), (WebSocketWriter, SEND_FRAME)]
)
def test_wrapped_method_sees_every_call(owner: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    converse = serve([HELLO * 5], "async for")

    async def main(seen: list[Any]) -> None:
        inner, calls = getattr(owner, name), 0

        async def outer(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            return await inner(*args, **kwargs)

        with monkeypatch.context() as patches:
            patches.setattr(owner, name, outer)
            await converse(seen)
        seen.append(calls)

    (seen, _) = both(main)
    assert seen[-1] == 6  # and the Close


@pytest.mark.parametrize("deflate", [False, True], ids=["uncompressed", "deflate"])
def test_a_large_message_among_small_ones_of_an_iteration_arrives_whole(deflate: bool) -> None:
    if deflate and not compresses():
        pytest.skip("before 3.9.4 aiohttp compresses without a lock, and itself garbles them")
    large = random.Random(1).randbytes(6_000_000)

    async def main(seen: list[Any]) -> None:
        async def handler(request: web.Request) -> web.WebSocketResponse:
            ws = web.WebSocketResponse(compress=deflate, max_msg_size=0)
            await ws.prepare(request)
            await asyncio.gather(ws.send_str("a"), ws.send_bytes(large), ws.send_str("b"), ws.send_str("c"))
            await ws.close()
            return ws

        app = web.Application()
        app.router.add_get("/", handler)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        async with (
            ClientSession() as session,
            session.ws_connect(f"http://{host}:{port}/", max_msg_size=0, compress=15 * deflate) as ws,
        ):
            seen.extend([message.data async for message in ws])
            seen.append(ws.close_code)
        await runner.cleanup()

    # aiohttp compresses the large one in a thread; before 3.13.2 the others wait until that is done.
    overtakes = deflate and hasattr(WebSocketWriter, "_get_compressor")
    messages = ["a", "b", "c", large] if overtakes else ["a", large, "b", "c"]
    assert both(main)[0] == [*messages, 1000]
