"""The addresses of proxies, HTTP CONNECT or SOCKS: python-socks speaks with them."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import InvalidProxy, ProxyError
from .uri import URI

# The schemes of proxies, and the option of python-socks: whether the proxy looks up the host.
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


def check_proxy(proxy: str, *, tls: bool = False) -> None:
    """Check the address of a proxy.

    Args:
        proxy: the address.
        tls: whether https is among the schemes.

    Raises:
        InvalidProxy: its scheme is not one of http, socks4, socks4a, socks5 and socks5h, or it names no host.
    """
    scheme, found, rest = proxy.partition("://")
    if not found:
        raise InvalidProxy(proxy, "scheme is missing")
    if scheme not in SCHEMES and not (tls and scheme == "https"):
        raise InvalidProxy(proxy, f"scheme {scheme} isn't supported")
    if not rest.rpartition("@")[2].rstrip("/"):
        raise InvalidProxy(proxy, "host is missing")


def made_by(kind: Any, proxy: str) -> Any:
    """Make an object of python-socks for a proxy.

    Args:
        kind: its class.
        proxy: the address.

    Raises:
        InvalidProxy: the address is none.
    """
    scheme, _, rest = proxy.partition("://")
    name, remote = SCHEMES[scheme]
    try:
        return kind.from_url(f"{name}://{rest}", rdns=remote)
    except ValueError as exc:
        raise InvalidProxy(proxy, str(exc)) from None


@contextmanager
def failures_of(proxy: str, *kept: type[Exception]) -> Iterator[None]:
    """Turn what python-socks raises into a ProxyError.

    Args:
        proxy: the address.
        kept: exceptions that are left as they are.
    """
    try:
        yield
    except kept:
        raise
    except Exception as exc:
        name = "HTTP" if proxy.startswith("http:") else "SOCKS"
        raise ProxyError(f"failed to connect to {name} proxy") from exc


def missing_python_socks() -> ImportError:
    """Make the error that says what to install."""
    return ImportError(
        "connecting through a proxy needs python-socks: pip install 'wsframe[proxy]', or proxy=None"
    )
