"""The options of serve and connect that signatures pass on; a test compares them with both."""

from __future__ import annotations

import socket
import ssl as tls
from collections.abc import Callable
from typing import TYPE_CHECKING, TypedDict

from .._options import ClientOptions, ServerOptions

if TYPE_CHECKING:
    from .client import ClientConnection
    from .server import ProcessRequest, ProcessResponse, SelectSubprotocol, ServerConnection


class UnixListenOptions(TypedDict, total=False):
    """What socket.create_server takes for a Unix socket."""

    backlog: int


class ListenOptions(UnixListenOptions, total=False):
    """What socket.create_server takes."""

    family: int
    reuse_port: bool
    dualstack_ipv6: bool


class ConnectOptions(TypedDict, total=False):
    """What socket.create_connection takes."""

    source_address: tuple[str, int] | None
    all_errors: bool  # since CPython 3.11


class _ServeWithoutSSL(ServerOptions, total=False):
    sock: socket.socket | None
    select_subprotocol: SelectSubprotocol | None
    process_request: ProcessRequest | None
    process_response: ProcessResponse | None
    create_connection: Callable[..., ServerConnection] | None


class UnixServeOptions(_ServeWithoutSSL, UnixListenOptions, total=False):
    """The options of unix_serve."""

    ssl: tls.SSLContext | None


class RouteOptions(_ServeWithoutSSL, ListenOptions, total=False):
    """The options of route."""


class UnixRouteOptions(_ServeWithoutSSL, UnixListenOptions, total=False):
    """The options of unix_route."""


class UnixClientOptions(ClientOptions, total=False):
    """The options of unix_connect."""

    sock: socket.socket | None
    ssl: tls.SSLContext | None
    server_hostname: str | None
    proxy_ssl: tls.SSLContext | None
    proxy_server_hostname: str | None
    create_connection: Callable[..., ClientConnection] | None
