"""Connections of websockets.sync: a message of one frame without the steps for all the others.

1. Sending under the lock, without a context manager.
2. Receiving from the queue, without a deadline, lists and joins.
What is not the common case goes the way of websockets, which finds all as if nothing had been tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from functools import wraps
from socket import socket, socketpair
from threading import get_ident
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol
from websockets.sync.connection import Connection
from websockets.sync.messages import Assembler

from ...host import Replacement
from ...ownership import watch
from .._shared.proof import QUIET
from .bypassed import PACKAGES, PROTOCOL_CLASS, SYNC_CLASS, SYNC_RECEIVING, SYNC_SENDING

RECV = Connection.recv
SEND = Connection.send
receiving = watch(PACKAGES, SYNC_RECEIVING, SYNC_CLASS)
sending = watch(PACKAGES, SYNC_SENDING, SYNC_CLASS, PROTOCOL_CLASS)
TEXT, CONT = Opcode.TEXT, Opcode.CONT
# Since 14.0 frames wait in a queue; before, they are put together there.
QUEUES = all(hasattr(Assembler, name) for name in ("get_next_frame", "maybe_resume", "reset_queue"))
# Since 17.0 some clients are warned.
WARNS = hasattr(Connection, "maybe_raise_legacy_warning")


def replacements() -> Iterable[Replacement]:
    yield Connection, "send", send
    if QUEUES:
        yield Connection, "recv", recv


@wraps(SEND)
def send(self: Any, message: Any, *args: Any, **kwargs: Any) -> None:
    kind, failed = type(message), False
    if not (args or kwargs) and (kind is str or kind is bytes) and sending.holds(self, self.protocol):
        if WARNS:
            self.maybe_raise_legacy_warning()
        with self.protocol_mutex:
            protocol = self.protocol
            if (
                protocol._state is OPEN
                and not protocol.expect_continuation_frame
                and not protocol.writes
                and not self.send_in_progress
                and self.close_deadline is None
                and encoded(protocol, message)
            ):
                data = b"".join(protocol.data_to_send())
                try:
                    self.socket.sendall(data)
                    return
                except Exception as exc:
                    failed = True
                    fail_again(self, exc)
    if not failed:
        SEND(self, message, *args, **kwargs)
        return
    with self.send_context():
        pass


def fail_again(self: Any, error: Exception) -> None:
    """Have the next write of this thread end as the one did that was tried; other threads write, too."""
    thread, errors, others = get_ident(), [error], self.send_data

    def send_data() -> None:
        if errors and get_ident() == thread:
            raise errors.pop()
        others()

    self.send_data = send_data


def encoded(protocol: Any, message: Any) -> bool:
    """Write a message as a frame, unless that fails: then websockets shall meet the error."""
    try:
        if type(message) is str:
            protocol.send_text(message.encode())
        else:
            protocol.send_binary(message)
    except Exception:
        return False
    return True


@wraps(RECV)
def recv(self: Any, timeout: Any = None, decode: bool | None = None) -> Any:
    messages = self.recv_messages
    if timeout is None and type(messages) is Assembler and receiving.holds(self):
        if WARNS:
            self.maybe_raise_legacy_warning()
        with messages.mutex:
            alone = not (messages.get_in_progress or messages.closed)
            if alone:
                messages.get_in_progress = True
        if alone:
            try:
                frame = messages.frames.get()
                if frame is not None:  # or it is closed
                    if frame.fin and frame.opcode is not CONT:
                        data = bytes(frame.data)
                        try:
                            text = decode or (decode is None and frame.opcode is TEXT)
                            message = data.decode() if text else data
                        except UnicodeDecodeError:
                            pass  # and again below
                        else:
                            with messages.mutex:
                                messages.maybe_resume()
                            return message
                    messages.reset_queue([frame])
            finally:
                messages.get_in_progress = False
    return RECV(self, timeout, decode)


def prove() -> None:
    """Echo a message over a connection whose own ways to receive and send are out of order."""
    near, far = socketpair()
    with near, far, ExitStack() as sockets:
        connection: Any = Silent(near, Protocol(SERVER, logger=QUIET))
        for made in vars(connection).values():  # since 17.0 the constructor makes some
            if isinstance(made, socket):
                sockets.enter_context(made)
        connection.send_context = None
        message = "known"
        if QUEUES:
            connection.recv_messages.get = None
            connection.recv_messages.put(Frame(TEXT, message.encode()))
            message = connection.recv()
        connection.send(message + " answer")
        written = far.recv(100)
    if written != b"\x81\x0cknown answer":
        raise RuntimeError("the known answer came out wrong")


class Silent(Connection):
    """A connection whose thread has nothing to do."""

    def recv_events(self) -> None: ...
