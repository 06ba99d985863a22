"""Random conversations with ASGI servers, accelerated and as they are: the same events, bytes, log lines."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
import uvicorn
from hypothesis import example, given, settings, strategies as st
from support.conversations import WISHES, conversations, parsed
from support.frames import CLOSE, KEY, PING, TEXT, compressed, frame
from support.hypercorn_connections import connection
from support.opening import request
from support.pairs import Peer
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from uvicorn.server import ServerState

from wsframe import accelerate

pytest.importorskip("hypercorn.asyncio.tcp_server")  # it is accelerated once that is imported
from hypercorn.config import Config

HOSTS = "hypercorn", "uvicorn", "websockets", "wsproto"
HELLO = frame(TEXT, b"hello", key=KEY)


@contextlib.contextmanager
def accelerated(yes: bool) -> Iterator[None]:
    try:
        if yes:
            accelerate.install(*HOSTS)
            assert {host.host for host in accelerate.status() if host.active} >= {*HOSTS}
        yield
    finally:
        accelerate.uninstall(*HOSTS)


class App:
    """Does what the messages ask for, and remembers everything."""

    def __init__(self, style: str) -> None:
        self.style = style
        self.seen: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
            await send({"type": "websocket.accept"})
            await self.converse(receive, send)
        except Exception as exc:
            self.seen.append(repr(exc))
            raise

    async def converse(self, receive: Any, send: Any) -> None:
        waiting: list[Any] = []
        while (event := await receive())["type"] == "websocket.receive":
            self.seen.append(event)
            waiting.append(event)
            if self.style == "slow":
                await asyncio.sleep(0)
            if self.style != "late" or len(waiting) == 3:
                for reply in [reply for event in waiting for reply in replies_to(event)]:
                    await send(reply)
                waiting.clear()
        self.seen.append(event)


def replies_to(event: Any) -> Iterator[Any]:
    """Yield the replies to a message."""
    text, octets = event.get("text"), event.get("bytes")
    if text == "raise":
        raise RuntimeError("as was asked for")
    if text == "close":
        yield {"type": "websocket.close", "code": 3001, "reason": "as was asked for"}
    elif text == "twice":
        yield {"type": "websocket.send", "text": text}
        yield {"type": "websocket.send", "bytes": b"again"}
    elif text == "odd":
        yield {"type": "websocket.send", "bytes": bytearray(b"odd")}
        yield {"type": "websocket.send", "text": "odd", "bytes": None}
    elif text is not None:
        yield {"type": "websocket.send", "text": text}
    else:
        yield {"type": "websocket.send", "bytes": octets}


@contextlib.asynccontextmanager
async def on_uvicorn(kind: Any, app: App, sock: socket.socket, limit: int) -> AsyncIterator[None]:
    options: Any = {"lifespan": "off", "log_config": None, "loop": "none", "ws_ping_interval": None}
    config = uvicorn.Config(app, ws=kind, ws_max_size=limit, **options)
    config.load()
    state = ServerState()
    protocol = kind(config=config, server_state=state, app_state={})
    await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, sock)
    yield
    await asyncio.gather(*state.tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def on_hypercorn(app: App, sock: socket.socket, limit: int) -> AsyncIterator[None]:
    config = Config()
    config.errorlog = None
    config.websocket_max_message_size = limit
    server = connection(app, config, *await asyncio.open_connection(sock=sock))
    task = asyncio.ensure_future(server.run())
    yield
    with contextlib.suppress(Exception):
        await task


SERVERS: dict[str, Callable[..., Any]] = {
    "uvicorn, wsproto": partial(on_uvicorn, WSProtocol),
    "uvicorn, websockets-sansio": partial(on_uvicorn, WebSocketsSansIOProtocol),
    "hypercorn": on_hypercorn,
}


async def converse(server: str, pieces: list[bytes], style: str, deflate: bool, limit: int) -> Any:
    """Let a peer send these pieces and then close; return the observations."""
    app = App(style)
    ours, theirs = socket.socketpair()
    async with SERVERS[server](app, ours, limit):
        peer = await Peer.over(theirs, app.seen)
        await peer.send([request(deflate)])
        await peer.send([*pieces, frame(CLOSE, b"\x03\xe8", key=KEY)])
        ended = await peer.leave()
    response, _, sent = bytes(peer.received).partition(b"\r\n\r\n")
    return response.partition(b"\r\n")[0], app.seen, parsed(sent), ended


def run(yes: bool, *args: Any) -> Any:
    lines: list[Any] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        with accelerated(yes):
            return asyncio.run(asyncio.wait_for(converse(*args), 20)), lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = True


def both(*args: Any) -> Any:
    """Return the observations, which must not depend on the acceleration."""
    before, after = run(False, *args), run(True, *args)
    assert after == before
    return after


@pytest.mark.parametrize("server", SERVERS)
@given(
    conversations(KEY),
    st.sampled_from(["plain", "slow", "late"]),
    st.booleans(),
    st.sampled_from([2**20, 50]),
)
@settings(deadline=None)
@example([HELLO * 300], "plain", False, 2**20)
@example([HELLO * 300], "slow", True, 50)
@example([HELLO + frame(TEXT, b"x" * 60, key=KEY) + HELLO], "plain", False, 50)
@example([HELLO + frame(TEXT, b"close", key=KEY) + HELLO], "slow", False, 50)
@example([HELLO + frame(TEXT, b"raise", key=KEY) + HELLO], "plain", True, 50)
@example([frame(TEXT, compressed(b"twice"), rsv=4, key=KEY) * 3 + HELLO], "plain", True, 50)
@example([frame(TEXT, b"hello") + HELLO], "plain", False, 2**20)
@example([bytes([octet]) for octet in HELLO * 2], "plain", False, 2**20)
@example([HELLO + frame(TEXT, b"\xff", key=KEY) + HELLO], "plain", False, 2**20)
@example([HELLO + frame(PING, b"?", key=KEY) + HELLO], "slow", False, 2**20)
def test_random_conversations_are_the_same(
    server: str, pieces: list[bytes], style: str, deflate: bool, limit: int
) -> None:
    both(server, pieces, style, deflate, limit)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("command", sorted({*WISHES}))
def test_each_command_among_messages_gives_the_same_result(server: str, command: bytes) -> None:
    (_, seen, sent, _), _ = both(
        server, [HELLO * 3 + frame(TEXT, command, key=KEY) + HELLO], "plain", False, 2**20
    )
    assert [event.get("text") for event in seen[:4]] == ["hello"] * 3 + [command.decode()]
    assert sent[:3] == [(0x81, False, b"hello")] * 3
