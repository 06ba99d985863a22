"""All options of serve and connect, for the signatures that pass them on; a test compares them with both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .._options import ClientOptions, ServerOptions
from ._transport_options import (
    ListenWithoutSSL,
    UnixConnectOptions,
    UnixListenOptions,
    UnixListenWithoutSSL,
)

if TYPE_CHECKING:
    from ..handshake import Request
    from ._endpoint import WriteLimit
    from ._listener import Listener
    from .client import ClientConnection, connect
    from .connection import SlowPeer
    from .server import (
        Handler,
        ProcessRequest,
        ProcessResponse,
        SelectSubprotocol,
        Server,
        ServerConnection,
    )


class _ServerOptions(ServerOptions, total=False):
    select_subprotocol: SelectSubprotocol | None
    process_request: ProcessRequest | None
    process_response: ProcessResponse | None
    max_unsent: int | None
    slow_peer: SlowPeer
    write_limit: WriteLimit
    create_connection: Callable[[Server, Handler | type[Listener]], ServerConnection] | None


class UnixServeOptions(_ServerOptions, UnixListenOptions, total=False):
    """The options of unix_serve."""


class RouteOptions(_ServerOptions, ListenWithoutSSL, total=False):
    """The options of route."""


class UnixRouteOptions(_ServerOptions, UnixListenWithoutSSL, total=False):
    """The options of unix_route."""


class UnixClientOptions(ClientOptions, UnixConnectOptions, total=False):
    """The options of unix_connect."""

    listener: Callable[[], Listener] | None
    max_unsent: int | None
    slow_peer: SlowPeer
    reconnect_delays: Callable[[], Iterator[float]]
    process_exception: Callable[[Exception], Exception | None]
    write_limit: WriteLimit
    create_connection: Callable[[connect, Request, str], ClientConnection] | None
