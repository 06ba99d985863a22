"""Connecting through a proxy: HTTP CONNECT (RFC 9110, 9.3.6), or SOCKS with python-socks."""

from __future__ import annotations

import socket
import ssl as tls
from typing import Any

from .._http.connecting import connect_request, parse_connect_response, parse_http_proxy
from .._http.errors import InvalidProxyStatus, no_proxy_response
from .._http.proxies import check_proxy, failures_of, made_by, missing_python_socks, naming
from ..handshake import URI
from ._socket import Deadline, Socket
from ._tls import TLSSocket


def connect_through_socks(proxy: str, uri: URI, **options: Any) -> socket.socket:
    """Connect to a server through a proxy.

    Args:
        proxy: its address: socks4://, socks4a://, socks5:// or socks5h://, with user information if it needs
            authentication.
        uri: of the server.
        options: `timeout` in seconds, and `local_addr`, a pair of host and port.

    Returns:
        A socket that is connected to the server.

    Raises:
        ImportError: python-socks is not installed.
        InvalidProxy: the address is not valid.
        ProxyError: the proxy refuses the connection, or is not a proxy.
        OSError: the proxy cannot be reached.
        TimeoutError: it took too long.
    """
    check_proxy(proxy)
    try:
        import python_socks
        from python_socks.sync import Proxy
    except ImportError:
        raise missing_python_socks() from None
    made = made_by(Proxy, proxy)
    with naming(proxy), failures_of(proxy, python_socks.ProxyConnectionError, TimeoutError):
        connected: socket.socket = made.connect(uri.host, uri.port, **options)
    return connected


def connect_through_http(
    proxy: str,
    uri: URI,
    deadline: Deadline,
    user_agent: str | None,
    ssl: tls.SSLContext | None,
    server_hostname: str | None,
    options: dict[str, Any],
) -> Socket:
    """Connect to a server through an HTTP proxy.

    Args:
        proxy: its address: http:// or https://, with user information if it needs authentication.
        uri: of the server.
        deadline: of the whole.
        user_agent: value of the User-Agent header for the proxy; None to omit it.
        ssl: the context for an https:// proxy; None for ssl.create_default_context().
        server_hostname: the name in the certificate of the proxy, instead of its host.
        options: those of socket.create_connection.

    Returns:
        A socket that is connected to the server.

    Raises:
        InvalidProxy: the address is not valid.
        InvalidProxyMessage: the proxy does not respond in HTTP, or not at all.
        InvalidProxyStatus: it refuses.
        OSError: it cannot be reached.
        TimeoutError: the deadline is over.
    """
    address = parse_http_proxy(proxy)
    options = {"timeout": deadline.rest(), **options}
    with naming(proxy):
        sock = socket.create_connection((address.host, address.port), **options)
        try:
            transport = Socket(sock)
            if address.secure:
                secured = TLSSocket(
                    transport,
                    ssl or tls.create_default_context(),
                    server_hostname=server_hostname or address.host,
                )
                secured.handshake(deadline)
                transport = secured
            transport.sendall(connect_request(address, uri, user_agent))
            _open_tunnel(transport, deadline)
        except BaseException:
            sock.close()
            raise
    return transport


def _open_tunnel(transport: Socket, deadline: Deadline) -> None:
    """Wait for the response of the proxy."""
    received = b""
    response = None
    while response is None:
        try:
            data = transport.recv_within(deadline)
            if not data:
                raise no_proxy_response(None)
            received += data
            response = parse_connect_response(received)
        except TimeoutError:
            raise TimeoutError("timed out while connecting to HTTP proxy") from None
        except (OSError, ValueError) as exc:
            raise no_proxy_response(exc) from exc
    if not 200 <= response.status_code < 300:
        raise InvalidProxyStatus(response)
