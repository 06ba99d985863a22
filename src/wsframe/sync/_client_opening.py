"""The opening handshake of a client (RFC 6455, 4.1), and its connections."""

from __future__ import annotations

import socket
import ssl as tls
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .._http.proxies import proxy_of_system
from .._http.redirects import MAX_REDIRECTS, Target
from .._options import check_unix_sockets, limits_of
from .._spec import Role
from ..connection import SansIOConnection
from ..handshake import (
    URI,
    InvalidStatus,
    Response,
    ResponseReader,
    SecurityError,
    check_response,
    new_key,
    open_request,
)
from ._proxy import connect_through_http, connect_through_socks
from ._socket import Deadline, Socket
from ._tls import TLSSocket
from .connection import Connection

if TYPE_CHECKING:
    from .._options import MaxSize
    from ..deflate import ClientPolicy

# Seconds to wait for the body of an error response: its end may never arrive.
BODY_TIMEOUT = 0.5


class ClientConnection(Connection):
    """A connection to a server; it is closed when the block of a `with` is left."""


@dataclass(frozen=True)
class Opening:
    """Connects as the arguments of `connect` say, which are checked before.

    Attributes:
        deadline: of all attempts together.
        sock: the socket to use, or None.
        path: of a Unix socket, or None.
        unix: whether a Unix socket is used.
        policy: what the client offers of permessage-deflate, or None.
        make_connection: returns the connection on a socket.
        options: the rest of socket.create_connection.
    """

    deadline: Deadline
    sock: socket.socket | None
    path: str | None
    unix: bool
    ssl: tls.SSLContext | None
    server_hostname: str | None
    proxy: str | Literal[True] | None
    proxy_ssl: tls.SSLContext | None
    proxy_server_hostname: str | None
    origin: str | None
    subprotocols: Sequence[str] | None
    policy: ClientPolicy | None
    user_agent: str | None
    max_size: MaxSize
    max_fragments: int | None
    max_head: int
    max_headers: int
    make_connection: Callable[..., ClientConnection]
    options: dict[str, Any]

    def follow(self, target: Target) -> ClientConnection:
        """Connect to a server, or to the one that it redirects to.

        Raises:
            InvalidHandshake, OSError, TimeoutError: see `connect`.
        """
        where = {"sock": self.sock, "path": self.path} if self.unix else {"sock": self.sock}
        for _ in range(MAX_REDIRECTS):
            try:
                return self._attempt(target)
            except InvalidStatus as exc:
                if exc.location is None:
                    raise
                target = target.redirected(exc.location, exc, where)
        raise SecurityError(f"more than {MAX_REDIRECTS} redirects")

    def _attempt(self, target: Target) -> ClientConnection:
        """Connect to a server, without following redirects."""
        key = new_key()
        request = open_request(
            target.uri,
            key,
            origin=self.origin,
            subprotocols=self.subprotocols,
            compression=self.policy,
            extra_headers=target.headers,
            user_agent=self.user_agent,
        )
        transport = self._reach(target.uri)
        try:
            if transport.sock.family in (socket.AF_INET, socket.AF_INET6):
                transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            if target.uri.secure:
                context = tls.create_default_context() if self.ssl is None else self.ssl
                name = self.server_hostname or target.uri.host
                transport = encrypted = TLSSocket(transport, context, server_hostname=name)
                encrypted.handshake(self.deadline)
            connection = self.make_connection(transport)
            connection.request = request
            transport.sendall(request.serialize())
            reader = ResponseReader(self.max_head, self.max_headers)
            connection.response = _read_response(transport, reader, self.deadline)
            self._open(connection, connection.response, key, reader.rest)
        except BaseException:
            transport.close()
            raise
        return connection

    def _open(self, connection: ClientConnection, response: Response, key: str, rest: bytes) -> None:
        """Check the response of the server and start the connection."""
        agreed = check_response(response, key, subprotocols=self.subprotocols, compression=self.policy)
        connection.subprotocol = agreed.subprotocol
        max_message, max_frame = limits_of(self.max_size)
        connection._open(
            SansIOConnection(
                Role.CLIENT,
                max_message=max_message,
                max_fragments=self.max_fragments,
                max_frame=max_frame,
                deflate=agreed.deflate,
            ),
            rest,
        )

    def _reach(self, uri: URI) -> Socket:
        """Connect a socket to a server, through a proxy if one is to be used."""
        proxy = proxy_of_system(uri) if self.proxy is True else self.proxy
        if self.sock is not None:
            return Socket(self.sock)
        if self.path is not None:
            return Socket(self._connect_unix(self.path))
        if proxy is None:
            options = {"timeout": self.deadline.rest(), **self.options}
            return Socket(socket.create_connection((uri.host, uri.port), **options))
        if proxy.startswith("http"):
            return connect_through_http(
                proxy,
                uri,
                self.deadline,
                self.user_agent,
                self.proxy_ssl,
                self.proxy_server_hostname,
                self.options,
            )
        source = self.options.get("source_address")
        return Socket(connect_through_socks(proxy, uri, timeout=self.deadline.rest(), local_addr=source))

    def _connect_unix(self, path: str) -> socket.socket:
        check_unix_sockets()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(self.deadline.rest())
            sock.connect(path)
        except BaseException:
            sock.close()
            raise
        return sock


def _read_response(transport: Socket, reader: ResponseReader, deadline: Deadline) -> Response:
    """Read the response of the server.

    Raises:
        InvalidMessage: it is not valid.
        TimeoutError: it does not arrive in time.
    """
    while True:
        try:
            data = transport.recv_within(deadline)
        except TimeoutError:
            if reader.refused:  # the status is what counts
                return reader.feed_eof()
            raise TimeoutError("timed out while waiting for handshake response") from None
        response = reader.feed(data) if data else reader.feed_eof()
        if response is not None:
            return response
        if reader.refused:
            deadline = Deadline(BODY_TIMEOUT)
