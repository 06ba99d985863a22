"""The choice of a handler by the path of a request, with the URL maps of werkzeug."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from .messages import Request, Response

if TYPE_CHECKING:
    import ssl as tls

    from werkzeug.routing import Map


def check_url_map(url_map: object) -> None:
    """Check the first argument of `route`.

    Raises:
        ImportError: werkzeug is not installed.
        TypeError: it is not a Map.
    """
    try:
        from werkzeug.routing import Map
    except ImportError:
        raise ImportError("route() needs werkzeug: pip install 'wsframe[router]'") from None
    if not isinstance(url_map, Map):
        raise TypeError(f"url_map must be a werkzeug.routing.Map, not {type(url_map).__name__}")


class BaseRouter:
    """The base of the routers of asyncio and of threads."""

    handler: Callable[[Any], Any]

    def __init__(self, url_map: Map, server_name: str | None = None, url_scheme: str = "ws") -> None:
        check_url_map(url_map)
        self.url_map = url_map
        self.server_name = server_name
        self.url_scheme = url_scheme
        for rule in url_map.iter_rules():
            rule.websocket = True

    def get_server_name(self, connection: Any, request: Request) -> str:
        """Return the host that redirects lead to."""
        return request.headers["Host"] if self.server_name is None else self.server_name

    def redirect(self, connection: Any, url: str) -> Response:
        """Make the response for a rule with `redirect_to`."""
        response: Response = connection.respond(HTTPStatus.FOUND, f"Found at {url}")
        response.headers["Location"] = url
        return response

    def not_found(self, connection: Any) -> Response:
        """Make the response for a path that no rule matches."""
        response: Response = connection.respond(HTTPStatus.NOT_FOUND, "Not Found")
        return response

    def route_request(self, connection: Any, request: Request) -> Response | None:
        """Choose the handler: a `process_request`."""
        from werkzeug.exceptions import NotFound
        from werkzeug.routing import RequestRedirect

        adapter = self.url_map.bind(self.get_server_name(connection, request), url_scheme=self.url_scheme)
        target = urlsplit(request.path)
        try:
            endpoint, arguments = adapter.match(path_info=target.path, query_args=target.query)
        except RequestRedirect as redirect:
            return self.redirect(connection, redirect.new_url)
        except NotFound:
            return self.not_found(connection)
        connection.handler, connection.handler_kwargs = endpoint, arguments
        return None

    @staticmethod
    def _in_order(first: Callable[[Any, Request], Any], then: Callable[[Any, Request], Any]) -> Any:
        """Return a `process_request` that calls the first, and the other if that one returns None."""
        raise NotImplementedError

    @classmethod
    def _serve_arguments(
        cls,
        url_map: Map,
        server_name: str | None,
        ssl: tls.SSLContext | Literal[True] | None,
        create_router: Callable[..., BaseRouter] | None,
        options: dict[str, Any],
    ) -> tuple[Any, dict[str, Any]]:
        """Return the handler and the options of `serve` for the arguments of `route`."""
        check_url_map(url_map)
        make = cls if create_router is None else create_router
        router = make(url_map, server_name, "ws" if ssl is None else "wss")
        before, process_request = options.get("process_request"), router.route_request
        if before is not None:
            process_request = cls._in_order(before, process_request)
        if ssl is not None and ssl is not True:
            options["ssl"] = ssl
        return router.handler, {**options, "process_request": process_request}
