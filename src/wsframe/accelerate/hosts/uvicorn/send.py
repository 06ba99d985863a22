"""Sending: from a message of the application to the transport."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from ...host import Host
from .._shared.coalesce import OUTPUT
from ..websockets.bypassed import PROTOCOL_CLASS as CONN_CLASS
from ..wsproto import HOST as WSPROTO
from ..wsproto.bypassed import MESSAGES
from .bypassed import SANSIO_SENDING
from .reading import output_of_protocol

Send = Callable[..., Coroutine[Any, Any, None]]


def send_wsproto(original: Send, host: Host) -> Send:
    """Replace that of the class on wsproto."""
    from ..wsproto.send import whole_message

    frame_of, watched = whole_message(WSPROTO), host.watch(MESSAGES)

    async def send(self: Any, message: Any) -> None:
        if (
            message.get("type") == "websocket.send"
            and self.handshake_complete
            and not self.close_sent
            and not self.response_started
            and not self.disconnected
            and self.writable.is_set()
            and watched.holds()
        ):
            octets = message.get("bytes")
            frame = frame_of(self.conn.connection, message.get("text") if octets is None else octets)
            if frame is not None:
                if not self.transport.is_closing():
                    output = self.__dict__.get(OUTPUT)
                    if output is None or output.target is not self.transport:
                        output = output_of_protocol(self)
                    output.write(frame)
                return
        await original(self, message)

    return send


def send_sansio(original: Send, host: Host) -> Send:
    """Replace that of the class on websockets without I/O."""
    from websockets.frames import Opcode

    from ..websockets.send import frame_of

    TEXT, BINARY = Opcode.TEXT, Opcode.BINARY

    watched = host.watch(SANSIO_SENDING, CONN_CLASS)

    async def send(self: Any, message: Any) -> None:
        conn = self.conn
        if (
            message["type"] == "websocket.send"
            and self.writable.is_set()
            and self.handshake_complete
            and self.initial_response is None
            and not (self.disconnected or self.close_sent or conn.writes)
            and watched.holds(conn)
        ):
            frame = frame_for(conn, message.get("bytes"), message.get("text"))
            if frame is not None:
                output = self.__dict__.get(OUTPUT)
                if output is None or output.target is not self.transport:
                    output = output_of_protocol(self)
                output.write(frame)
                return
        await original(self, message)

    def frame_for(conn: Any, octets: Any, text: Any) -> bytes | None:
        if octets is not None:
            return frame_of(conn, BINARY, octets) if type(octets) is bytes else None
        try:
            return frame_of(conn, TEXT, text) if type(text) is str else None
        except UnicodeEncodeError:
            return None

    return send
