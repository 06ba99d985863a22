"""Known messages, with the original code of connections disabled."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from socket import socket, socketpair
from typing import Any

from websockets.frames import Frame, Opcode

from .._shared.proof import HELLO, MASKED_HELLO, QUIET, check, original_code, private_loop, run

ORIGINAL_CODE = original_code("websockets")


def prove() -> None:
    """Receive and send through a Protocol whose own reader and serialiser are disabled."""
    from websockets.protocol import SERVER, Protocol

    server: Any = Protocol(SERVER, logger=QUIET)
    server.reader.feed_data = server.send_frame = None
    server.receive_data(MASKED_HELLO)
    server.send_text(b"Hello")
    check(server.events_received() == [Frame(Opcode.TEXT, b"Hello")] and server.data_to_send() == [HELLO])


def prove_asyncio() -> None:
    """Echo a message with the original code of the connection disabled."""
    from websockets.asyncio.connection import Connection
    from websockets.protocol import SERVER, Protocol

    with private_loop():
        connection: Any = Connection(Protocol(SERVER, logger=QUIET))
        transport = Recorder()
        connection.connection_made(transport)
        connection.process_event = connection.recv_messages.get = connection.send_data = None
        connection.data_received(MASKED_HELLO)
        run(connection.send(run(connection.recv())))
    check(transport.written == HELLO)


class Recorder(asyncio.Transport):
    """A transport to nowhere."""

    written: bytes = b""

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


def prove_sync() -> None:
    """Echo a message with the original code of the connection disabled."""
    from websockets.protocol import SERVER, Protocol
    from websockets.sync.connection import Connection

    from .sync import QUEUES

    # The thread of a connection has nothing to do here.
    silent = type("Connection", (Connection,), {"recv_events": lambda self: None})
    near, far = socketpair()
    with near, far, ExitStack() as sockets:
        connection: Any = silent(near, Protocol(SERVER, logger=QUIET))
        for made in vars(connection).values():  # since 17.0 the constructor makes some
            if isinstance(made, socket):
                sockets.enter_context(made)
        connection.send_context = None
        message = "Hello"
        if QUEUES:
            connection.recv_messages.get = None
            connection.recv_messages.put(Frame(Opcode.TEXT, message.encode()))
            message = connection.recv()
        connection.send(message)
        written = far.recv(100)
    check(written == HELLO)


def prove_legacy() -> None:
    """Receive and send over a connection whose original code is disabled."""
    from websockets.legacy.protocol import State, WebSocketCommonProtocol  # type: ignore[attr-defined]

    with private_loop() as loop:
        connection: Any = WebSocketCommonProtocol(logger=QUIET)
        transport = Recorder()
        connection.is_client = False
        connection.connection_made(transport)
        connection.state, connection.transfer_data_task = State.OPEN, loop.create_future()
        connection.reader.feed_data = connection.read_data_frame = connection.write_frame = ORIGINAL_CODE
        reading = connection.read_message()
        reading.send(None)  # waits, and is bypassed
        connection.data_received(MASKED_HELLO)
        received = run(connection.recv())
        reading.close()
        connection.reader._buffer += MASKED_HELLO
        check(received == "Hello" and run(connection.read_message()) == "Hello")
        run(connection.send(received))
    check(transport.written == HELLO)


def round_trip(data: bytes) -> tuple[Any, Any, bytes]:
    from websockets.extensions.permessage_deflate import PerMessageDeflate

    extension = PerMessageDeflate(False, False, 15, 15)
    frame = extension.encode(Frame(Opcode.BINARY, data))
    return extension.encoder, extension.decoder, bytes(extension.decode(frame).data)
