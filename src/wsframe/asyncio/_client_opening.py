"""The opening handshake of a client (RFC 6455, 4.1), and its connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .._options import limits_of
from .._spec import Role
from ..connection import SansIOConnection
from ..handshake import (
    InvalidMessage,
    InvalidStatus,
    Request,
    Response,
    ResponseReader,
    check_response,
)
from .connection import Connection

if TYPE_CHECKING:
    from .client import connect

# Seconds to wait for the body of an error response: its end may never arrive.
BODY_TIMEOUT = 0.5


class ClientConnection(Connection):
    """A connection to a server."""

    request: Request | None
    subprotocol: str | None

    __slots__ = (
        "_response",
        "_body_timer",
        "_connect",
        "_ended_at",
        "_key",
        "_handshake_waiter",
        "_opened_at",
        "_reader",
    )

    def __init__(self, connect: connect, request: Request, key: str) -> None:
        super().__init__(
            listener=None if connect.listener is None else connect.listener(),
            ping_interval=connect.ping_interval,
            ping_timeout=connect.ping_timeout,
            close_timeout=connect.close_timeout,
            max_unsent=connect.max_unsent,
            slow_peer=connect.slow_peer,
            write_limit=connect.write_limit,
            max_queue=connect.max_queue,
            logger=connect.logger,
        )
        self._connect = connect
        self._key = key
        self._reader = ResponseReader(connect.max_head, connect.max_headers)
        self._handshake_waiter: asyncio.Future[None] = self._loop.create_future()
        self._response: Response | None = None
        self._body_timer: asyncio.TimerHandle | None = None
        self._opened_at = self._ended_at = 0.0
        self.request = request

    @property
    def response(self) -> Response | None:
        return self._response

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.request is not None
        self._flushed_transport.write(self.request.serialize())

    def _receive_handshake(self, data: bytes) -> None:
        if self._handshake_waiter.done():
            return  # the handshake has failed
        try:
            response = self._response = self._reader.feed(data)
            if response is None:
                if self._reader.refused and self._body_timer is None:
                    self._body_timer = self._loop.call_later(BODY_TIMEOUT, self._body_timed_out)
                return
            agreed = check_response(
                response,
                self._key,
                subprotocols=self._connect.subprotocols,
                compression=self._connect.compression,
            )
        except Exception as exc:  # an InvalidHandshake, or raised by a ClientPolicy subclass
            self._fail_handshake(exc)
            return
        self.subprotocol = agreed.subprotocol
        self._opened_at = self._loop.time()
        self._handshake_waiter.set_result(None)
        max_message, max_frame = limits_of(self._connect.max_size)
        self._open(
            SansIOConnection(
                Role.CLIENT,
                max_message=max_message,
                max_fragments=self._connect.max_fragments,
                max_frame=max_frame,
                deflate=agreed.deflate,
            ),
            self._reader.rest,
        )

    def _body_timed_out(self) -> None:
        """Fail with an error response whose body is incomplete: its status is what counts."""
        if not self._handshake_waiter.done():
            self._response = self._reader.feed_eof()
            self._fail_handshake(InvalidStatus(self._response))

    def _fail_handshake(self, exc: Exception) -> None:
        self._handshake_waiter.set_exception(exc)
        self._flushed_transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended_at = self._loop.time()
        if self._body_timer is not None:
            self._body_timer.cancel()
        if not self._handshake_waiter.done():
            self._handshake_waiter.set_exception(exc or self._incomplete_response())
        super().connection_lost(exc)

    def _incomplete_response(self) -> Exception:
        try:
            return InvalidStatus(self._reader.feed_eof())
        except InvalidMessage as exc:
            return exc

    async def _wait_opened(self) -> None:
        """Wait for the end of the opening handshake."""
        await self._handshake_waiter

    def _abort_handshake(self) -> None:
        """Abort a connection whose opening handshake failed or was cancelled."""
        self._handshake_waiter.cancel()
        if getattr(self, "transport", None) is not None:
            self._flushed_transport.abort()

    @property
    def _open_seconds(self) -> float:
        """How many seconds the connection was open, after it is closed."""
        return self._ended_at - self._opened_at
