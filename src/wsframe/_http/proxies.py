"""The addresses of the proxies of clients, HTTP CONNECT or SOCKS; python-socks connects through them."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._escape import escape
from .errors import InvalidProxy, ProxyError, without_password
from .uri import URI

NOTE = "proxy: "  # before its address, in a note of an error

# The schemes of proxies; for python-socks its name, and whether the proxy resolves the host name.
SCHEMES = {
    "http": ("http", None),
    "socks4": ("socks4", False),
    "socks4a": ("socks4", True),
    "socks5": ("socks5", False),
    "socks5h": ("socks5", True),
}


def proxy_of_system(uri: URI) -> str | None:
    """Return the proxy for a URI in the environment or in the settings of the system, or None.

    The first of wss_proxy or ws_proxy, socks_proxy, https_proxy, http_proxy (ws:// only) and all_proxy
    counts, unless no_proxy has the host.
    """
    if urllib.request.proxy_bypass(f"{uri.host}:{uri.port}"):
        return None
    proxies = urllib.request.getproxies()
    for scheme in ("wss", "socks", "https", "all") if uri.secure else ("ws", "socks", "https", "http", "all"):
        proxy = proxies.get(scheme)
        if proxy is not None:
            if scheme == "socks" and proxy.startswith("http://"):  # so urllib returns it on macOS
                proxy = "socks5h://" + proxy[len("http://") :]
            return proxy
    return None


def check_proxy(proxy: str, *, tls: bool = False) -> None:
    """Check the address of a proxy.

    Args:
        proxy: the address.
        tls: whether https is allowed.

    Raises:
        InvalidProxy: its scheme is not one of http, socks4, socks4a, socks5 and socks5h, or it has no host.
    """
    scheme, found, rest = proxy.partition("://")
    if not found:
        raise InvalidProxy(proxy, "scheme is missing")
    if scheme not in SCHEMES and not (tls and scheme == "https"):
        raise InvalidProxy(proxy, f"scheme {scheme} isn't supported")
    if not rest.rpartition("@")[2].rstrip("/"):
        raise InvalidProxy(proxy, "host is missing")


def made_by(kind: Any, proxy: str) -> Any:
    """Return an object of python-socks for a proxy.

    Args:
        kind: its class.
        proxy: the address.

    Raises:
        InvalidProxy: the address is not valid.
    """
    scheme, _, rest = proxy.partition("://")
    name, remote = SCHEMES[scheme]
    try:
        return kind.from_url(f"{name}://{rest}", rdns=remote)
    except ValueError as exc:
        raise InvalidProxy(proxy, str(exc)) from None


@contextmanager
def naming(proxy: str) -> Iterator[None]:
    """Add a note with the address of the proxy, without its password, to errors; see `proxy_of_error`.

    Args:
        proxy: the address.
    """
    try:
        yield
    except (OSError, ProxyError) as exc:
        note = f"{NOTE}{escape(without_password(proxy))}"
        if hasattr(exc, "add_note"):
            exc.add_note(note)
        else:  # Python 3.10, which prints no notes
            exc.__notes__ = [note]  # type: ignore[union-attr]
        raise


def proxy_of_error(exc: BaseException) -> str | None:
    """Return the proxy that an error of a client is about, without its password; None where it is none."""
    notes: list[str] = getattr(exc, "__notes__", [])
    return next((note.removeprefix(NOTE) for note in notes if note.startswith(NOTE)), None)


@contextmanager
def failures_of(proxy: str, *kept: type[Exception]) -> Iterator[None]:
    """Raise the exceptions of python-socks as ProxyError.

    Args:
        proxy: the address.
        kept: exceptions that pass unchanged.
    """
    try:
        yield
    except kept:
        raise
    except Exception as exc:
        name = "HTTP" if proxy.startswith("http:") else "SOCKS"
        raise ProxyError(f"failed to connect to {name} proxy") from exc


def missing_python_socks() -> ImportError:
    """Return the error that says what to install."""
    return ImportError(
        "connecting through a proxy needs python-socks: pip install 'wsframe[proxy]', or proxy=None",
        name="python_socks",
    )
