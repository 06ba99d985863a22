"""Servers for threads that choose a handler by the path of a request, with the URL maps of werkzeug."""

from __future__ import annotations

import ssl as tls
from typing import TYPE_CHECKING, Any, Literal

from .._http.routing import BaseRouter
from ..handshake import Request, Response
from .server import Server, ServerConnection, serve, unix_serve

if TYPE_CHECKING:
    from typing_extensions import Unpack
    from werkzeug.routing import Map

    from ._typed_options import RouteOptions, UnixRouteOptions
    from .server import ProcessRequest

__all__ = ["Router", "route", "unix_route"]


class Router(BaseRouter):
    """Selects the handler of each connection; `route` makes one.

    Args:
        url_map: whose endpoints are handlers, called with the connection and what the path holds.
        server_name: the host in redirects, with its port; None for the Host header of the request.
        url_scheme: the scheme in redirects.
    """

    def handler(self, connection: ServerConnection) -> None:
        """Run the handler that was chosen."""
        routed: Any = connection
        routed.handler(connection, **routed.handler_kwargs)

    @staticmethod
    def _in_order(first: ProcessRequest, then: ProcessRequest) -> ProcessRequest:
        def process_request(connection: ServerConnection, request: Request) -> Response | None:
            response = first(connection, request)
            return then(connection, request) if response is None else response

        return process_request


def route(
    url_map: Map,
    host: str | None = None,
    port: int | None = None,
    *,
    server_name: str | None = None,
    ssl: tls.SSLContext | Literal[True] | None = None,
    create_router: type[Router] | None = None,
    **options: Unpack[RouteOptions],
) -> Server:
    """Make a WebSocket server with a handler for each path; to be used as `serve`.

    It needs werkzeug, which wsframe[router] installs.

    Args:
        url_map: a werkzeug.routing.Map whose endpoints are handlers.  They are called with the connection
            and, as keywords, what the path holds.  `websocket=True` is set in each of its rules.
        host, port, options: those of `serve`.  `process_request` is called before the path is looked at.
        server_name: the host that redirects of the map lead to, where a proxy changes the Host header.
        ssl: the context for TLS, or True where a proxy in front ends TLS: redirects then lead to wss://.
        create_router: makes the Router: a subclass, say.

    Raises:
        ImportError: werkzeug is not installed.
        TypeError: url_map is no Map, or an option has no such name.
    """
    handler, given = Router._serve_arguments(url_map, server_name, ssl, create_router, {**options})
    return serve(handler, host, port, **given)


def unix_route(
    url_map: Map,
    path: str | None = None,
    *,
    server_name: str | None = None,
    ssl: tls.SSLContext | Literal[True] | None = None,
    create_router: type[Router] | None = None,
    **options: Unpack[UnixRouteOptions],
) -> Server:
    """Make a WebSocket server on a Unix socket with a handler for each path.

    Args:
        url_map: see `route`.
        path: of the socket.
        server_name: see `route`.
        ssl: see `route`.
        create_router: see `route`.
        options: those of `unix_serve`.

    Raises:
        ImportError: werkzeug is not installed.
        TypeError: url_map is no Map, or an option has no such name.
    """
    handler, given = Router._serve_arguments(url_map, server_name, ssl, create_router, {**options})
    return unix_serve(handler, path, **given)
