"""Sending: from the application to the transport, or to hypercorn's protocol."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from hypercorn.protocol.events import Data
from hypercorn.protocol.ws_stream import ASGIWebsocketState

from ...host import Host
from ..wsproto import HOST as WSPROTO
from ..wsproto.send import whole_message
from .bypassed import SENDING, STREAM_CLASS
from .transport import writer_of

Method = Callable[..., Coroutine[Any, Any, None]]


def accept(original: Method, _: Host) -> Method:
    async def _accept(self: Any, message: Any) -> None:
        await original(self, message)
        self._wsframe_writer = writer_of(self)

    return _accept


def app_send(original: Method, host: Host) -> Method:
    frame_of, CONNECTED = whole_message(WSPROTO), ASGIWebsocketState.CONNECTED
    watched = host.watch(SENDING, STREAM_CLASS)

    async def app_send(self: Any, message: Any) -> None:
        if (
            message is not None
            and not self.closed
            and self.state is CONNECTED
            and message["type"] == "websocket.send"
            and watched.holds(self)
        ):
            kind: type = bytes
            data = message.get("bytes")
            if data is None:
                data, kind = message["text"], str
            rest = frame_of(self.connection, data) if type(data) is kind else None
            if rest is not None:
                writer = getattr(self, "_wsframe_writer", None)
                if writer is not None:
                    rest = writer.write(rest)
                if rest is not None:
                    await self.send(Data(stream_id=self.stream_id, data=rest))
                return
        await original(self, message)

    return app_send
