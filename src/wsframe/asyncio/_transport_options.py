"""The options of serve and connect that are passed to asyncio, by name and type."""

from __future__ import annotations

import socket
import ssl as tls
from typing import TypedDict


class _Listen(TypedDict, total=False):
    sock: socket.socket | None
    backlog: int
    ssl_handshake_timeout: float | None
    ssl_shutdown_timeout: float | None
    start_serving: bool


class ListenWithoutSSL(_Listen, total=False):
    """What create_server takes, beside ssl."""

    family: int
    flags: int
    reuse_address: bool | None
    reuse_port: bool | None
    keep_alive: bool | None  # since CPython 3.13


class UnixListenWithoutSSL(_Listen, total=False):
    """What create_unix_server takes, beside ssl."""

    cleanup_socket: bool  # since CPython 3.13


class ListenOptions(ListenWithoutSSL, total=False):
    """What create_server takes."""

    ssl: tls.SSLContext | None


class UnixListenOptions(UnixListenWithoutSSL, total=False):
    """What create_unix_server takes."""

    ssl: tls.SSLContext | None


class UnixConnectOptions(TypedDict, total=False):
    """What create_unix_connection takes."""

    ssl: tls.SSLContext | bool | None
    sock: socket.socket | None
    server_hostname: str | None
    ssl_handshake_timeout: float | None
    ssl_shutdown_timeout: float | None


class ConnectOptions(UnixConnectOptions, total=False):
    """What create_connection takes; and what it takes for TLS to a proxy."""

    host: str | None
    port: int | None
    family: int
    proto: int
    flags: int
    local_addr: tuple[str, int] | None
    happy_eyeballs_delay: float | None
    interleave: int | None
    all_errors: bool  # since CPython 3.12
    proxy_ssl: tls.SSLContext | bool | None
    proxy_server_hostname: str | None
    proxy_ssl_handshake_timeout: float | None
    proxy_ssl_shutdown_timeout: float | None
