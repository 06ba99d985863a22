"""Connections of websockets.asyncio: the work around a message.

1. An open connection that nobody told to pause takes the short way; all else goes the way of websockets.
2. A class with methods of its own that the fast path would pass by goes the way of websockets, and so do
   all once somebody has wrapped one of those methods: that is looked at each time (see `_passed`).
3. The replies to several messages of one read leave in one write, and so does what is pushed within one
   iteration of the event loop after the first write. Whoever asks for the transport finds nothing pending, so
   that no byte overtakes another.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable
from contextlib import suppress
from functools import partial, wraps
from typing import Any

from websockets.asyncio.connection import Connection
from websockets.asyncio.messages import Assembler
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from ...._backend import encode_binary, encode_frame, encode_text
from ...host import Replacement
from ...ownership import watch
from .._shared.coalesce import ENABLED, Output
from .._shared.proof import QUIET
from .bypassed import CONNECTION_CLASS, PACKAGES, PROTOCOL_CLASS, RECEIVING, SENDING

DATA_RECEIVED = Connection.data_received
RECV = Connection.recv
SEND = Connection.send

TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
receiving = watch(PACKAGES, RECEIVING, CONNECTION_CLASS, PROTOCOL_CLASS)
sending = watch(PACKAGES, SENDING, CONNECTION_CLASS, PROTOCOL_CLASS)


def replacements() -> Iterable[Replacement]:
    yield Connection, "_wsframe_transport", None  # the transport of a connection that may take the short way
    yield Connection, "_wsframe_output", None  # where messages are written to, once one was
    yield Connection, "transport", property(get_transport, set_transport)
    yield Connection, "data_received", data_received
    yield Connection, "recv", recv
    yield Connection, "send", send


@wraps(DATA_RECEIVED)
def data_received(self: Any, data: bytes) -> None:
    protocol = self.protocol
    messages = self.recv_messages
    if (
        self._wsframe_transport is None
        or protocol._state is not OPEN
        or messages.closed
        or not receiving.holds(self, protocol)
    ):
        DATA_RECEIVED(self, data)
        return
    protocol.receive_data(data)
    if protocol.writes or protocol._state is not OPEN:
        DATA_RECEIVED(self, b"")  # sees to what receive_data left behind
        return
    queue = messages.frames.queue
    waiter = messages.frames.get_waiter
    events = protocol.events_received()
    for event in events:
        if type(event) is not Frame or (event.opcode is not TEXT and event.opcode is not BINARY):
            self.process_event(event)
            continue
        queue.append(event)
        if waiter is not None:
            if not waiter.done():
                waiter.set_result(None)
            waiter = None
    if messages.high is not None and len(queue) > messages.high:
        messages.maybe_pause()
    output = self._wsframe_output
    if len(events) > 1:
        (output or make_output(self)).join()
    elif output is not None:
        output.fresh = True


@wraps(RECV)
async def recv(self: Any, decode: bool | None = None) -> Any:
    messages = self.recv_messages
    if (
        type(messages) is Assembler
        and not messages.get_in_progress
        and not messages.closed
        and receiving.holds(self, self.protocol)
    ):
        frames = messages.frames
        queue = frames.queue
        if not queue:
            messages.get_in_progress = True
            frames.get_waiter = waiter = frames.loop.create_future()
            try:
                await waiter
            except EOFError:
                pass  # closed: RECV finds that out too
            finally:
                waiter.cancel()
                frames.get_waiter = None
                messages.get_in_progress = False
        if queue and queue[0].fin and queue[0].opcode is not CONT:
            message: Any = queue[0].data
            try:
                if decode or (decode is None and queue[0].opcode is TEXT):
                    message = message.decode()
                elif type(message) is not bytes:
                    message = bytes(message)
            except UnicodeDecodeError:
                pass  # RECV meets it again, and fails the connection
            else:
                queue.popleft()
                if messages.paused:
                    messages.maybe_resume()
                return message
    return await RECV(self, decode)


@wraps(SEND)
async def send(self: Any, message: Any, *args: Any, **kwargs: Any) -> None:
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
        await SEND(self, message, *args, **kwargs)
        return
    try:
        if protocol.extensions or protocol.debug or protocol.side is not SERVER:
            if type(message) is str:
                protocol.send_text(message.encode())
            else:
                protocol.send_binary(message)
            frame = b"".join(protocol.writes)
            protocol.writes.clear()
        else:
            frame = encode_text(message) if isinstance(message, str) else encode_binary(message)
    except Exception:
        async with self.send_context():
            raise
    try:
        (self._wsframe_output or make_output(self)).write(frame)
    except Exception:
        protocol.writes.append(frame)
        async with self.send_context():
            pass  # meets it again, and closes the connection
    if self.paused or transport.is_closing():
        async with self.send_context():
            pass  # waits, and closes the connection when it is lost meanwhile


def make_output(self: Any) -> Any:
    """Make what joins the messages of a connection."""
    transport = self._wsframe_transport
    if not ENABLED:
        return Unjoined(transport)
    self._wsframe_output = output = Output(
        transport,
        self.loop,
        attributes=vars(transport) if hasattr(transport, "__dict__") else None,
        write=partial(write_whole, transport),
    )
    return output


class Unjoined:
    """A transport whose writes are not joined."""

    def __init__(self, transport: Any) -> None:
        self.write = transport.write

    def join(self) -> None: ...


def write_whole(transport: Any, data: bytes) -> None:
    """Write what was pending."""
    try:
        transport.write(data)
    except Exception:
        transport.abort()  # what follows must not be taken for what is lost
        raise


def settle() -> None:
    """Release every connection on the thread of its loop; what is written until then goes by `transport`."""
    running = asyncio._get_running_loop()
    for connection in gc.get_objects():
        if issubclass(type(connection), Connection) and getattr(connection, "_wsframe_output", None):
            if connection.loop is running:
                connection._wsframe_output.release()
            else:
                with suppress(RuntimeError):  # the loop is closed
                    connection.loop.call_soon_threadsafe(connection._wsframe_output.release)


def get_transport(self: Any) -> Any:
    """Return the transport, with nothing pending."""
    output = self._wsframe_output
    if output is not None and output.size:
        with suppress(Exception):  # the transport is aborted, and says so to its user
            output.flush()
    try:
        return self.__dict__["transport"]
    except KeyError:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute 'transport'") from None


def set_transport(self: Any, transport: Any) -> None:
    """Take the transport of a connection that is being made."""
    self.__dict__["transport"] = transport
    self._wsframe_transport = transport


def prove() -> None:
    """Echo a message over a connection whose own ways to receive and send are out of order."""
    loop = asyncio.BaseEventLoop()  # opens no selector, and logs none; no policy of the program is asked
    loop.set_debug(False)
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        connection: Any = Connection(Protocol(SERVER, logger=QUIET))
        transport = _Recorder()
        connection.connection_made(transport)
        connection.process_event = connection.recv_messages.get = connection.send_data = None
        connection.data_received(encode_frame(TEXT, "known", mask_key=b"key!"))
        received = _result(connection.recv())
        _result(connection.send(received + " answer"))
    finally:
        asyncio._set_running_loop(running)
        loop.close()
    if transport.written != b"\x81\x0cknown answer":
        raise RuntimeError("the known answer came out wrong")


class _Recorder(asyncio.Transport):
    """A transport to nowhere."""

    written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


def _result(coroutine: Any) -> Any:
    """Run a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("the known answer did not come at once")
