"""Connecting through a proxy, HTTP CONNECT or SOCKS, with python-socks."""

from __future__ import annotations

import socket
from typing import Any

from .._http.proxies import check_proxy, failures_of, made_by, missing_python_socks, naming
from ..handshake import URI


async def connect_through(proxy: str, uri: URI, **options: Any) -> socket.socket:
    """Connect to a server through a proxy.

    Args:
        proxy: its address: http://, socks4://, socks4a://, socks5:// or socks5h://, with user information
            if it needs authentication.
        uri: the URI of the server.
        options: `local_addr`, as asyncio takes it.

    Returns:
        A socket that is connected to the server.

    Raises:
        ImportError: python-socks is not installed.
        InvalidProxy: the address of the proxy is not valid.
        ProxyError: the proxy refuses the connection, or is not a proxy.
        OSError: the proxy cannot be reached.
    """
    check_proxy(proxy)
    try:
        import python_socks
        from python_socks.async_.asyncio import Proxy
    except ImportError:
        raise missing_python_socks() from None
    client = made_by(Proxy, proxy)
    with naming(proxy), failures_of(proxy, python_socks.ProxyConnectionError):  # an OSError
        connected: socket.socket = await client.connect(uri.host, uri.port, **options)
    return connected
