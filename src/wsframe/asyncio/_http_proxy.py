"""Connecting through an HTTP proxy with CONNECT (RFC 9110, 9.3.6), on TLS or not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .._http.connecting import connect_request, parse_connect_response, parse_http_proxy
from .._http.errors import InvalidProxyStatus, no_proxy_response
from .._http.proxies import naming

if TYPE_CHECKING:
    from .._http.connecting import HTTPProxy
    from ..handshake import URI, Response


class _Tunnel(asyncio.Protocol):
    """Sends the request, and waits for the response."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._received = b""
        self.response: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self.response.done():
            return
        try:
            response = parse_connect_response(self._received)
        except ValueError as exc:
            self.response.set_exception(no_proxy_response(exc))
            return
        if response is None:
            return
        if 200 <= response.status_code < 300:
            self.response.set_result(response)
        else:
            self.response.set_exception(InvalidProxyStatus(response))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.response.done():
            self.response.set_exception(no_proxy_response(exc))


def check_proxy_tls(address: str, options: dict[str, Any]) -> None:
    """Check `proxy_ssl`.

    Raises:
        ValueError: it does not agree with the scheme of the proxy.
    """
    if address.startswith("https://"):
        if options.get("proxy_ssl", True) is None:
            raise ValueError("proxy_ssl=None is incompatible with an https:// proxy")
    elif options.get("proxy_ssl") is not None:
        scheme = address.partition("://")[0]
        raise ValueError(f"proxy_ssl argument is incompatible with an {scheme}:// proxy")


def split_options(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split options of asyncio's create_connection: those for the proxy, and those for TLS to the server."""
    for_proxy: dict[str, Any] = {}
    for_server: dict[str, Any] = {}
    for name, value in options.items():
        if name.startswith("proxy_"):
            for_proxy[name.removeprefix("proxy_")] = value
        elif name.startswith("ssl") or name == "server_hostname":
            for_server[name] = value
        else:
            for_proxy[name] = value
    return for_proxy, for_server


async def connect_through_http(
    connection: asyncio.BaseProtocol, address: str, uri: URI, user_agent: str | None, options: dict[str, Any]
) -> None:
    """Connect to a server through an HTTP proxy.

    Args:
        connection: the protocol of the transport to the server.
        address: of the proxy.
        uri: the URI of the server.
        user_agent: value of the User-Agent header for the proxy; None to omit it.
        options: those of asyncio's create_connection; those for the proxy alone begin with `proxy_`.

    Raises:
        InvalidProxy: the address of the proxy is not valid.
        InvalidProxyMessage: the proxy does not respond in HTTP, or not at all.
        InvalidProxyStatus: it refuses.
        OSError: it cannot be reached.
    """
    proxy = parse_http_proxy(address)
    for_proxy, for_server = split_options(options)
    if proxy.secure:
        for_proxy.setdefault("ssl", True)
    else:
        for_proxy.pop("ssl", None)
    with naming(address):
        transport = await open_tunnel(proxy, uri, user_agent, **for_proxy)
    try:
        transport.set_protocol(connection)
        context = for_server.pop("ssl", None)
        if context is not None:
            loop = asyncio.get_running_loop()
            secured = await loop.start_tls(transport, connection, context, **for_server)
            assert secured is not None
            transport = secured
    except BaseException:
        transport.abort()
        raise
    connection.connection_made(transport)


async def open_tunnel(
    proxy: HTTPProxy, uri: URI, user_agent: str | None, **options: Any
) -> asyncio.Transport:
    """Connect to a server through an HTTP proxy.

    Args:
        proxy: the proxy.
        uri: the URI of the server.
        user_agent: value of the User-Agent header; None to omit it.
        options: those of asyncio's create_connection for the connection to the proxy.

    Returns:
        A transport to the server.

    Raises:
        InvalidProxyMessage: the proxy does not respond in HTTP, or not at all.
        InvalidProxyStatus: it refuses.
        OSError: it cannot be reached.
    """
    options.setdefault("host", proxy.host)
    options.setdefault("port", proxy.port)
    request = connect_request(proxy, uri, user_agent)
    transport, tunnel = await asyncio.get_running_loop().create_connection(
        lambda: _Tunnel(request), **options
    )
    try:
        await tunnel.response
    except BaseException:
        if tunnel.response.done() and not tunnel.response.cancelled():
            tunnel.response.exception()  # it was retrieved, or the wait for it was cancelled
        transport.abort()
        raise
    return transport
