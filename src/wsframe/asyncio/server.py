"""WebSocket servers on asyncio."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import ssl as tls
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from .. import __version__
from .._http import errors
from .._http.forwarded import ForwardedHeader, TrustedProxies, TrustedProxy, check_forwarded_header
from .._http.logs import log_listening
from .._http.messages import HeadersLike
from .._http.reader import MAX_HEAD, MAX_HEADERS, require_httptools
from .._options import (
    MaxQueue,
    MaxSize,
    check_callable,
    check_limits,
    check_logger,
    check_max_queue,
    check_names,
    check_seconds,
    check_slow_peer,
    check_write_limit,
    policy_of,
)
from .._spec import DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_MESSAGE, CloseCode, Role
from ..connection import State, close_body
from ..deflate import ServerPolicy
from ..handshake import (
    Origins,
    RequestReader,
    check_origins,
    list_of_subprotocols,
    write_extra,
)
from ._basic_auth import basic_auth
from ._draining import drain_listening
from ._endpoint import WRITE_LIMIT, WriteLimit
from ._listener import Listener
from ._opening import (
    Handler as Handler,
    ProcessRequest as ProcessRequest,
    ProcessResponse as ProcessResponse,
    SelectSubprotocol as SelectSubprotocol,
    ServerConnection as ServerConnection,
)
from ._proxy_protocol import HeaderProtocol
from ._traffic import Group
from ._transport_options import ListenOptions, UnixListenOptions
from .connection import MAX_QUEUE, MAX_UNSENT, SlowPeer, broadcast

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from .._options import AnyLogger
    from ._typed_options import UnixServeOptions

__all__ = ["Server", "ServerConnection", "basic_auth", "broadcast", "serve", "unix_serve"]

_logger = logging.getLogger("wsframe.server")


class Server:
    """A listening WebSocket server, returned by `serve`.

    Attributes:
    """

    def __init__(
        self,
        handler: Handler | type[Listener],
        *,
        subprotocols: Sequence[str] | None = None,
        select_subprotocol: SelectSubprotocol | None = None,
        origins: Origins | None = None,
        compression: ServerPolicy | Literal["deflate"] | None = "deflate",
        process_request: ProcessRequest | None = None,
        process_response: ProcessResponse | None = None,
        additional_headers: HeadersLike = (),
        server_header: str | None = f"wsframe/{__version__}",
        max_size: MaxSize = DEFAULT_MAX_MESSAGE,
        max_fragments: int | None = DEFAULT_MAX_FRAGMENTS,
        max_head: int = MAX_HEAD,
        max_headers: int = MAX_HEADERS,
        open_timeout: float | None = 10,
        ping_interval: float | None = 20,
        ping_timeout: float | None = 20,
        close_timeout: float | None = 10,
        max_unsent: int | None = MAX_UNSENT,
        slow_peer: SlowPeer = "close",
        write_limit: WriteLimit = WRITE_LIMIT,
        max_queue: MaxQueue = MAX_QUEUE,
        logger: AnyLogger | None = None,
        create_connection: Callable[[Server, Handler | type[Listener]], ServerConnection] | None = None,
        trusted_proxies: Iterable[TrustedProxy] | None = None,
        forwarded_header: ForwardedHeader = "X-Forwarded-For",
        proxy_protocol: bool = False,
    ) -> None:
        require_httptools()
        if not callable(handler) or (isinstance(handler, type) and not issubclass(handler, Listener)):
            raise TypeError("handler must be a coroutine function or a subclass of Listener")
        check_callable("process_request", process_request)
        check_callable("process_response", process_response)
        check_callable("select_subprotocol", select_subprotocol)
        check_callable("create_connection", create_connection)
        check_logger(logger)
        check_write_limit(write_limit)
        check_max_queue(max_queue)
        check_seconds("open_timeout", open_timeout)
        check_seconds("ping_interval", ping_interval)
        check_seconds("ping_timeout", ping_timeout)
        check_seconds("close_timeout", close_timeout, zero=True)
        check_slow_peer(max_unsent, slow_peer)
        check_limits(Role.SERVER, max_size, max_fragments)
        RequestReader(max_head, max_headers)
        policy = policy_of(compression, ServerPolicy)
        check_forwarded_header(forwarded_header)
        if not isinstance(proxy_protocol, bool):
            raise TypeError(f"proxy_protocol must be bool, not {type(proxy_protocol).__name__}")
        self._proxies = None if trusted_proxies is None else TrustedProxies(trusted_proxies)
        self.forwarded_header: ForwardedHeader = forwarded_header
        self.proxy_protocol = proxy_protocol
        self._warned_of_proxy = False
        self._warned_of_peer = False
        self._unidentified: set[HeaderProtocol] = set()  # those that read the PROXY protocol, or start TLS
        self._handler = handler
        self.subprotocols: list[str] | None = None
        if subprotocols is not None:
            self.subprotocols = list_of_subprotocols(subprotocols)
        self.select_subprotocol = select_subprotocol
        self.origins: Origins | None = check_origins(origins)
        self.compression = policy
        self.process_request = process_request
        self.process_response = process_response
        self._server_field = b"" if server_header is None else write_extra({"Server": server_header})
        # Header fields of every 101.
        self._response_fields = write_extra(additional_headers) + self._server_field
        self.max_size = max_size
        self.max_fragments = max_fragments
        self.max_head = max_head
        self.max_headers = max_headers
        self.open_timeout = open_timeout
        self.ping_interval = ping_interval
        self.ping_timeout = ping_timeout
        self.close_timeout = close_timeout
        self.max_unsent = max_unsent
        self.slow_peer = slow_peer
        self.write_limit = write_limit
        self.max_queue = max_queue
        self.logger: AnyLogger = _logger if logger is None else logger
        self._create_connection = ServerConnection if create_connection is None else create_connection
        self._open_connections: set[ServerConnection] = set()
        self._group = Group()
        # Also those that are opening or closing.
        self._all_connections: set[ServerConnection] = self._group.connections
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self._refuses = False  # refuses opening handshakes
        # Set when it is started.
        self._loop: asyncio.AbstractEventLoop
        self._listening: asyncio.Server
        self._close_called: asyncio.Future[None]

    def _attach(self, loop: asyncio.AbstractEventLoop, listening: asyncio.Server) -> None:
        """Use a server of asyncio, whose protocol factory is `_make_connection`."""
        self._loop = loop
        self._listening = listening
        self._close_called = loop.create_future()

    def _make_connection(self) -> ServerConnection:
        """Return the protocol for an accepted transport."""
        return self._create_connection(self, self._handler)

    def _make_header_protocol(
        self, ssl: tls.SSLContext | None, tls_options: dict[str, Any]
    ) -> HeaderProtocol:
        """Return the protocol for an accepted transport that starts with a header of the PROXY protocol."""
        return HeaderProtocol(self, self._make_connection(), ssl, tls_options)

    def _start_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task that `wait_closed` waits for."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop."""
        return self._loop

    def is_closing(self) -> bool:
        """Tell whether `close` was called."""
        return self._closing is not None

    @property
    def server(self) -> asyncio.Server:
        """The underlying server of asyncio."""
        return self._listening

    @property
    def sockets(self) -> Sequence[Any]:
        """The listening sockets."""
        return self._listening.sockets

    @property
    def connections(self) -> set[ServerConnection]:
        """The open connections: a set of its own each time, that no later connection changes."""
        return set(self._open_connections)

    def is_serving(self) -> bool:
        """Tell whether it accepts connections."""
        return self._listening.is_serving()

    async def start_serving(self) -> None:
        """Accept connections, after serve(..., start_serving=False)."""
        await self._listening.start_serving()

    async def serve_forever(
        self, *, signals: Iterable[int] = (), code: int = CloseCode.GOING_AWAY, spread: float = 0.0
    ) -> None:
        """Accept connections until cancelled or closed; return when all connections are closed.

        Args:
            signals: those that close the server, as `signal.SIGTERM`; not on Windows.
            code, spread: how a signal closes it: see `close`.

        Raises:
            RuntimeError: the server is closed already.
        """
        if self.is_closing():
            raise RuntimeError("the server is closed")
        close_body(code, "")
        signals = tuple(signals)
        for number in signals:
            self._loop.add_signal_handler(number, partial(self.close, code=code, spread=spread))
        try:
            await self.start_serving()
            await asyncio.shield(self._close_called)  # asyncio's own method would abort connections
        finally:
            for number in signals:
                self._loop.remove_signal_handler(number)
            self.close()
            await self.wait_closed()

    def close(
        self,
        close_connections: bool = True,
        code: int = CloseCode.GOING_AWAY,
        reason: str = "",
        *,
        spread: float = 0.0,
    ) -> None:
        """Stop listening, refuse opening handshakes with 503, and close connections.

        Args:
            close_connections: whether to close the open connections.
            code, reason: of the Close frames.  1012 tells clients that the service restarts.
            spread: seconds over which the Close frames are spread, in random order, so that not all clients
                connect again at once.  Opening handshakes that have begun go on meanwhile, and on Linux a
                socket with `reuse_port` is closed when no connection waits to be accepted.

        Raises:
            ValueError: the code must not be sent, or the reason is too long.
        """
        close_body(code, reason)
        check_seconds("spread", spread, zero=True)
        if self._closing is None:
            self.logger.info("server closing")
            self._refuses = not spread
            self._closing = self._loop.create_task(self._close(close_connections, code, reason, spread))
            self._close_called.set_result(None)

    async def _close(self, close_connections: bool, code: int, reason: str, spread: float) -> None:
        until = self._loop.time() + spread
        if spread:
            await drain_listening(self._listening.sockets)
        self._listening.close()
        await asyncio.sleep(0)  # connection_made() for those accepted in this iteration
        if spread:
            await self._close_one_by_one(close_connections, code, reason, until)
        self._refuses = True
        for unidentified in list(self._unidentified):
            unidentified.abort()
        for connection in list(self._all_connections):
            if not connection._is_detached:
                self._close_one(connection, close_connections, code, reason)
        while self._tasks or self._all_connections:
            for connection in [each for each in self._all_connections if each._is_detached]:
                self._group.lost(connection)
                self._open_connections.discard(connection)
            if not (self._tasks or self._all_connections):
                break
            waits = [asyncio.ensure_future(connection.wait_closed()) for connection in self._all_connections]
            await asyncio.wait([*self._tasks, *waits])
        await self._listening.wait_closed()
        self.logger.info("server closed")

    async def _close_one_by_one(self, close_connections: bool, code: int, reason: str, until: float) -> None:
        """Close the open connections; those that are opening have until the end to do so."""
        connections = [each for each in self._all_connections if each.state is State.OPEN]
        random.shuffle(connections)
        start = self._loop.time()
        for number, connection in enumerate(connections):
            if connection.state is State.OPEN:
                at = start + (until - start) * number / len(connections)
                await asyncio.sleep(at - self._loop.time())
                self._close_one(connection, close_connections, code, reason)
        opening = [each for each in self._all_connections if each.state is State.CONNECTING]
        if opening or self._unidentified:
            await asyncio.sleep(until - self._loop.time())

    def _close_one(
        self, connection: ServerConnection, close_connections: bool, code: int, reason: str
    ) -> None:
        try:
            if connection.state is State.CONNECTING:
                connection._refuse(errors.shutting_down().response)
            elif close_connections:
                connection.close_nowait(code, reason)
        except Exception:  # of methods that a subclass overrides
            self.logger.exception("closing a connection failed")
            connection.transport.abort()

    async def wait_closed(self) -> None:
        """Wait until `close` was called, all connections are closed and their handlers are done."""
        await asyncio.shield(self._close_called)
        assert self._closing is not None
        await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await self.wait_closed()


class serve:
    """Start a WebSocket server, with `await` or `async with`.

    Args:
        handler: a coroutine function that is called with each connection, which is closed when it
            returns; or a subclass of Listener, instantiated for each connection.
        host, port: where to listen, as asyncio's create_server takes them.
        subprotocols: those the server supports, in order of preference.  None and an empty sequence: none,
            and those that a client offers are ignored.
        select_subprotocol: called with the connection and the list of subprotocols that the client offers, it
            returns one of them or None, or raises NegotiationError for a 400.
        origins: the allowed origins, as strings or patterns; None among them allows a request without
            Origin.  None allows all, an empty sequence none.
        compression: "deflate" or a ServerPolicy for permessage-deflate, None for none.
        process_request: a function or coroutine function that is called with the connection and the request.
            A Response that it returns is sent instead of opening a WebSocket.  If it raises, or returns
            another object, the client gets a 500; after open_timeout it is cancelled and the client gets a
            503.
        process_response: a function or coroutine function that is called with the connection, the request and
            the response, which it may change; it may return another one.
        additional_headers: header fields to add to the response.
        server_header: value of the Server header; None to omit it.
        max_size: maximum size of a message in bytes, or a pair: of a message and of one of its frames; None
            for no limit.
        max_fragments: maximum number of frames of a message; None for no limit.
        max_head: maximum size of request line and header fields in bytes; more are a 431.
        max_headers: maximum number of header fields of a request; more are a 431.
        open_timeout: seconds for the opening handshake, including that of TLS and process_request; None
            for no limit.
        ping_interval: seconds between keep-alive Pings; None for none.
        ping_timeout: seconds to wait for the Pong; None for no limit.
        close_timeout: seconds until a closing connection is aborted, again and again while the peer still
            reads what was sent before; None for no limit.
        max_unsent: limit of unsent bytes that `send_nowait` and `broadcast` queue for a peer that does not
            read; None for no limit.
        slow_peer: what to do then: "close" closes the connection with 1013, "drop" drops the messages.
        write_limit: unsent bytes over which `send` waits, or a pair (high, low): it continues at low.
        max_queue: queued messages over which reading pauses, or a pair (high, low): it resumes at low, or
            at a quarter.  It also pauses at 64 KiB of messages, unless this is None.
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
        options: those of asyncio's create_server: ssl, sock, reuse_port, backlog ...

    Raises:
        TypeError: an option has no such name, or is of the wrong type.
        ValueError: the value of an option is out of range.
    """

    _listen_options = ListenOptions.__optional_keys__  # those passed to asyncio

    def __init__(
        self,
        handler: Handler | type[Listener],
        host: str | Sequence[str] | None = None,
        port: int | None = None,
        *,
        subprotocols: Sequence[str] | None = None,
        select_subprotocol: SelectSubprotocol | None = None,
        origins: Origins | None = None,
        compression: ServerPolicy | Literal["deflate"] | None = "deflate",
        process_request: ProcessRequest | None = None,
        process_response: ProcessResponse | None = None,
        additional_headers: HeadersLike = (),
        server_header: str | None = f"wsframe/{__version__}",
        max_size: MaxSize = DEFAULT_MAX_MESSAGE,
        max_fragments: int | None = DEFAULT_MAX_FRAGMENTS,
        max_head: int = MAX_HEAD,
        max_headers: int = MAX_HEADERS,
        open_timeout: float | None = 10,
        ping_interval: float | None = 20,
        ping_timeout: float | None = 20,
        close_timeout: float | None = 10,
        max_unsent: int | None = MAX_UNSENT,
        slow_peer: SlowPeer = "close",
        write_limit: WriteLimit = WRITE_LIMIT,
        max_queue: MaxQueue = MAX_QUEUE,
        logger: AnyLogger | None = None,
        create_connection: Callable[[Server, Handler | type[Listener]], ServerConnection] | None = None,
        trusted_proxies: Iterable[TrustedProxy] | None = None,
        forwarded_header: ForwardedHeader = "X-Forwarded-For",
        proxy_protocol: bool = False,
        **options: Unpack[ListenOptions],
    ) -> None:
        check_names(type(self), options, serve, self._listen_options)
        self._server = Server(
            handler,
            subprotocols=subprotocols,
            select_subprotocol=select_subprotocol,
            origins=origins,
            compression=compression,
            process_request=process_request,
            process_response=process_response,
            additional_headers=additional_headers,
            server_header=server_header,
            max_size=max_size,
            max_fragments=max_fragments,
            max_head=max_head,
            max_headers=max_headers,
            open_timeout=open_timeout,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            close_timeout=close_timeout,
            max_unsent=max_unsent,
            slow_peer=slow_peer,
            write_limit=write_limit,
            max_queue=max_queue,
            logger=logger,
            create_connection=create_connection,
            trusted_proxies=trusted_proxies,
            forwarded_header=forwarded_header,
            proxy_protocol=proxy_protocol,
        )
        self._where: tuple[Any, Any] = (host, port)
        self._options: dict[str, Any] = {**options}
        self._make_protocol: Callable[[], asyncio.BaseProtocol] = self._server._make_connection
        self._started = False

    async def _start(self) -> Server:
        if self._started:
            raise RuntimeError("serve(...) starts one server: call it again for another")
        self._started = True
        loop = asyncio.get_running_loop()
        if self._server.proxy_protocol:
            self._make_protocol = self._after_header(loop)
        elif self._options.get("ssl") is not None and self._options.get("ssl_handshake_timeout") is None:
            self._options["ssl_handshake_timeout"] = self._server.open_timeout
        listening = await self._listen(loop)
        self._server._attach(loop, listening)
        if listening.is_serving():
            for sock in listening.sockets:
                log_listening(self._server.logger, sock)
        return self._server

    def _after_header(self, loop: asyncio.AbstractEventLoop) -> Callable[[], asyncio.BaseProtocol]:
        """Return the protocol factory for the PROXY protocol: TLS starts behind its header."""
        names = ("ssl_handshake_timeout", "ssl_shutdown_timeout")
        tls_options = {name: self._options.pop(name) for name in names if name in self._options}
        ssl = self._options.pop("ssl", None)
        if ssl is not None and not isinstance(ssl, tls.SSLContext):
            raise TypeError(f"ssl must be an SSLContext or None, not {type(ssl).__name__}")
        if ssl is not None and hasattr(loop, "_proactor"):
            raise NotImplementedError("proxy_protocol with ssl needs a selector event loop on Windows")
        return partial(self._server._make_header_protocol, ssl, tls_options)

    async def _listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.Server:
        return await loop.create_server(self._make_protocol, *self._where, **self._options)

    def __await__(self) -> Generator[Any, None, Server]:
        return self._start().__await__()

    async def __aenter__(self) -> Server:
        return await self._start()

    async def __aexit__(self, *exc: object) -> None:
        await self._server.__aexit__(*exc)


class unix_serve(serve):
    """Start a WebSocket server on a Unix socket.

    Args:
        handler: see serve.
        path: of the socket.
        options: those of serve and of asyncio's create_unix_server.
    """

    _listen_options = UnixListenOptions.__optional_keys__

    def __init__(
        self,
        handler: Handler | type[Listener],
        path: str | os.PathLike[str] | None = None,
        **options: Unpack[UnixServeOptions],
    ) -> None:
        checked: Any = options
        super().__init__(handler, **checked)
        self._path = path

    async def _listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.Server:
        return await loop.create_unix_server(self._make_protocol, self._path, **self._options)
