"""WebSocket clients on asyncio."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl as tls
import traceback
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .. import __version__
from .._escape import escape
from .._http.messages import HeadersLike, pairs_of
from .._http.proxies import check_proxy, proxy_of_system
from .._http.reader import MAX_HEAD, MAX_HEADERS, require_httptools
from .._http.redirects import MAX_REDIRECTS, Target
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
    check_unix_sockets,
    check_write_limit,
    policy_of,
)
from .._spec import DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_MESSAGE, Role
from ..deflate import ClientPolicy
from ..handshake import (
    URI,
    InvalidStatus,
    Request,
    ResponseReader,
    SecurityError,
    list_of_subprotocols,
    new_key,
    open_request,
    parse_uri,
)
from ._client_opening import ClientConnection
from ._endpoint import WRITE_LIMIT, WriteLimit
from ._http_proxy import check_proxy_tls, connect_through_http
from ._listener import Listener
from ._proxy import connect_through
from ._reconnecting import STABLE_AFTER, backoff as backoff, process_exception as process_exception
from ._timeouts import timeout
from ._transport_options import ConnectOptions, UnixConnectOptions
from .connection import MAX_QUEUE, MAX_UNSENT, SlowPeer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._options import AnyLogger
    from ._typed_options import UnixClientOptions

__all__ = ["ClientConnection", "backoff", "connect", "process_exception", "unix_connect"]

_logger = logging.getLogger("wsframe.client")


def tls_context(options: dict[str, Any], secure: bool) -> tls.SSLContext | None:
    """Return the TLS context of a connection.

    Args:
        options: the option `ssl` is a context or True; None, False or left out for a ws:// URI.
        secure: whether the URI is a wss:// URI.

    Raises:
        TypeError: ssl is of another type.
        ValueError: ssl contradicts the scheme of the URI.
    """
    ssl = options.get("ssl", True if secure else None)
    if ssl is not None and not isinstance(ssl, (bool, tls.SSLContext)):
        raise TypeError(f"ssl must be an SSLContext, True, False or None, not {type(ssl).__name__}")
    if not secure:
        if ssl is not None and ssl is not False:
            raise ValueError("ssl argument is incompatible with a ws:// URI")
        return None
    if ssl is None or ssl is False:
        raise ValueError(f"ssl={ssl} is incompatible with a wss:// URI")
    return ssl if isinstance(ssl, tls.SSLContext) else tls.create_default_context()


class connect:
    """Connect to a WebSocket server, with `await`, `async with` or `async for`.

    At most 10 redirects are followed, from wss:// to wss:// only; credentials are not sent to another origin.

    `async for` yields a connection, and reconnects for each further iteration.  Between attempts it waits
    for a random time that grows until a connection was open for 10 seconds (RFC 6455, 7.2.3); it raises
    errors that no retry can mend (see `process_exception`).

    Args:
        uri: ws:// or wss://.
        origin: value of the Origin header; None to omit it.
        subprotocols: those the client supports, in order of preference; an empty sequence is as None.
        compression: "deflate" or a ClientPolicy for permessage-deflate, None for none.
        additional_headers: header fields to add to the request, or None.
        user_agent_header: value of the User-Agent header; None to omit it.
        proxy: the address of a proxy: http://, https://, socks4://, socks4a://, socks5:// or socks5h://; True
            for the one in the environment for this URI, None for none.  Those of SOCKS need python-socks,
            which wsframe[proxy] installs.
        listener: a subclass of Listener whose methods are called with what arrives, instead of `recv`.
        max_size: maximum size of a message in bytes, or a pair: of a message and of one of its frames; None
            for no limit.
        max_fragments: maximum number of frames of a message; None for no limit.
        max_head: maximum size of status line and header fields in bytes; more are an InvalidMessage.
        max_headers: maximum number of header fields of a response; more are an InvalidMessage.
        open_timeout: seconds to connect and for the opening handshake; None for no limit.
        ping_interval: seconds between keep-alive Pings; None for none.
        ping_timeout: seconds to wait for the Pong; None for no limit.
        close_timeout: seconds until a closing connection is aborted, again and again while the peer still
            reads what was sent before; None for no limit.
        max_unsent: limit of unsent bytes that `send_nowait` and `broadcast` queue for a peer that does not
            read; None for no limit.
        slow_peer: what to do then: "close" closes the connection with 1013, "drop" drops the messages.
        reconnect_delays: returns an iterator over the delays between attempts, in seconds; at its end, the
            last failure is raised.
        process_exception: called with the exception of an attempt, it returns None to retry, or the
            exception to raise.
        write_limit: unsent bytes over which `send` waits, or a pair (high, low): it continues at low.
        max_queue: queued messages over which reading pauses, or a pair (high, low): it resumes at low, or
            at a quarter.  It also pauses at 64 KiB of messages, unless this is None.
        logger: the logger, instead of "wsframe.client".
        create_connection: returns the connection: ClientConnection or a subclass.
        options: those of create_connection of asyncio: sock, local_addr, server_hostname; host and port
            where they are not those of the URI ...  None is the default of each, but of `ssl`: that is the
            context of a wss:// URI, or True, the default, for ssl.create_default_context().  Those for TLS to
            an https:// proxy start with `proxy_`: proxy_ssl, proxy_server_hostname.

    Raises:
        TypeError: an option has no such name, or is of the wrong type.
        ValueError: uri is no WebSocket URI, or an argument is not valid in a header or out of range.
        InvalidHandshake: the server refused the handshake, or its response is not valid.
        OSError: the connection failed.
        TimeoutError: the handshake was not done in open_timeout seconds.
    """

    _connect_options = ConnectOptions.__optional_keys__  # those passed to asyncio

    def __init__(
        self,
        uri: str,
        *,
        origin: str | None = None,
        subprotocols: Sequence[str] | None = None,
        compression: ClientPolicy | Literal["deflate"] | None = "deflate",
        additional_headers: HeadersLike | None = None,
        user_agent_header: str | None = f"wsframe/{__version__}",
        proxy: str | Literal[True] | None = True,
        listener: Callable[[], Listener] | None = None,
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
        reconnect_delays: Callable[[], Iterator[float]] = backoff,
        process_exception: Callable[[Exception], Exception | None] = process_exception,
        write_limit: WriteLimit = WRITE_LIMIT,
        max_queue: MaxQueue = MAX_QUEUE,
        logger: AnyLogger | None = None,
        create_connection: Callable[[connect, Request, str], ClientConnection] | None = None,
        **options: Unpack[ConnectOptions],
    ) -> None:
        require_httptools()
        check_names(type(self), options, connect, self._connect_options)
        self.uri: URI = parse_uri(uri)
        self._uri_text = uri
        policy = policy_of(compression, ClientPolicy)
        if proxy is not None and proxy is not True:
            if not isinstance(proxy, str):
                raise TypeError(f"proxy must be str, True or None, not {type(proxy).__name__}")
            check_proxy(proxy, tls=True)
            check_proxy_tls(proxy, {**options})
            if options.get("sock") is not None:
                raise ValueError("proxy and sock exclude each other")
        self._proxy = proxy
        check_callable("listener", listener)
        check_callable("reconnect_delays", reconnect_delays, optional=False)
        check_callable("process_exception", process_exception, optional=False)
        check_callable("create_connection", create_connection)
        check_logger(logger)
        check_write_limit(write_limit)
        check_max_queue(max_queue)
        check_seconds("open_timeout", open_timeout, zero=True)
        check_seconds("ping_interval", ping_interval)
        check_seconds("ping_timeout", ping_timeout)
        check_seconds("close_timeout", close_timeout, zero=True)
        check_slow_peer(max_unsent, slow_peer)
        check_limits(Role.CLIENT, max_size, max_fragments)
        ResponseReader(max_head, max_headers)
        subprotocols = None if subprotocols is None else list_of_subprotocols(subprotocols)
        context = tls_context({**options}, self.uri.secure)
        given = {name: value for name, value in options.items() if value is not None}
        self.subprotocols = subprotocols
        self.compression = policy
        self.listener = listener
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
        self._create_connection = ClientConnection if create_connection is None else create_connection
        self._reconnect_delays = reconnect_delays
        self._process_exception = process_exception
        self._options: dict[str, Any] = {**given, "ssl": context}
        self._headers: dict[str, Any] = {
            "origin": origin,
            "subprotocols": subprotocols,
            "compression": policy,
            "extra_headers": pairs_of(
                () if additional_headers is None else additional_headers
            ),  # a list: each attempt reads it
            "user_agent": user_agent_header,
        }
        open_request(self.uri, new_key(), **self._headers)  # raises for a bad argument
        self._entered = False
        self._connection: ClientConnection | None = None  # of `async with`

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Decide on a redirect after a failed attempt; a subclass may follow none, for example.

        Args:
            exc: the exception of the attempt.

        Returns:
            The URI to connect to, which may be relative, or the exception to raise, usually `exc` itself.
        """
        location = exc.location if isinstance(exc, InvalidStatus) else None
        return exc if location is None else location

    def _make_connection(self, target: Target) -> ClientConnection:
        key = new_key()
        headers = {**self._headers, "extra_headers": target.headers}
        return self._create_connection(self, open_request(target.uri, key, **headers), key)

    async def _open(self) -> ClientConnection:
        limit = timeout(self.open_timeout)
        try:
            async with limit:
                return await self._open_untimed()
        except TimeoutError:
            if not limit.expired():  # that of the system
                raise
            raise TimeoutError("timed out during opening handshake") from None

    async def _open_untimed(self) -> ClientConnection:
        target = Target(self.uri, self._uri_text, self._headers["extra_headers"])
        for _ in range(MAX_REDIRECTS):
            connection = self._make_connection(target)
            try:
                await self._connect_transport(asyncio.get_running_loop(), connection, target)
                await connection._wait_opened()
            except InvalidStatus as exc:
                connection._abort_handshake()
                location = self.process_redirect(exc)
                if location is exc:
                    raise
                if isinstance(location, Exception):
                    raise location from exc
                target = target.redirected(location, exc, self._options)
            except BaseException:
                connection._abort_handshake()
                raise
            else:
                return connection
        raise SecurityError(f"more than {MAX_REDIRECTS} redirects")

    async def _connect_transport(
        self, loop: asyncio.AbstractEventLoop, connection: ClientConnection, target: Target
    ) -> None:
        options, uri = _complete(self._options, target.uri), target.uri
        proxy = self._proxy
        if proxy is True:
            proxy = None if options.get("sock") is not None else proxy_of_system(uri)
        if proxy is not None:
            server = uri._replace(host=options.pop("host"), port=options.pop("port"))
            if proxy.startswith(("http://", "https://")):
                await connect_through_http(connection, proxy, server, self._headers["user_agent"], options)
                return
            through = {name: options.pop(name) for name in ("local_addr",) if name in options}
            options["sock"] = await connect_through(proxy, server, **through)
        for name in [name for name in options if name.startswith("proxy_")]:
            del options[name]
        await loop.create_connection(lambda: connection, **options)

    def __await__(self) -> Generator[Any, None, ClientConnection]:
        return self._open().__await__()

    async def __aenter__(self) -> ClientConnection:
        if self._entered:
            raise RuntimeError("connect() isn't reentrant")
        self._entered = True
        try:
            self._connection = await self._open()
        except BaseException:
            self._entered = False
            raise
        return self._connection

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        connection, self._connection = self._connection, None
        self._entered = False
        assert connection is not None
        await connection.__aexit__(kind, *rest)

    def __aiter__(self) -> AsyncIterator[ClientConnection]:
        if "sock" in self._options:
            raise ValueError("connect(sock=...) cannot connect again: a socket serves one connection")
        return self._connect_again()

    async def _connect_again(self) -> AsyncIterator[ClientConnection]:
        delays = self._reconnect_delays()
        while True:
            failure: Exception
            try:
                connection = await self._open()
            except Exception as exc:
                reason = self._process_exception(exc)
                if reason is exc:
                    raise
                if reason is not None:
                    raise reason from exc
                failure, what = exc, "connect failed"
            else:
                try:
                    yield connection
                finally:  # also when the loop is left
                    await connection.close()
                if connection._open_seconds >= STABLE_AFTER:
                    delays = self._reconnect_delays()
                failure, what = connection.protocol.closed_error(), "connection closed"
            delay = next(delays, None)
            if delay is None:
                raise failure
            text = traceback.format_exception_only(type(failure), failure)[0].strip()
            if not text.isprintable():  # of an exception of another library
                text = escape(text)
            self.logger.info("%s; reconnecting in %.1f seconds: %s", what, delay, text)
            await asyncio.sleep(delay)


def _complete(options: dict[str, Any], uri: URI) -> dict[str, Any]:
    """Return the complete options for asyncio's create_connection or create_unix_connection."""
    complete = dict(options)
    if not uri.secure:
        complete["ssl"] = None
    elif complete["ssl"] is None:
        complete["ssl"] = tls.create_default_context()  # a redirect from ws:// to wss://
    if complete["ssl"] is not None:
        complete.setdefault("server_hostname", uri.host)
    if not complete.keys() & {"sock", "path"}:
        complete.setdefault("host", uri.host)
        complete.setdefault("port", uri.port)
    return complete


class unix_connect(connect):
    """Connect to a WebSocket server on a Unix socket.

    Args:
        path: of the socket.
        uri: the URI for the request; None for ws://localhost/, or wss://localhost/ where `ssl` is given.
        options: those of connect and of asyncio's create_unix_connection.
    """

    _connect_options = UnixConnectOptions.__optional_keys__

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        uri: str | None = None,
        **options: Unpack[UnixClientOptions],
    ) -> None:
        if uri is None:
            uri = "ws://localhost/" if options.get("ssl") is None else "wss://localhost/"
        checked: Any = options
        super().__init__(uri, **checked)
        if path is not None:
            self._options["path"] = path

    async def _connect_transport(
        self, loop: asyncio.AbstractEventLoop, connection: ClientConnection, target: Target
    ) -> None:
        options = _complete(self._options, target.uri)
        for name in ("host", "port"):  # only for the request
            options.pop(name, None)
        check_unix_sockets()
        await loop.create_unix_connection(lambda: connection, **options)
