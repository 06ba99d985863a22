"""Sending with websockets.asyncio: a whole message of an open connection.

What is sent within one iteration of the event loop after the first write leaves in one write, and so do the
replies to several messages of one read. Any access to the transport flushes first, so that no byte
overtakes another.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.asyncio.connection import Connection
from websockets.frames import Opcode
from websockets.protocol import OPEN, SERVER

from ...._backend import Watch, encode_binary, encode_text
from ...host import Host
from .._shared.coalesce import ENABLED, Output
from . import HOST
from .bypassed import CONNECTION_CLASS, PROTOCOL_CLASS, SENDING
from .send import frame_of

TEXT, BINARY = Opcode.TEXT, Opcode.BINARY
sending: Watch = HOST.watch(SENDING, CONNECTION_CLASS, PROTOCOL_CLASS)


def send(original: Callable[..., Any], _: Host) -> Callable[..., Any]:
    async def send(self: Any, message: Any, *args: Any, **kwargs: Any) -> None:
        fast = self._wsframe_fast
        if fast is not None and not args and not kwargs:
            try:
                done = fast.send(message)
            except Exception:
                async with self.send_context():
                    raise
            if done:
                return
            if done is not None:
                async with self.send_context():
                    pass  # waits, or raises again, and closes the connection when it is lost
                return
        protocol = self.protocol
        transport = self._wsframe_transport
        if (
            transport is None
            or args
            or kwargs
            or (type(message) is not str and type(message) is not bytes)
            or protocol._state is not OPEN
            or protocol.expect_continuation_frame
            or protocol.writes
            or self.paused
            or not sending.holds(self, protocol)
        ):
            await original(self, message, *args, **kwargs)
            return
        try:
            if protocol.extensions or protocol.debug or protocol.side is not SERVER:
                frame = frame_of(protocol, TEXT if isinstance(message, str) else BINARY, message)
            else:
                frame = encode_text(message) if isinstance(message, str) else encode_binary(message)
            if frame is None:
                if type(message) is str:
                    protocol.send_text(message.encode())
                else:
                    protocol.send_binary(message)
                frame = b"".join(protocol.writes)
                protocol.writes.clear()
        except Exception:
            async with self.send_context():
                raise
        try:
            (self._wsframe_output or make_output(self)).write(frame)
        except Exception:
            protocol.writes.append(frame)
            async with self.send_context():
                pass  # raises it again, and closes the connection
        if self.paused or transport.is_closing():
            async with self.send_context():
                pass  # waits, and closes the connection when it is lost meanwhile

    return send


def transport(_original: None, _: Host) -> property:
    return property(get_transport, set_transport)


def make_output(self: Any) -> Any:
    """Return the output that coalesces the messages of a connection."""
    transport = self._wsframe_transport
    if not ENABLED:
        return Unjoined(transport)
    attributes = getattr(transport, "__dict__", None)
    self._wsframe_output = output = ConnectionOutput(transport, self.loop, attributes=attributes)
    return output


class ConnectionOutput(Output):
    """The coalescer of one connection; its transport is watched once the program has taken it."""

    is_taken: bool = False

    def taken(self) -> None:
        self.is_taken = True
        super().taken()
        if self._intercepting:
            self._intercept()

    def _intercept(self) -> None:
        if self.is_taken:
            super()._intercept()
        else:
            self._intercepting = True  # websockets itself takes it by `transport`, which flushes

    def _pass_on(self, data: Any) -> None:
        try:  # as the method of the base class, without a call of it
            if self._intercepting:
                self.ask("write", data)
            else:
                self.target.write(data)
        except Exception:
            self.ask("abort")  # what follows must not be taken for what is lost
            raise


class Unjoined:
    """A transport whose writes are not coalesced."""

    def __init__(self, transport: Any) -> None:
        self.write: Callable[[bytes], object] = transport.write

    def join(self) -> None: ...


def settle() -> None:
    """Release every connection, on the thread of its loop; until then `transport` flushes."""
    running = asyncio._get_running_loop()
    for connection in gc.get_objects():
        if issubclass(type(connection), Connection) and (
            getattr(connection, "_wsframe_output", None) or getattr(connection, "_wsframe_fast", None)
        ):
            if connection.loop is running:
                release(connection)
            else:
                with suppress(RuntimeError):  # the loop is closed
                    connection.loop.call_soon_threadsafe(release, connection)


def release(connection: Any) -> None:
    """Leave a connection to the code of websockets."""
    output, fast = connection._wsframe_output, connection._wsframe_fast
    if output is not None:
        output.release()
    if fast is not None:
        connection._wsframe_fast = None
        fast.release_socket()


def get_transport(self: Any) -> Any:
    """Return the transport, with nothing pending."""
    output = self._wsframe_output
    if output is not None and output._pending_size:
        with suppress(Exception):  # the transport is aborted, and calls connection_lost()
            output.flush()
    try:
        transport = self.__dict__["transport"]
    except KeyError:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute 'transport'") from None
    if not is_of_websockets(sys._getframe(1).f_globals.get("__name__")):
        note_taken(self)
    return transport


def set_transport(self: Any, transport: Any) -> None:
    """Take the transport of a connection that is being made."""
    self.__dict__["transport"] = transport
    self._wsframe_transport = transport
    if not is_of_websockets(getattr(type(self).connection_made, "__module__", None)):
        note_taken(self)  # a subclass was given it


def is_of_websockets(module: Any) -> bool:
    return type(module) is str and module.startswith("websockets.")


def note_taken(self: Any) -> None:
    """The program has the transport of a connection."""
    if self._wsframe_transport is not None:
        output = self._wsframe_output or make_output(self)
        if type(output) is ConnectionOutput:
            output.taken()
