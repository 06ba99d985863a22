"""WebSocket servers for threads: the handler of each connection runs in a thread of its own."""

from __future__ import annotations

import socket
import ssl as tls
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .. import __version__
from .._http.forwarded import ForwardedHeader, TrustedProxies, TrustedProxy, check_forwarded_header
from .._http.logs import ERROR, log
from .._http.messages import HeadersLike
from .._http.reader import MAX_HEAD, MAX_HEADERS
from .._options import (
    MaxQueue,
    MaxSize,
    check_callable,
    check_limits,
    check_logger,
    check_max_queue,
    check_names,
    check_seconds,
    check_unix_sockets,
    limits_of,
    policy_of,
)
from .._spec import DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_MESSAGE, CloseCode, Role
from ..deflate import ServerPolicy
from ..handshake import (
    Origins,
    Request,
    RequestReader,
    Response,
    check_origins,
    list_of_subprotocols,
    write_extra,
)
from ._basic_auth import basic_auth
from ._opening import Opening, ServerConnection
from ._proxy_protocol import read_header
from ._server import Server
from ._socket import Deadline, Socket
from ._tls import TLSSocket
from ._typed_options import ListenOptions, UnixListenOptions
from .connection import MAX_QUEUE

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._options import AnyLogger
    from ._typed_options import UnixServeOptions

__all__ = ["Server", "ServerConnection", "basic_auth", "serve", "unix_serve"]

Handler = Callable[[ServerConnection], object]
ProcessRequest = Callable[[ServerConnection, Request], "Response | None"]
ProcessResponse = Callable[[ServerConnection, Request, Response], "Response | None"]
SelectSubprotocol = Callable[[ServerConnection, list[str]], "str | None"]


def serve(
    handler: Handler,
    host: str | None = None,
    port: int | None = None,
    *,
    sock: socket.socket | None = None,
    ssl: tls.SSLContext | None = None,
    origins: Origins | None = None,
    subprotocols: Sequence[str] | None = None,
    select_subprotocol: SelectSubprotocol | None = None,
    compression: ServerPolicy | Literal["deflate"] | None = "deflate",
    process_request: ProcessRequest | None = None,
    process_response: ProcessResponse | None = None,
    additional_headers: HeadersLike = (),
    server_header: str | None = f"wsframe/{__version__}",
    open_timeout: float | None = 10,
    ping_interval: float | None = 20,
    ping_timeout: float | None = 20,
    close_timeout: float | None = 10,
    max_size: MaxSize = DEFAULT_MAX_MESSAGE,
    max_fragments: int | None = DEFAULT_MAX_FRAGMENTS,
    max_head: int = MAX_HEAD,
    max_headers: int = MAX_HEADERS,
    max_queue: MaxQueue = MAX_QUEUE,
    logger: AnyLogger | None = None,
    create_connection: Callable[..., ServerConnection] | None = None,
    trusted_proxies: Iterable[TrustedProxy] | None = None,
    forwarded_header: ForwardedHeader = "X-Forwarded-For",
    proxy_protocol: bool = False,
    **options: Unpack[ListenOptions],
) -> Server:
    """Make a WebSocket server that listens; its `serve_forever` accepts connections.

    Args:
        handler: called with each connection, in a thread of its own; the connection is closed when it
            returns.
        host, port: where to listen; None for all interfaces, and for a free port.
        sock: a listening socket, instead of them.
        ssl: the context for TLS, or None.
        origins: the allowed origins, as strings or patterns; None among them allows a request without
            Origin.  None allows all, an empty sequence none.
        subprotocols: those the server supports, in order of preference.  None and an empty sequence: none,
            and those that a client offers are ignored.
        select_subprotocol: called with the connection and the list that the client offers, it returns one
            of them or None, or raises NegotiationError for a 400.
        compression: "deflate" or a ServerPolicy for permessage-deflate, None for none.
        process_request: called with the connection and the request, it may return a Response to send
            instead of opening a WebSocket.  If it fails, the client gets a 500.
        process_response: called with the connection, the request and the response, which it may change; it
            may return another one.
        additional_headers: header fields to add to the response.
        server_header: value of the Server header; None to omit it.
        open_timeout: seconds for the TLS handshake and the request; None for no limit.
        ping_interval: seconds between keep-alive Pings; None for none.
        ping_timeout: seconds to wait for the Pong; None for no limit.
        close_timeout: seconds to wait for the end of a closing connection; None for no limit.
        max_size: maximum size of a message in bytes, or a pair: of a message and of one of its frames; None
            for no limit.
        max_fragments: maximum number of frames of a message; None for no limit.
        max_head: maximum size of request line and header fields in bytes; more are a 431.
        max_headers: maximum number of header fields of a request; more are a 431.
        max_queue: queued messages over which reading pauses; None for no limit.  Of a pair, the first one
            counts.
        logger: the logger, instead of "wsframe.server".
        create_connection: returns the connection: ServerConnection or a subclass.
        trusted_proxies: the proxies that say who the client is: addresses and networks, as str or objects of
            ipaddress, and "unix" for all peers on Unix sockets.  `remote_address`, `scheme` and `host` of
            their connections are those of the client.  None trusts nobody.
        forwarded_header: the header field that these proxies set: "X-Forwarded-For", which
            X-Forwarded-Proto and X-Forwarded-Host go with, or "Forwarded" (RFC 7239).  They must set it in
            every request.  If it is malformed, the client gets a 400.
        proxy_protocol: whether each connection starts with a header of the PROXY protocol, version 1 or 2,
            before TLS; without one it is closed, and so are those of peers that are not among
            trusted_proxies.  Without trusted_proxies, the header of every peer is believed.
        options: the rest of socket.create_server: family, backlog, reuse_port, dualstack_ipv6.

    Raises:
        TypeError: an option has no such name, or is of the wrong type.
        ValueError: the value of an option is out of range.
        OSError: the address cannot be listened on.
    """
    where: dict[str, Any] = {**options}
    unix, path = where.pop("unix", False), where.pop("path", None)  # of unix_serve
    if unix:
        check_names(unix_serve, where, serve, UnixListenOptions.__optional_keys__)
    else:
        check_names(serve, where, serve, ListenOptions.__optional_keys__)
    if not callable(handler):
        raise TypeError(f"handler must be a function, not {type(handler).__name__}")
    check_callable("process_request", process_request)
    check_callable("process_response", process_response)
    check_callable("select_subprotocol", select_subprotocol)
    check_callable("create_connection", create_connection)
    check_logger(logger)
    check_seconds("open_timeout", open_timeout)
    check_seconds("ping_interval", ping_interval)
    check_seconds("ping_timeout", ping_timeout)
    check_seconds("close_timeout", close_timeout, zero=True)
    check_limits(Role.SERVER, max_size, max_fragments)
    check_max_queue(max_queue)
    RequestReader(max_head, max_headers)
    check_forwarded_header(forwarded_header)
    if not isinstance(proxy_protocol, bool):
        raise TypeError(f"proxy_protocol must be bool, not {type(proxy_protocol).__name__}")
    proxies = None if trusted_proxies is None else TrustedProxies(trusted_proxies)
    policy = policy_of(compression, ServerPolicy)
    max_message, max_frame = limits_of(max_size)
    server_field = b"" if server_header is None else write_extra({"Server": server_header})
    opening = Opening(
        subprotocols=None if subprotocols is None else list_of_subprotocols(subprotocols),
        select_subprotocol=select_subprotocol,
        origins=check_origins(origins),
        compression=policy,
        process_request=process_request,
        process_response=process_response,
        fields=write_extra(additional_headers) + server_field,
        server_field=server_field,
        max_message=max_message,
        max_frame=max_frame,
        max_fragments=max_fragments,
        max_head=max_head,
        max_headers=max_headers,
        proxies=proxies,
        forwarded_header=forwarded_header,
    )
    if sock is not None:
        for name, value in (("host", host), ("port", port), ("path", path)):
            if value is not None:
                raise ValueError(f"{name} is incompatible with sock")
        listening = sock
    elif unix:
        if path is None:
            raise ValueError("missing path argument")
        check_unix_sockets()
        listening = socket.create_server(path, family=socket.AF_UNIX, **where)
    else:
        listening = socket.create_server((host or "", port or 0), **where)
    tcp = listening.family in (socket.AF_INET, socket.AF_INET6)

    def handle(accepted: socket.socket, address: Any) -> None:
        deadline = Deadline(open_timeout)
        try:
            if tcp:
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            transport = Socket(accepted)
            client = read_header(transport, address, proxies, deadline) if proxy_protocol else None
            if ssl is not None:
                transport = encrypted = TLSSocket(transport, ssl, server_side=True)
                encrypted.handshake(deadline)
        except OSError as exc:  # also one of TLS, and a time-out
            log = server.logger.debug
            if isinstance(exc, PermissionError) and not server._warned_of_peer:
                log, server._warned_of_peer = server.logger.warning, True
            log("connection failed: %s", exc)
            accepted.close()
            return
        connection = (create_connection or ServerConnection)(
            transport,
            server,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            close_timeout=close_timeout,
            max_queue=max_queue,
            logger=server.logger,
        )
        connection._client = client
        server._add(connection)
        try:
            if opening.open(connection, deadline):
                _run(handler, connection)
        finally:
            server._discard(connection)

    server = Server(listening, handle, logger, ssl)
    return server


def _run(handler: Handler, connection: ServerConnection) -> None:
    try:
        handler(connection)
    except BaseException as exc:
        if not connection.protocol.has_raised(exc):
            log(connection, ERROR, "connection handler failed", exc_info=True)
        connection.close(CloseCode.INTERNAL_ERROR)
        if not isinstance(exc, Exception):
            raise
    else:
        connection.close()


def unix_serve(handler: Handler, path: str | None = None, **options: Unpack[UnixServeOptions]) -> Server:
    """Make a WebSocket server that listens on a Unix socket.

    Args:
        handler: see serve.
        path: of the socket.
        options: those of serve.
    """
    given: dict[str, Any] = {**options, "unix": True, "path": path}
    return serve(handler, **given)
