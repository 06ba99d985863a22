"""Connections of websockets.legacy: what `websockets.serve` and `websockets.connect` mean before 14.0.

An open connection with no extension, or with permessage-deflate alone, takes the fast path for whole messages
of one frame, both ways. All else is done by the original code, which finds the state it always finds.
A class with methods of its own in the place of those that the fast path stands for gets the original code;
that is looked at for every message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from websockets.legacy.protocol import State, WebSocketCommonProtocol  # type: ignore[attr-defined]

from ...host import Replacement
from .._shared.proof import HELLO, MASKED_HELLO, QUIET, long_way
from . import legacy_receive, legacy_send

LONG_WAY = long_way("websockets")


def replacements() -> Iterable[Replacement]:
    yield WebSocketCommonProtocol, "_wsframe_idle", False  # whether the task waits for the start of a frame
    yield WebSocketCommonProtocol, "_wsframe_left", None  # messages of a read, and an error, left to the task
    yield WebSocketCommonProtocol, "_wsframe_task", None  # the task that resumes `recv` when it ends
    yield WebSocketCommonProtocol, "data_received", legacy_receive.data_received
    yield WebSocketCommonProtocol, "read_message", legacy_receive.read_message
    yield WebSocketCommonProtocol, "recv", legacy_receive.recv
    yield WebSocketCommonProtocol, "send", legacy_send.send


def prove() -> None:
    """Receive and send over a connection whose original ways to do so are out of order."""
    loop = asyncio.new_event_loop()
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        connection: Any = WebSocketCommonProtocol(logger=QUIET)
        transport = _Recorder()
        connection.is_client = False
        connection.connection_made(transport)
        connection.state, connection.transfer_data_task = State.OPEN, loop.create_future()
        connection.reader.feed_data = connection.read_data_frame = connection.write_frame = LONG_WAY
        reading = connection.read_message()
        reading.send(None)  # waits, and is passed by
        connection.data_received(MASKED_HELLO)
        received = _result(connection.recv())
        reading.close()
        connection.reader._buffer += MASKED_HELLO
        if received != "Hello" or _result(connection.read_message()) != "Hello":
            raise RuntimeError("the known answer came out wrong")
        _result(connection.send(received))
    finally:
        asyncio._set_running_loop(running)
        loop.close()
    if transport.written != HELLO:
        raise RuntimeError("the known answer came out wrong")


class _Recorder(asyncio.Transport):
    """A transport to nowhere."""

    written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


def _result(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise RuntimeError("a wait without a reason")
