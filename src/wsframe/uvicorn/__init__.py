"""A WebSocket class for uvicorn: `uvicorn --ws wsframe.uvicorn:WebSocketProtocol app:app`.

For an ASGI application it behaves as uvicorn's own classes (ASGI websocket 2.4).
"""

# Each part is a class in a file of its own, which inherits from the part that it needs:
# Base, Receiving, Refusing, Opening, Sending, WebSocketProtocol.

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.utils import ClientDisconnected, get_local_addr, get_remote_addr, is_ssl

from .._backend import asgi_calls
from .._spec import CloseCode
from ..asyncio._traffic import UVICORN
from ..connection import State
from ._scope import FRAGMENTS
from ._sending import Sending

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

__all__ = ["FRAGMENTS", "WebSocketProtocol"]

# Seconds until a connection that does not end is aborted when the server shuts down.
SHUTDOWN_TIMEOUT = 10.0


class WebSocketProtocol(Sending):
    """A WebSocket connection of uvicorn, which creates it when a request asks for the upgrade.

    Reading continues while the application is busy, to reply to control frames, until `ws_max_queue` messages
    or 64 KiB of them are queued.

    Args:
        config: uvicorn's settings.
        server_state: shared by the connections of a server.
        app_state: the state of the application's lifespan.
    """

    __slots__ = ("_shutdown_timer",)

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._shutdown_timer: asyncio.TimerHandle | None = None

    # The application.

    async def _run_asgi(self) -> None:
        try:
            result = await self.config.loaded_app(self.scope, *asgi_calls(self))
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
            self._fail_handshake()
        else:
            if self._protocol is None and not self._application_closed and not self._lost:
                self.logger.error("ASGI callable returned without completing handshake.")
                self._fail_handshake()
            elif result is not None:
                self.logger.error("ASGI callable should return None, but returned '%s'.", result)
            elif self._is_open and not self._behaviour.closes_at_return:
                self._application_returned = True
        self._finish_delayed_close()
        self.flush()
        if not self._waits_for_close and not (self._application_returned and self._is_open):
            self._close_transport()

    @property
    def _waits_for_close(self) -> bool:
        """Whether the application has closed, and the Close of the peer has not arrived or timed out yet."""
        return self.state is State.CLOSING and not self._flushed_transport.is_closing()

    # Callbacks of the transport and the server.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.server: tuple[str, int | None] | None = get_local_addr(self._flushed_transport)
        self.client: tuple[str, int] | None = get_remote_addr(self._flushed_transport)
        self._log_trace("WebSocket connection made")
        # Last: if anything above raised, it would never be removed.
        self.server_state.connections.add(self)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        """Process bytes from uvicorn's HTTP class, which serializes the request again."""
        self._receive(data)

    def eof_received(self) -> bool:
        # A client that has sent all may still wait for replies; TLS closes both directions at once.
        return self._close_is_delayed and not is_ssl(self._flushed_transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server_state.connections.discard(self)
        UVICORN.lost(self)
        self._log_trace("WebSocket connection lost")
        opened = self._protocol is not None
        for timer in (self._close_reply_timer, self._shutdown_timer):
            if timer is not None:
                timer.cancel()
        self._close_reply_timer = self._shutdown_timer = None
        super().connection_lost(exc)
        if (
            opened
            and not self._disconnect_queued
            and self._behaviour.disconnect_code_without_close == CloseCode.ABNORMAL_CLOSURE
        ):
            self._queue_disconnect(self._behaviour.disconnect_code_without_close, "")
        else:
            self._queue_event(self._disconnect_event(opened))
        self._disconnect_queued = True
        if self._behaviour.logs_closed:
            self.logger.info("connection closed")

    def shutdown(self) -> None:
        """Close the connection: the server shuts down."""
        protocol = self._protocol
        if protocol is None:
            self._fail_handshake()
        elif protocol.state is State.OPEN:
            if not self._disconnect_queued:
                self._disconnect_queued = True
                self._queue_event({"type": "websocket.disconnect", "code": int(CloseCode.SERVICE_RESTART)})
            self._write_close(CloseCode.SERVICE_RESTART, "")
        self._close_transport()
        if self._shutdown_timer is None:  # a limit for all that follows
            timeout = self.config.timeout_graceful_shutdown
            seconds = SHUTDOWN_TIMEOUT if timeout is None else min(timeout, SHUTDOWN_TIMEOUT)
            self._shutdown_timer = self._loop.call_later(seconds, self._abort_transport)
