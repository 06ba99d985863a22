"""Connecting through a proxy, HTTP CONNECT or SOCKS: python-socks speaks with it."""

from __future__ import annotations

import socket
import urllib.request
from typing import Any

from ..handshake import URI, InvalidProxy, ProxyError

# The schemes of proxies, and what of them python-socks is told: whether the proxy looks up the host.
SCHEMES = {
    "http": ("http", None),
    "socks4": ("socks4", False),
    "socks4a": ("socks4", True),
    "socks5": ("socks5", False),
    "socks5h": ("socks5", True),
}


def proxy_of_system(uri: URI) -> str | None:
    """Find the proxy that the environment or the settings of the system name for a URI, or None."""
    if urllib.request.proxy_bypass(f"{uri.host}:{uri.port}"):
        return None
    proxies = urllib.request.getproxies()
    for scheme in ("wss", "socks", "https") if uri.secure else ("ws", "socks", "https", "http"):
        proxy = proxies.get(scheme)
        if proxy is not None:
            if scheme == "socks" and proxy.startswith("http://"):  # as macOS and some tools say it
                proxy = "socks5h://" + proxy[len("http://") :]
            return proxy
    return None


def check_proxy(proxy: str) -> None:
    """Check the address of a proxy.

    Raises:
        InvalidProxy: its scheme is not one of http, socks4, socks4a, socks5 and socks5h, or it names no host.
    """
    scheme, found, rest = proxy.partition("://")
    if not found:
        raise InvalidProxy(proxy, "scheme is missing")
    if scheme not in SCHEMES:
        raise InvalidProxy(proxy, f"scheme {scheme} isn't supported")
    if not rest.rpartition("@")[2].rstrip("/"):
        raise InvalidProxy(proxy, "host is missing")


async def connect_through(proxy: str, uri: URI, **options: Any) -> socket.socket:
    """Connect to a server through a proxy.

    Args:
        proxy: its address: http://, socks4://, socks4a://, socks5:// or socks5h://, with user information
            where it asks for some.
        uri: of the server.
        options: `local_addr`, as asyncio takes it.

    Returns:
        A socket that is connected to the server.

    Raises:
        ImportError: python-socks is not installed.
        InvalidProxy: the address is none.
        ProxyError: the proxy refuses, or is none.
        OSError: the proxy cannot be reached.
    """
    check_proxy(proxy)
    try:
        import python_socks
        from python_socks.async_.asyncio import Proxy
    except ImportError:
        raise ImportError(
            "connecting through a proxy needs python-socks: pip install 'wsframe[proxy]', or proxy=None"
        ) from None
    scheme, _, rest = proxy.partition("://")
    kind, remote = SCHEMES[scheme]
    try:
        made = Proxy.from_url(f"{kind}://{rest}", rdns=remote)
    except ValueError as exc:
        raise InvalidProxy(proxy, str(exc)) from None
    try:
        return await made.connect(uri.host, uri.port, **options)
    except python_socks.ProxyConnectionError:  # an OSError
        raise
    except Exception as exc:
        name = "SOCKS" if kind != "http" else "HTTP"
        raise ProxyError(f"failed to connect to {name} proxy") from exc
