"""websockets.sync: messages of one frame, without the steps that only other messages need.

1. Sending under the lock, without a context manager.
2. Receiving from the queue, without a deadline, lists and joins.
Everything else is left to the original code, which finds the connection unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any

from websockets.frames import Opcode
from websockets.protocol import OPEN
from websockets.sync.connection import Connection
from websockets.sync.messages import Assembler

from ...._backend import Watch
from ...host import Host
from . import HOST
from .bypassed import PROTOCOL_CLASS, SYNC_CLASS, SYNC_RECEIVING, SYNC_SENDING

receiving: Watch = HOST.watch(SYNC_RECEIVING, SYNC_CLASS)
sending: Watch = HOST.watch(SYNC_SENDING, SYNC_CLASS, PROTOCOL_CLASS)
TEXT, CONT = Opcode.TEXT, Opcode.CONT
# Since 14.0 frames wait in a queue; before, they are put together there.
QUEUES = all(hasattr(Assembler, name) for name in ("get_next_frame", "maybe_resume", "reset_queue"))
# Since 17.0 some clients are warned.
WARNS = hasattr(Connection, "maybe_raise_legacy_warning")


def send(original: Callable[..., None], _: Host) -> Callable[..., None]:
    def send(self: Any, message: Any, *args: Any, **kwargs: Any) -> None:
        if WARNS:
            self.maybe_raise_legacy_warning()  # here: it blames the caller of who calls it
        kind, failed = type(message), False
        if not (args or kwargs) and (kind is str or kind is bytes) and sending.holds(self, self.protocol):
            with self.protocol_mutex:
                protocol = self.protocol
                if (
                    protocol._state is OPEN
                    and not protocol.expect_continuation_frame
                    and not protocol.writes
                    and not self.send_in_progress
                    and self.close_deadline is None
                    and try_encode(protocol, message)
                ):
                    data = b"".join(protocol.data_to_send())
                    try:
                        self.socket.sendall(data)
                        return
                    except Exception as exc:
                        failed = True
                        fail_again(self, exc)
        if not failed:
            original(self, message, *args, **kwargs)
            return
        with self.send_context():
            pass

    return send


def recv(original: Callable[..., Any], _: Host) -> Callable[..., Any]:
    if not QUEUES:
        return original

    def recv(self: Any, timeout: Any = None, decode: bool | None = None) -> Any:
        if WARNS:
            self.maybe_raise_legacy_warning()
        messages = self.recv_messages
        if timeout is None and type(messages) is Assembler and receiving.holds(self):
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
                                pass  # the original code raises it
                            else:
                                with messages.mutex:
                                    messages.maybe_resume()
                                return message
                        messages.reset_queue([frame])
                finally:
                    messages.get_in_progress = False
        return original(self, timeout, decode)

    return recv


def fail_again(self: Any, error: Exception) -> None:
    """Make the next write of this thread raise the error of the last one; other threads are not affected."""
    thread, errors, others = get_ident(), [error], self.send_data

    def send_data() -> None:
        if errors and get_ident() == thread:
            raise errors.pop()
        others()

    self.send_data = send_data


def try_encode(protocol: Any, message: Any) -> bool:
    """Encode a message with the protocol; return False if that fails: the original code raises the error."""
    try:
        if type(message) is str:
            protocol.send_text(message.encode())
        else:
            protocol.send_binary(message)
    except Exception:
        return False
    return True
