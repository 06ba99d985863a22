"""Receiving with websockets.asyncio: the work around a message.

1. An open connection that is not paused takes the fast path; everything else goes to the original code.
2. A class that overrides methods that the fast path bypasses keeps the original code, and so do all classes
   once one of those methods is wrapped: that is checked each time (see `bypassed`).
3. The replies to several messages of one read leave in one write (see `asyncio_send`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from websockets.asyncio.messages import Assembler
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

from ...._backend import Watch
from ...host import Host
from . import HOST
from .asyncio_fast import fast_connection
from .asyncio_send import make_output
from .bypassed import CONNECTION_CLASS, PROTOCOL_CLASS, RECEIVING

TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
receiving: Watch = HOST.watch(RECEIVING, CONNECTION_CLASS, PROTOCOL_CLASS)


def data_received(original: Callable[..., None], _: Host) -> Callable[..., None]:
    def data_received(self: Any, data: bytes) -> None:
        fast = self._wsframe_fast
        if fast is not None and type(data) is bytes and fast.take(data):
            fast.read_socket(len(data))
            return
        protocol = self.protocol
        messages = self.recv_messages
        if (
            self._wsframe_transport is None
            or protocol._state is not OPEN
            or messages.closed
            or not receiving.holds(self, protocol)
        ):
            if protocol._state is not OPEN:
                self._wsframe_fast = None  # which refers to the connection: memory is freed at its end
            original(self, data)
            resume_after_close(self)
            return
        protocol.receive_data(data)
        if protocol.writes or protocol._state is not OPEN:
            if protocol._state is not OPEN:
                self._wsframe_fast = None
            original(self, b"")  # processes what receive_data has left
            resume_after_close(self)
            return
        queue = messages.frames.queue
        waiter = messages.frames.get_waiter
        events = protocol.events_received()
        resumes = fast is not None and fast.waiting()  # the task is run below
        for event in events:
            if type(event) is not Frame or (event.opcode is not TEXT and event.opcode is not BINARY):
                if resumes and queue:  # tasks run in the order of the events
                    waiter.set_result(None)
                    waiter = None
                resumes = False
                self.process_event(event)
                continue
            queue.append(event)
            if waiter is not None and not resumes:
                if not waiter.done():
                    waiter.set_result(None)
                waiter = None
        if messages.high is not None and len(queue) > messages.high:
            messages.maybe_pause()
        output = self._wsframe_output
        if len(events) > 1:
            (output or make_output(self)).join()
        elif output is not None:
            output._next_is_reply = True
        if fast is not None:
            fast.read_socket(len(data))
            if resumes and queue:
                fast.resume()
        elif events:
            self._wsframe_fast = fast_connection(self)

    return data_received


def resume_after_close(connection: Any) -> None:
    """Resume reading once the Close of the peer is received, whatever the queue of messages holds.

    A paused transport does not see the end of the stream, the only thing that may follow, and a handler that
    waits for it, in `send` or `close`, takes no message off the queue: it would wait for `close_timeout`.
    """
    messages = connection.recv_messages
    if messages.paused and connection.protocol.close_rcvd is not None:
        messages.paused = False
        messages.resume()


def recv(original: Callable[..., Any], _: Host) -> Callable[..., Any]:
    async def recv(self: Any, decode: bool | None = None) -> Any:
        fast = self._wsframe_fast
        if fast is not None and decode is None:
            message: Any
            try:
                message = await fast
            except EOFError:
                message = None  # closed: the original code raises
            if message is not None:
                return message
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
                    pass  # closed: the original code raises
                finally:
                    waiter.cancel()
                    frames.get_waiter = None
                    messages.get_in_progress = False
            if queue and queue[0].fin and queue[0].opcode is not CONT:
                message = queue[0].data
                try:
                    if decode or (decode is None and queue[0].opcode is TEXT):
                        message = message.decode()
                    elif type(message) is not bytes:
                        message = bytes(message)
                except UnicodeDecodeError:
                    pass  # the original code raises it, and fails the connection
                else:
                    queue.popleft()
                    if messages.paused:
                        messages.maybe_resume()
                    return message
        if messages.closed:
            self._wsframe_fast = None  # as above
        return await original(self, decode)

    return recv
