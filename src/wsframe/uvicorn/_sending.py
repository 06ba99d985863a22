"""What an application sends."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected

from .._spec import LARGE_MESSAGE, LOCAL_CLOSE_CODES, CloseCode
from ..connection import ConnectionClosed, State
from ._base import Event, shown_as
from ._opening import Opening


class Sending(Opening):
    """`send`, and the Close of the application."""

    __slots__ = ()

    @shown_as("send")
    async def asgi_send(self, message: Event) -> None:
        """The `send` of ASGI."""
        protocol = self._protocol
        if protocol is None:
            if self.congested:
                await self._wait_until_writable()
            self._respond_to_handshake(message)
        elif self._disconnect_received and self._behaviour.late_send_raises:
            raise _unexpected(message)
        elif protocol.state is State.CLOSED:
            raise ClientDisconnected
        elif self._application_closed:
            raise _unexpected(message)
        elif message["type"] == "websocket.send":
            data = self._data_of(message)
            if data is not None:
                try:
                    large = len(data) >= LARGE_MESSAGE and not self._encodes_directly
                    if large or self.congested or self._pending_sends:
                        await self._send_in_order(data, self._wait_until_writable)
                    else:
                        self.send_nowait(data)
                except ConnectionClosed:
                    raise ClientDisconnected from None
            elif self._behaviour.send_needs_data:
                raise TypeError("'websocket.send' needs text or bytes")
        elif message["type"] != "websocket.close":
            raise RuntimeError(
                f"Expected ASGI message 'websocket.send' or 'websocket.close', but got '{message['type']}'."
            )
        elif protocol.state is State.OPEN:
            self._close(message.get("code", 1000), message.get("reason") or "")

    def _data_of(self, message: Event) -> str | bytes | None:
        """Return what "websocket.send" sends: text if it is a str, else binary."""
        key = "text" if message.get("bytes") is None else "bytes"
        data: Any = message.get(key)
        is_text = isinstance(data, str)
        if data is not None and (
            not (is_text or _is_bytes_like(data))
            or (is_text is not (key == "text") and self._behaviour.checks_types)
        ):
            wanted = "str" if key == "text" else "bytes-like"
            raise TypeError(f"'{key}' of 'websocket.send' must be {wanted}, not {type(data).__name__}")
        return data  # type: ignore[no-any-return]

    async def _wait_until_writable(self) -> None:
        """Wait until the write buffer is below its limit."""
        self.flush()
        while self.congested:
            if self._protocol is not None and self._protocol.state is not State.OPEN:
                raise ClientDisconnected
            if self._drain_waiter is None:
                self._drain_waiter = self._loop.create_future()
            await asyncio.shield(self._drain_waiter)

    def _close(self, code: int, reason: str) -> None:
        if code not in LOCAL_CLOSE_CODES:
            sent = code
        elif self._behaviour.replaces_invalid_codes:
            sent = CloseCode.NORMAL_CLOSURE
        else:
            raise ValueError(f"close code {code} must not be sent (RFC 6455, 7.4)")
        self._write_close(sent, reason)
        self._application_closed = True
        if self.protocol.received is not None:  # it was delayed for the messages before it
            self._close_transport()
            return
        if not self._disconnect_queued:
            if self._behaviour.disconnect_has_own_close:
                self._queue_disconnect(code, reason)
            else:
                self._disconnect_queued = True
                self._queue_event(self._disconnect_event(True))
        self._start_close_timer()
        self._read_until_close()


def _is_bytes_like(data: object) -> bool:
    if isinstance(data, (bytes, bytearray)):
        return True
    try:
        memoryview(data).release()  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def _unexpected(message: Event) -> RuntimeError:
    return RuntimeError(f"Unexpected ASGI message '{message['type']}', after sending 'websocket.close'.")
