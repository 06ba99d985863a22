"""A known message: an application under uvicorn's own settings echoes a message through our class."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import cache
from threading import Thread
from typing import Any

from .._shared.proof import ACCEPT, HELLO, KEY, MASKED_HELLO

TIME = 10.0  # seconds a machine under load may take
QUIET = logging.Logger("wsframe", logging.CRITICAL + 1)

REQUEST = (
    b"GET /?a=1 HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-key: " + KEY + b"\r\nsec-websocket-version: 13\r\n\r\n"
)


class Memory(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: bytes = b""
        self.closed: bool = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    def get_write_buffer_size(self) -> int:
        return 0


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Echo each message by itself."""
    await receive()
    await send({"type": "websocket.accept"})
    while "text" in (event := await receive()):
        await send({"type": "websocket.send", "text": event["text"]})


async def converse(protocol_class: Any) -> None:
    """Open a connection, send it a message and end it; raise if anything is wrong."""
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    config = Config(echo, ws="none", http="h11", lifespan="off", log_config=None)
    config.load()
    config.ws_protocol_class = protocol_class
    state, transport = ServerState(), Memory()
    protocol = protocol_class(config=config, server_state=state, app_state={})
    protocol.logger = QUIET
    protocol.connection_made(transport)
    protocol.data_received(REQUEST)
    await until(lambda: b"\r\n\r\n" in transport.written)
    head, _, rest = transport.written.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101 ") or ACCEPT not in head or rest:
        raise RuntimeError("a wrong response")
    protocol._receive(MASKED_HELLO)
    await until(lambda: transport.written.endswith(HELLO))
    protocol.connection_lost(None)
    await until(lambda: not state.tasks)
    if state.connections:
        raise RuntimeError("a connection is left")


async def until(happened: Callable[[], bool]) -> None:
    """Run the loop until a condition is true."""
    for _ in range(100):
        if happened():
            return
        await asyncio.sleep(0)
    raise RuntimeError("no reply")


@cache
def prove_own(protocol_class: Any) -> None:
    """Check once that a class serves a client; raise if it does not.

    It happens in a thread: where settings are loaded an event loop may be running, or none.
    """
    failed: list[BaseException] = []

    def run_conversation() -> None:
        try:
            asyncio.run(converse(protocol_class))
        except BaseException as exc:
            failed.append(exc)

    thread = Thread(target=run_conversation, name="wsframe proof", daemon=True)
    thread.start()
    thread.join(TIME)
    if thread.is_alive():
        raise RuntimeError("no reply")
    if failed:
        raise failed[0]
