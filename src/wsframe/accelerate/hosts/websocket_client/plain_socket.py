"""A read or a write of a socket without TLS; the original code raises the error of one that failed."""

from __future__ import annotations

from collections.abc import Callable
from socket import socket
from types import SimpleNamespace
from typing import Any

from ...host import Host


def recv(original: Callable[..., Any], _: Host) -> Callable[..., Any]:
    return on_plain_sockets(original, "recv")


def send(original: Callable[..., Any], _: Host) -> Callable[..., Any]:
    return on_plain_sockets(original, "send")


def on_plain_sockets(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    def on_plain_socket(sock: Any, value: Any) -> Any:
        if type(sock) is not socket or type(value) is str:
            return original(sock, value)
        try:
            result = getattr(sock, name)(value)
        except BlockingIOError:
            result = None
        except OSError as exc:
            return original(failed(sock, exc), value)
        return result or original(sock, value)

    return on_plain_socket


def failed(sock: socket, exc: OSError) -> Any:
    """Return a socket for the original code that raises an error again."""

    def again(_: Any) -> None:
        raise exc

    return SimpleNamespace(gettimeout=sock.gettimeout, recv=again, send=again)
