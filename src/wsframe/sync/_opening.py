"""The opening handshake of a server (RFC 6455, 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from .._http import errors
from .._http.forwarded import Client, ForwardedHeader, TrustedProxies
from .._http.logs import ERROR, INFO, log, log_no_request, log_refusal
from .._http.responses import (
    checked,
    plain_response,
    read_own,
    serialize_101,
    serialize_refusal,
    with_server_field,
)
from .._spec import Role
from ..connection import SansIOConnection
from ..deflate import ServerPolicy
from ..handshake import (
    Accepted,
    NegotiationError,
    Origins,
    Refused,
    Request,
    RequestReader,
    Response,
    Subprotocols,
    accept,
)
from ._socket import Deadline, Socket
from ._tls import TLSSocket
from .connection import Connection

if TYPE_CHECKING:
    from ._server import Server

# Seconds for a peer to close the connection after its opening handshake was refused: bytes that arrive at a
# closed socket reset the connection, and the response may be lost (RFC 9112, 9.6).
LINGER = 1.0


class ServerConnection(Connection):
    """A connection of a server.

    Attributes:
        server: the server that accepted the connection.
        username: the user name, set by `basic_auth`.
    """

    username: str

    def __init__(self, socket: Socket, server: Server, **options: Any) -> None:
        super().__init__(socket, **options)
        self.server = server
        self._is_accepted = False
        self._was_checked = False  # the request, as that of an opening handshake
        self._close_with: tuple[int, str] | None = None  # once it is open
        self._client: Client | None = None  # as proxies describe it

    @property
    def remote_address(self) -> Any:
        return super().remote_address if self._client is None else self._client.address

    @property
    def scheme(self) -> str:
        """How the client is connected, "ws" or "wss"; to a trusted proxy if there is one."""
        if self._client is not None and self._client.scheme is not None:
            return self._client.scheme
        return "wss" if isinstance(self.socket, TLSSocket) else "ws"

    @property
    def host(self) -> str:
        """Host and perhaps port that the client has asked for; empty before the request is there."""
        if self._client is not None and self._client.host is not None:
            return self._client.host
        return "" if self.request is None else self.request.headers.get("Host", "")

    def respond(self, status: int, text: str) -> Response:
        """Return a plain text response, for `process_request` or `process_response`.

        Args:
            status: the status code.
            text: the body, sent as UTF-8.
        """
        return plain_response(status, text)

    def _log_end(self) -> None:
        log(self, INFO, "connection closed")

    def _accept(self) -> None:
        """Note that the handshake is accepted: the connection will be open.

        Raises:
            Refused: the server is closing.
        """
        with self._mutex:
            if self.server.socket_closed.is_set():
                raise errors.shutting_down()
            self._is_accepted = True

    def _go_away(self, close: bool, code: int, reason: str) -> None:
        """Close the connection because its server closes; a request is read no further.

        Args:
            close: whether to close a connection that is open, or about to be.
            code, reason: of the Close frame.
        """
        with self._mutex:
            if not self._is_accepted:
                self.socket.end_input()
                return
            if close and self._protocol is None:
                self._close_with = code, reason
                return
        if close:
            self._close_soon(code, reason)

    def _open(self, protocol: SansIOConnection, rest: bytes) -> None:
        super()._open(protocol, rest)
        with self._mutex:
            close_with = self._close_with
        if close_with is not None:
            self._close_soon(*close_with)


class Opening(NamedTuple):
    """How a server opens connections; see serve."""

    subprotocols: list[str] | None
    select_subprotocol: Callable[[Any, list[str]], str | None] | None
    origins: Origins | None
    compression: ServerPolicy | None
    process_request: Callable[[Any, Request], Response | None] | None
    process_response: Callable[[Any, Request, Response], Response | None] | None
    fields: bytes  # header fields of every 101
    server_field: bytes  # that of every refusal
    max_message: int | None
    max_frame: int | None
    max_fragments: int | None
    max_head: int
    max_headers: int
    proxies: TrustedProxies | None
    forwarded_header: ForwardedHeader

    def open(self, connection: ServerConnection, deadline: Deadline) -> bool:
        """Do the opening handshake; return True if the connection is open, False if its socket is closed."""
        reader = RequestReader(self.max_head, self.max_headers)
        try:
            request = self._read(connection, reader, deadline)
            if request is None:
                connection.close_socket()
                return False
            connection.request = request
            if self.proxies is not None:
                connection._client = self.proxies.client(
                    connection.remote_address, request.headers, self.forwarded_header
                )
            data, accepted = self._respond(connection, request)
        except Refused as refused:
            if isinstance(refused, errors.UpgradeRemoved):
                connection.server._warn_of_proxy(refused)
            data, accepted = refused.response, None
        except Exception:
            log(connection, ERROR, "opening handshake failed", exc_info=True)
            data, accepted = errors.opening_failed().response, None
        if accepted is None:
            data = with_server_field(data, self.server_field)
        connection.response = read_own(data)
        if connection._ended:
            return False
        try:
            connection.socket.sendall(data)
        except OSError:
            connection.close_socket()
            return False
        if accepted is None:
            log_refusal(connection, data, was_checked=connection._was_checked)
            _end(connection)
            return False
        log(connection, INFO, "connection open")
        connection.subprotocol = accepted.subprotocol
        connection._open(
            SansIOConnection(
                Role.SERVER,
                max_message=self.max_message,
                max_frame=self.max_frame,
                max_fragments=self.max_fragments,
                deflate=accepted.deflate,
            ),
            reader.rest,
        )
        return True

    def _read(
        self, connection: ServerConnection, reader: RequestReader, deadline: Deadline
    ) -> Request | None:
        """Read the request; return None if it does not arrive."""
        while True:
            try:
                data = connection.socket.recv_within(deadline)
            except OSError as exc:  # also a time-out
                log_no_request(connection, reader.cut_short(), exc)
                return None
            if not data:
                log_no_request(connection, reader.cut_short())
                if connection.server.socket_closed.is_set():
                    raise errors.shutting_down()
                return None
            try:
                request = reader.feed(data)
            except Refused as refused:
                log_no_request(connection, refused)
                raise
            if request is not None:
                return request

    def _respond(self, connection: ServerConnection, request: Request) -> tuple[bytes, Accepted | None]:
        """Return the response, after process_request and process_response."""
        response: Response | None = None
        accepted: Accepted | None = None
        what = "process_request"
        try:
            if self.process_request is not None:
                response = self.process_request(connection, request)
            if response is None:
                what = "opening handshake"
                accepted = self._accept(connection, request)
                data = accepted.with_fields(self.fields)
            else:
                data = serialize_refusal(checked(response, what), request.method)
            if self.process_response is not None:
                what = "process_response"
                if accepted is not None:
                    response = read_own(data)
                assert response is not None
                connection.response = response
                other = self.process_response(connection, request, response)
                if other is not None:
                    response = checked(other, what)
                if accepted is None or response.status_code != 101:
                    data, accepted = serialize_refusal(response, request.method), None
                else:
                    data = serialize_101(response)
        except Refused:
            raise
        except Exception:
            log(connection, ERROR, f"{what} failed", exc_info=True)
            raise errors.opening_failed() from None
        if accepted is not None:
            connection._accept()
        return data, accepted

    def _accept(self, connection: ServerConnection, request: Request) -> Accepted:
        connection._was_checked = True
        subprotocols: Subprotocols | None = self.subprotocols
        if self.select_subprotocol is not None:
            subprotocols = partial(self.select_subprotocol, connection)
        try:
            return accept(
                request.method,
                request.http_version,
                request.headers.raw,
                subprotocols=subprotocols,
                origins=self.origins,
                compression=self.compression,
            )
        except NegotiationError as exc:
            raise errors.no_agreement(str(exc)) from exc


def _end(connection: ServerConnection) -> None:
    """Give the client time to read the refusal, then close the connection."""
    connection.socket.half_close()
    deadline = Deadline(LINGER)
    with suppress(OSError):
        while connection.socket.recv_within(deadline):
            pass
    connection.close_socket()
