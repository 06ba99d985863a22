"""Connecting through a proxy, HTTP CONNECT or SOCKS: python-socks speaks with it."""

from __future__ import annotations

import socket
from typing import Any

from .._http.proxies import check_proxy, failures_of, made_by, missing_python_socks
from ..handshake import URI


def connect_through(proxy: str, uri: URI, **options: Any) -> socket.socket:
    """Connect to a server through a proxy.

    Args:
        proxy: its address: http://, socks4://, socks4a://, socks5:// or socks5h://, with user information
            where it asks for some.
        uri: of the server.
        options: `timeout` in seconds, and `local_addr`, a pair of host and port.

    Returns:
        A socket that is connected to the server.

    Raises:
        ImportError: python-socks is not installed.
        InvalidProxy: the address is none.
        ProxyError: the proxy refuses, or is none.
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
    with failures_of(proxy, python_socks.ProxyConnectionError, TimeoutError):
        connected: socket.socket = made.connect(uri.host, uri.port, **options)
    return connected
