"""WebSocket clients on asyncio."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl as tls
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from typing import Any, Literal

from .. import __version__
from .._http import HeadersLike, pairs_of
from .._http_reader import MAX_HEAD, MAX_HEADERS
from .._spec import DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_MESSAGE, Role
from ..connection import Connection as Protocol
from ..deflate import ClientPolicy
from ..handshake import (
    HandshakeError,
    InvalidMessage,
    InvalidStatus,
    Request,
    Response,
    ResponseReader,
    check_response,
    list_of_subprotocols,
    new_key,
    open_request,
    parse_uri,
)
from ._options import check_callable, check_limits, check_seconds
from .connection import Connection, Listener

logger = logging.getLogger("wsframe.client")


class ClientConnection(Connection):
    """A connection to a server."""

    __slots__ = ("_answer", "_connect", "_key", "_opened", "_reader")

    def __init__(self, connect: connect, request: Request, key: str) -> None:
        super().__init__(
            listener=None if connect.listener is None else connect.listener(),
            ping_interval=connect.ping_interval,
            ping_timeout=connect.ping_timeout,
            close_timeout=connect.close_timeout,
        )
        self._connect = connect
        self._key = key
        self._reader = ResponseReader(connect.max_head, connect.max_headers)
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._answer: Response | None = None
        self.request = request

    @property
    def response(self) -> Response | None:
        return self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.request is not None
        self.transport.write(self.request.serialize())

    def handshake(self, data: bytes) -> None:
        if self._opened.done():
            return  # failed already
        try:
            answer = self._answer = self._reader.feed(data)
            if answer is None:
                return
            agreed = check_response(
                answer,
                self._key,
                subprotocols=self._connect.subprotocols,
                compression=self._connect.compression,
            )
        except HandshakeError as exc:
            self._opened.set_exception(exc)
            self.transport.close()
            return
        self.subprotocol = agreed.subprotocol
        self._opened.set_result(None)
        self.open(
            Protocol(
                Role.CLIENT,
                max_message=self._connect.max_message,
                max_fragments=self._connect.max_fragments,
                deflate=agreed.deflate,
            ),
            self._reader.rest,
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(exc or self._cut_short())
        super().connection_lost(exc)

    def _cut_short(self) -> Exception:
        try:
            return InvalidStatus(self._reader.feed_eof())
        except InvalidMessage as exc:
            return exc

    async def wait_opened(self) -> None:
        """Wait for the end of the opening handshake."""
        await self._opened


def backoff() -> Iterator[float]:
    """Seconds to wait before each attempt to connect again: longer each time, and never the same."""
    delay = 0.5
    while True:
        yield delay * random.uniform(0.5, 1.0)
        delay = min(delay * 1.6, 60.0)


def is_passing(exc: Exception) -> bool:
    """Tell whether a later attempt to connect may do better."""
    if isinstance(exc, InvalidStatus):
        return exc.response.status in (500, 502, 503, 504)
    return isinstance(exc, (OSError, asyncio.TimeoutError, EOFError, InvalidMessage))


def context_of(ssl: tls.SSLContext | bool | None, secure: bool) -> tls.SSLContext | None:
    """Choose the TLS context of a connection.

    Raises:
        TypeError: ssl is something else.
        ValueError: ssl and the scheme of the URI contradict each other.
    """
    if ssl is not None and not isinstance(ssl, (bool, tls.SSLContext)):
        raise TypeError(f"ssl must be an SSLContext, True, False or None, not {type(ssl).__name__}")
    if not secure:
        if ssl is not None and ssl is not False:
            raise ValueError("ssl needs a wss:// uri")
        return None
    if ssl is False:
        raise ValueError("a wss:// uri needs tls: ssl must not be False; use ws:// for none")
    return ssl if isinstance(ssl, tls.SSLContext) else tls.create_default_context()


class connect:
    """Connect to a WebSocket server; to be awaited, entered with `async with`, or iterated.

    Iterating over it yields a connection, and another whenever the body goes on to the next: it
    waits longer between attempts the more of them fail, and raises what no attempt can mend.

    Args:
        uri: ws:// or wss://.
        origin: the Origin header.
        subprotocols: those the client speaks, the best one first; an empty sequence is as None.
        compression: "deflate" or a ClientPolicy for permessage-deflate, None for none.
        additional_headers: of the request.
        user_agent_header: the User-Agent header, or None.
        listener: a subclass of Listener whose methods take what arrives, instead of `recv`.
        max_message: bytes a message may have; None for no limit.
        max_fragments: frames a message may have; None for no limit.
        max_head: bytes a response may have before its body; more are an InvalidMessage.
        max_headers: header fields a response may have; more are an InvalidMessage.
        open_timeout: seconds to connect and for the opening handshake; None for no limit.
        ping_interval: seconds between keep-alive Pings; None for none.
        ping_timeout: seconds to wait for the Pong; None to wait for ever.
        close_timeout: seconds to wait for the end of a closing connection; None to wait for ever.
        backoff: makes the delays between attempts, in seconds.
        is_passing: tells the exceptions of attempts that are worth another.
        ssl: the context of a wss:// URI; None and True stand for ssl.create_default_context().
        options: the rest of asyncio's create_connection: sock, local_addr, server_hostname; host and port
            where they are not those of the URI ...  None leaves one out.

    Raises:
        ValueError: uri is no WebSocket URI, or an argument holds what a header must not.
        HandshakeError: the server refused, or broke a rule; InvalidStatus holds its response.
        OSError: the connection failed.
        TimeoutError: open_timeout is over.
    """

    def __init__(
        self,
        uri: str,
        *,
        origin: str | None = None,
        subprotocols: Sequence[str] | None = None,
        compression: ClientPolicy | Literal["deflate"] | None = "deflate",
        additional_headers: HeadersLike = (),
        user_agent_header: str | None = f"wsframe/{__version__}",
        listener: Callable[[], Listener] | None = None,
        max_message: int | None = DEFAULT_MAX_MESSAGE,
        max_fragments: int | None = DEFAULT_MAX_FRAGMENTS,
        max_head: int = MAX_HEAD,
        max_headers: int = MAX_HEADERS,
        open_timeout: float | None = 10,
        ping_interval: float | None = 20,
        ping_timeout: float | None = 20,
        close_timeout: float | None = 10,
        backoff: Callable[[], Iterator[float]] = backoff,
        is_passing: Callable[[Exception], bool] = is_passing,
        ssl: tls.SSLContext | bool | None = None,
        **options: Any,
    ) -> None:
        self.uri = parse_uri(uri)
        if compression == "deflate":
            compression = ClientPolicy()
        elif compression is not None and not isinstance(compression, ClientPolicy):
            raise TypeError(f"compression must be 'deflate', a ClientPolicy or None, not {compression!r}")
        for name, function in (("listener", listener), ("backoff", backoff), ("is_passing", is_passing)):
            check_callable(name, function)
        check_seconds("open_timeout", open_timeout, zero=True)
        check_seconds("ping_interval", ping_interval)
        check_seconds("ping_timeout", ping_timeout)
        check_seconds("close_timeout", close_timeout, zero=True)
        check_limits(Role.CLIENT, max_message, max_fragments)
        ResponseReader(max_head, max_headers)
        subprotocols = None if subprotocols is None else list_of_subprotocols(subprotocols)
        options = {name: value for name, value in options.items() if value is not None}
        self.subprotocols = subprotocols
        self.compression = compression
        self.listener = listener
        self.max_message = max_message
        self.max_fragments = max_fragments
        self.max_head = max_head
        self.max_headers = max_headers
        self.open_timeout = open_timeout
        self.ping_interval = ping_interval
        self.ping_timeout = ping_timeout
        self.close_timeout = close_timeout
        self._backoff = backoff
        self._is_passing = is_passing
        self._options: dict[str, Any] = {"ssl": context_of(ssl, self.uri.secure), **options}
        if self.uri.secure and options.keys() & {"sock", "host"}:
            self._options.setdefault("server_hostname", self.uri.host)
        self._headers: dict[str, Any] = {
            "origin": origin,
            "subprotocols": subprotocols,
            "compression": compression,
            "extra_headers": pairs_of(additional_headers),  # each attempt needs them
            "user_agent": user_agent_header,
        }
        open_request(self.uri, new_key(), **self._headers)  # a bad argument is an error here and now
        self._connection: ClientConnection | None = None

    def _make_connection(self) -> ClientConnection:
        key = new_key()
        return ClientConnection(self, open_request(self.uri, key, **self._headers), key)

    async def _open(self) -> ClientConnection:
        try:
            return await asyncio.wait_for(self._open_untimed(), self.open_timeout)
        except asyncio.TimeoutError:
            raise TimeoutError("timed out during the opening handshake") from None

    async def _open_untimed(self) -> ClientConnection:
        connection = await self._reach(asyncio.get_running_loop())
        try:
            await connection.wait_opened()
        except BaseException:
            connection.transport.abort()
            raise
        return connection

    async def _reach(self, loop: asyncio.AbstractEventLoop) -> ClientConnection:
        where: dict[str, Any] = (
            {} if "sock" in self._options else {"host": self.uri.host, "port": self.uri.port}
        )
        _, connection = await loop.create_connection(self._make_connection, **{**where, **self._options})
        return connection

    def __await__(self) -> Generator[Any, None, ClientConnection]:
        return self._open().__await__()

    async def __aenter__(self) -> ClientConnection:
        self._connection = await self._open()
        return self._connection

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        assert self._connection is not None
        await self._connection.__aexit__(kind, *rest)

    async def __aiter__(self) -> AsyncIterator[ClientConnection]:
        delays = self._backoff()
        while True:
            try:
                connection = await self._open()
            except Exception as exc:
                if not self._is_passing(exc):
                    raise
                delay = next(delays)
                logger.info("cannot connect (%s), trying again in %.1f s", exc, delay)
                await asyncio.sleep(delay)
                continue
            delays = self._backoff()
            try:
                yield connection
            finally:  # leaving the loop is no error
                await connection.close()


class unix_connect(connect):
    """Connect to a WebSocket server on a Unix socket.

    Args:
        path: of the socket.
        uri: what the server is told, ws:// or wss://.
        options: those of connect and of asyncio's create_unix_connection.
    """

    def __init__(self, path: str, uri: str = "ws://localhost/", **options: Any) -> None:
        super().__init__(uri, **options)
        self._path = path

    async def _reach(self, loop: asyncio.AbstractEventLoop) -> ClientConnection:
        options = dict(self._options)
        if options["ssl"] is not None:
            options.setdefault("server_hostname", self.uri.host)
        _, connection = await loop.create_unix_connection(self._make_connection, self._path, **options)
        return connection
