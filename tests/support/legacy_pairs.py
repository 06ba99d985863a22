"""Connections of websockets.legacy over a pair of sockets, accelerated and as they are."""

from __future__ import annotations

import asyncio
import logging
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from support import loops
from support.pairs import Peer
from websockets.extensions.permessage_deflate import PerMessageDeflate

from wsframe import accelerate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecated since 14.0
    legacy = pytest.importorskip("websockets.legacy.protocol")


class Server(legacy.WebSocketCommonProtocol):  # type: ignore[misc]
    """An open connection, from the side that receives masked frames."""

    is_client = False
    side = "server"

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.connection_open()


class Client(Server):
    """The other side."""

    is_client = True
    side = "client"


class Notes(logging.Handler):
    """What is logged, but for the lines of tracebacks."""

    def __init__(self, seen: list[Any]) -> None:
        super().__init__()
        self.seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno > logging.DEBUG:
            error = record.exc_info and record.exc_info[1]
            self.seen.append((record.levelname, record.getMessage(), str(error)))


@contextmanager
def accelerated(yes: bool = True) -> Iterator[None]:
    if yes:
        accelerate.install("websockets")
        assert legacy.WebSocketCommonProtocol.recv.__globals__["__name__"].startswith("wsframe."), status()
    try:
        yield
    finally:
        accelerate.uninstall("websockets")


def status() -> Any:
    return next(host for host in accelerate.status() if host.host == "websockets")


def run(main: Callable[[], Any], *, yes: bool = True, factory: Callable[[], Any] | None = None) -> Any:
    """Run a coroutine function, accelerated or not, on a loop of its own; a hang is a failure."""
    with accelerated(yes):
        return loops.run(main, factory)


def both(main: Callable[[], Any], *, factory: Callable[[], Any] | None = None) -> Any:
    """Return the observations, which must not depend on the acceleration."""
    before, after = run(main, yes=False, factory=factory), run(main, factory=factory)
    assert after == before
    return after


@asynccontextmanager
async def pair(
    kind: Any = Server,
    *,
    deflate: Any = False,
    seen: list[Any] | None = None,
    level: int = logging.INFO,
    **options: Any,
) -> Any:
    """Connect a connection and a peer of the wire.

    Args:
        kind: the class of the connection.
        deflate: whether permessage-deflate was negotiated, or the extensions that were.
        seen: where both sides note what they see.
        level: of the connection's logger.
        options: of the connection.
    """
    seen = [] if seen is None else seen
    logger = logging.Logger("legacy", level)
    logger.addHandler(Notes(seen))
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    connection = kind(**{"ping_interval": None, "close_timeout": 0.2, "logger": logger, **options})
    if deflate:
        connection.extensions = [PerMessageDeflate(False, False, 15, 15)] if deflate is True else deflate
    await loop.connect_accepted_socket(lambda: connection, ours)
    peer = await Peer.over(theirs, seen)
    try:
        yield connection, peer
    finally:
        await peer.leave()
        connection.transport.abort()
        await connection.wait_closed()
        await asyncio.gather(connection.close_connection_task, return_exceptions=True)
