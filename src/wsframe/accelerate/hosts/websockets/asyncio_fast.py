"""The compiled fast paths of a connection of websockets.asyncio (see `FastConnection`)."""

from __future__ import annotations

import collections
import threading
from typing import Any

from websockets.asyncio.messages import Assembler, SimpleQueue
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from ...._backend import FastConnection, ReadBuffer, Watch, backend
from ...._sockets import socket_of
from . import HOST
from .bypassed import CONNECTION_CLASS, PARSING, PROTOCOL_CLASS, RECEIVING, SENDING, UNPACK
from .send import frame_of

RECEIVED = (*PARSING, UNPACK, *RECEIVING, (CONNECTION_CLASS, ("recv",)))
receiving: Watch = HOST.watch(RECEIVED, CONNECTION_CLASS, PROTOCOL_CLASS)
sending: Watch = HOST.watch(SENDING, CONNECTION_CLASS, PROTOCOL_CLASS)

LIMITS = (
    ("current_size", "max_message_size", "max_fragment_size")
    if "max_message_size" in Protocol.__init__.__code__.co_names
    else ("cur_size", "max_size")  # before 16.0
)

_local = threading.local()


def fast_connection(connection: Any) -> Any:
    """Make the fast paths of an open connection; None where there are none."""
    messages = connection.recv_messages
    if (
        backend == "py"
        or type(messages) is not Assembler
        or type(messages.frames) is not SimpleQueue
        or type(messages.frames.queue) is not collections.deque
        or messages.high == 0  # each message pauses reading
    ):
        return None
    fd, reads = socket_of(connection._wsframe_transport)
    buffer = getattr(_local, "buffer", None)
    if buffer is None:
        buffer = _local.buffer = ReadBuffer()
    return FastConnection(connection, connection.loop, CODE, buffer, fd if reads else -1)


def queued(message: str | bytes) -> Frame:
    """Make what the queue holds of a message."""
    if isinstance(message, str):
        return Frame(Opcode.TEXT, message.encode())
    return Frame(Opcode.BINARY, message)


def encoded(protocol: Any, opcode: int, message: str | bytes) -> bytes | None:
    return frame_of(protocol, Opcode(opcode), message)


CODE = (OPEN, SERVER, receiving, sending, encoded, queued, LIMITS)
