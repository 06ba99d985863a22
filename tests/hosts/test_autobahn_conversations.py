"""Random conversations with servers of autobahn on asyncio, accelerated and as they are."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from support.conversations import WISHES, conversations, parsed
from support.frames import CLOSE, KEY, PING, TEXT, compressed, frame
from support.opening import request
from support.pairs import Peer

from wsframe import accelerate

txaio = pytest.importorskip("txaio")
txaio._explicit_framework = None  # other tests choose, too
autobahn = pytest.importorskip("autobahn.asyncio.websocket")
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept  # noqa: E402

HELLO = frame(TEXT, b"hello", key=KEY)
STYLES = ("plain", "later", "task")


@pytest.fixture(scope="module", autouse=True)
def on_asyncio() -> None:
    txaio._explicit_framework = None
    txaio.use_asyncio()


@contextlib.contextmanager
def accelerated(yes: bool) -> Iterator[None]:
    try:
        if yes:
            accelerate.install("autobahn")
            assert "autobahn" in {host.host for host in accelerate.status() if host.active}
        yield
    finally:
        accelerate.uninstall("autobahn")


class Server(autobahn.WebSocketServerProtocol):  # type: ignore[misc]
    """Does what the messages ask for, and remembers everything."""

    seen: list[Any]
    style: str

    def onOpen(self) -> None:
        self.seen.append("open")

    def onMessage(self, payload: bytes, isBinary: bool) -> Any:
        self.seen.append((payload, isBinary))
        if self.style == "task":
            return self.reply_later(payload, isBinary)
        if self.style == "later":
            self.factory.loop.call_soon(self.reply, payload, isBinary)
        else:
            self.reply(payload, isBinary)
        return None

    async def reply_later(self, payload: bytes, isBinary: bool) -> None:
        await asyncio.sleep(0)
        self.reply(payload, isBinary)

    def reply(self, payload: bytes, isBinary: bool) -> None:
        if payload == b"raise":
            raise RuntimeError("as was asked for")
        if payload == b"close":
            self.sendClose(3001, "as was asked for")
        elif payload == b"twice":
            self.sendMessage(b"again", True)
        elif payload == b"ping":
            self.sendPing(b"from the server")
        elif payload == b"odd":
            self.sendMessage(payload * 9, isBinary, 10)
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.seen.append((wasClean, code, reason))


def accept(offers: list[Any]) -> Any:
    return next(
        (PerMessageDeflateOfferAccept(one) for one in offers if isinstance(one, PerMessageDeflateOffer)), None
    )


async def converse(pieces: list[bytes], style: str, deflate: bool, limit: int) -> Any:
    """Let a peer send these pieces and then close; return the observations."""
    loop = asyncio.get_running_loop()
    seen: list[Any] = []
    loop.set_exception_handler(lambda _, context: seen.append(repr(context.get("exception"))))
    factory = autobahn.WebSocketServerFactory("ws://localhost", loop=loop)
    factory.protocol = type("Connection", (Server,), {"seen": seen, "style": style})
    factory.setProtocolOptions(
        perMessageCompressionAccept=accept, maxMessagePayloadSize=limit, closeHandshakeTimeout=0
    )
    ours, theirs = socket.socketpair()
    transport, protocol = await loop.connect_accepted_socket(factory, ours)
    peer = await Peer.over(theirs, seen)
    await peer.send([request(deflate)])
    await peer.send([*pieces, frame(CLOSE, b"\x03\xe8", key=KEY)])
    ended = await peer.leave()
    if not transport.is_closing():
        transport.abort()
    await peer.rest()
    response, _, sent = bytes(peer.received).partition(b"\r\n\r\n")
    stats = protocol.trafficStats.__json__()
    return response.partition(b"\r\n")[0], seen, parsed(sent), ended, stats


def both(*args: Any) -> Any:
    """Return the observations, which must not depend on the acceleration."""

    def run(yes: bool) -> Any:
        with accelerated(yes):
            return asyncio.run(asyncio.wait_for(converse(*args), 20))

    before, after = run(False), run(True)
    assert after == before
    return after


@given(conversations(KEY), st.sampled_from(STYLES), st.booleans(), st.sampled_from([2**20, 50, 0]))
@settings(deadline=None)
@example([HELLO * 300], "plain", False, 2**20)
@example([HELLO * 300], "task", False, 50)
@example([HELLO + frame(TEXT, b"x" * 60, key=KEY) + HELLO], "later", False, 50)
@example([HELLO * 3 + frame(PING, b"?", key=KEY) + HELLO], "task", False, 0)
@example([HELLO * 3 + frame(TEXT, b"\xff", key=KEY) + HELLO], "plain", False, 0)
@example([frame(TEXT, compressed(b"twice"), rsv=4, key=KEY) * 3 + HELLO], "plain", True, 50)
@example([bytes([octet]) for octet in HELLO * 2], "plain", False, 2**20)
def test_server_conversation_is_the_same(pieces: list[bytes], style: str, deflate: bool, limit: int) -> None:
    both(pieces, style, deflate, limit)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("command", sorted({*WISHES}))
def test_each_command_among_messages_gives_the_same_result(command: bytes, style: str) -> None:
    pieces = [HELLO * 3 + frame(TEXT, command, key=KEY) + HELLO]
    _, seen, sent, *_ = both(pieces, style, False, 2**20)
    assert seen[:4] == ["open", *[(b"hello", False)] * 3]
    assert sent[:3] == [(0x81, False, b"hello")] * 3
