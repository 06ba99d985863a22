"""The state of a connection that all parts of uvicorn's class use; its keep-alive, its end, its log lines."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from uvicorn import __version__
from uvicorn.logging import TRACE_LOG_LEVEL
from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string

from .._spec import CloseCode
from ..asyncio._endpoint import WRITE_LIMIT, Endpoint
from ..connection import State
from ._behaviour import Behaviour, behaviour_of

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

# An event of ASGI.
Event = dict[str, Any]

Function = TypeVar("Function", bound=Callable[..., Any])

# Seconds until a closing connection is aborted, unless the peer still reads.
CLOSE_TIMEOUT = 10.0

# The format of struct linger (SO_LINGER).
LINGER = "hh" if sys.platform == "win32" else "ii"


class Base(Endpoint):
    """An endpoint with the settings of uvicorn, and with the attributes that uvicorn reads.

    Args:
        config: uvicorn's settings.
        server_state: shared by the connections of a server.
        app_state: the state of the application's lifespan.
    """

    __slots__ = (
        "_application_closed",
        "_behaviour",
        "app_state",
        "client",
        "config",
        "ping_sent_at",
        "scope",
        "server",
        "server_state",
    )

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        if not config.loaded:
            config.load()
        behaviour = behaviour_of(config.ws if isinstance(config.ws, str) else "", __version__)
        # 0 means no Pings in uvicorn.
        interval = (config.ws_ping_interval or None) if behaviour.pings else None
        super().__init__(
            listener=None,
            ping_interval=interval,
            ping_timeout=config.ws_ping_timeout,
            close_timeout=CLOSE_TIMEOUT,
            write_limit=WRITE_LIMIT,
            logger=logging.getLogger("uvicorn.error"),
        )
        self.config: Config = config
        self.server_state: ServerState = server_state
        self.app_state: dict[str, Any] = app_state
        self.server: tuple[str, int | None] | None = None
        self.client: tuple[str, int] | None = None
        self.scope: dict[str, Any] = {}
        self.ping_sent_at: float = 0.0
        self._behaviour: Behaviour = behaviour
        self._application_closed = False  # or denied, or no application was started

    # Attributes that uvicorn reads.

    @property
    def close_timer(self) -> asyncio.TimerHandle | None:
        """The timer of the closing handshake."""
        return self._close_timer

    @property
    def ping_timer(self) -> asyncio.TimerHandle | None:
        """The timer of the keep-alive."""
        return None if self._keepalive is None else self._keepalive.timer

    @property
    def last_ping_rtt(self) -> float:
        """Seconds from the last acknowledged Ping to its Pong, 0 before the first."""
        return self.latency

    @property
    def close_timeout(self) -> float | None:
        """Seconds to wait for the end of a closing connection."""
        return self._close_timeout

    @close_timeout.setter
    def close_timeout(self, seconds: float | None) -> None:
        self._close_timeout = seconds

    # The keep-alive.

    def _ping(self, data: bytes | None) -> asyncio.Future[float]:
        self.ping_sent_at = self._loop.time()
        return super()._ping(data)

    def _keepalive_failed(self) -> None:
        self._log_trace("WebSocket keepalive ping timeout")
        if self.state is State.OPEN:
            self._write_close(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
        self._close_transport()

    # Closing.

    def _write_close(self, code: int, reason: str) -> None:
        super()._write_close(code, reason)
        self._wakeup_drain_waiter()  # no `send` needs to wait any more

    def _close_transport(self) -> None:
        if not self._lost:
            super()._close_transport()

    def _fail_connection(self) -> None:
        super()._fail_connection()
        self._wakeup_drain_waiter()

    def _abort_transport(self) -> None:
        reset_at_close(self._flushed_transport)
        super()._abort_transport()

    # Log messages, as those of uvicorn.

    def _log_handshake(self, outcome: str) -> None:
        address: object = self.client
        if not self._behaviour.logs_tuple:
            address = get_client_addr(self.scope)  # type: ignore[arg-type]
        path = get_path_with_query_string(self.scope)  # type: ignore[arg-type]
        self.logger.info('%s - "WebSocket %s" %s', address, path, outcome)

    def _log_trace(self, what: str) -> None:
        if self.logger.isEnabledFor(TRACE_LOG_LEVEL):
            prefix = "{}:{} - ".format(*self.client) if self.client else ""
            self.logger.log(TRACE_LOG_LEVEL, "%s%s", prefix, what)


def shown_as(name: str) -> Callable[[Function], Function]:
    """Give a method its name in the classes of uvicorn: a warning or a log may show it."""

    def rename(function: Function) -> Function:
        function.__name__ = name
        function.__qualname__ = f"WebSocketProtocol.{name}"
        function.__module__ = "wsframe.uvicorn"
        return function

    return rename


def reset_at_close(transport: asyncio.Transport) -> None:
    """Make the system discard unsent data at close, instead of keeping it for minutes."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):  # not every Unix socket has this option
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(LINGER, 1, 0))
