"""All options of serve and connect, for the signatures that pass them on; a test holds them to both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict

from ._transport_options import (
    ListenWithoutSSL,
    UnixConnectOptions,
    UnixListenOptions,
    UnixListenWithoutSSL,
)

if TYPE_CHECKING:
    from .._http.forwarded import ForwardedHeader, TrustedProxy
    from .._http.messages import HeadersLike
    from .._options import MaxSize
    from ..deflate import ClientPolicy, ServerPolicy
    from ..handshake import Origins, Request
    from ._endpoint import AnyLogger, WriteLimit
    from ._listener import Listener
    from .client import ClientConnection, connect
    from .connection import MaxQueue, SlowPeer
    from .server import (
        Handler,
        ProcessRequest,
        ProcessResponse,
        SelectSubprotocol,
        Server,
        ServerConnection,
    )


class _ServerOptions(TypedDict, total=False):
    subprotocols: Sequence[str] | None
    select_subprotocol: SelectSubprotocol | None
    origins: Origins | None
    compression: ServerPolicy | Literal["deflate"] | None
    process_request: ProcessRequest | None
    process_response: ProcessResponse | None
    additional_headers: HeadersLike
    server_header: str | None
    max_size: MaxSize
    max_fragments: int | None
    max_head: int
    max_headers: int
    open_timeout: float | None
    ping_interval: float | None
    ping_timeout: float | None
    close_timeout: float | None
    max_unsent: int | None
    slow_peer: SlowPeer
    write_limit: WriteLimit
    max_queue: MaxQueue
    logger: AnyLogger | None
    create_connection: Callable[[Server, Handler | type[Listener]], ServerConnection] | None
    trusted_proxies: Iterable[TrustedProxy] | None
    forwarded_header: ForwardedHeader
    proxy_protocol: bool


class UnixServeOptions(_ServerOptions, UnixListenOptions, total=False):
    """The options of unix_serve."""


class RouteOptions(_ServerOptions, ListenWithoutSSL, total=False):
    """The options of route."""


class UnixRouteOptions(_ServerOptions, UnixListenWithoutSSL, total=False):
    """The options of unix_route."""


class UnixClientOptions(UnixConnectOptions, total=False):
    """The options of unix_connect."""

    origin: str | None
    subprotocols: Sequence[str] | None
    compression: ClientPolicy | Literal["deflate"] | None
    additional_headers: HeadersLike
    user_agent_header: str | None
    proxy: str | Literal[True] | None
    listener: Callable[[], Listener] | None
    max_size: MaxSize
    max_fragments: int | None
    max_head: int
    max_headers: int
    open_timeout: float | None
    ping_interval: float | None
    ping_timeout: float | None
    close_timeout: float | None
    max_unsent: int | None
    slow_peer: SlowPeer
    reconnect_delays: Callable[[], Iterator[float]]
    process_exception: Callable[[Exception], Exception | None]
    write_limit: WriteLimit
    max_queue: MaxQueue
    logger: AnyLogger | None
    create_connection: Callable[[connect, Request, str], ClientConnection] | None
