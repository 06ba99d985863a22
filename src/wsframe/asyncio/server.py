"""WebSocket servers on asyncio."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .. import __version__
from .._http import HeadersLike
from .._http_errors import shutting_down
from .._http_reader import MAX_HEAD, MAX_HEADERS
from .._spec import DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_MESSAGE, CloseCode, Role
from ..connection import Connection as Protocol, ConnectionClosed, State
from ..deflate import ServerPolicy
from ..handshake import (
    Origins,
    Refused,
    Request,
    RequestReader,
    Response,
    ResponseReader,
    Subprotocols,
    accept,
    check_origins,
    check_subprotocols,
    write_extra,
)
from ._options import check_callable, check_limits, check_seconds
from .connection import Connection, Listener

if TYPE_CHECKING:
    from typing_extensions import Self

Handler = Callable[["ServerConnection"], Awaitable[object]]
ProcessRequest = Callable[["ServerConnection", Request], "Response | Awaitable[Response | None] | None"]

logger = logging.getLogger("wsframe.server")


class ServerConnection(Connection):
    """A connection a server has accepted, or is about to."""

    __slots__ = ("_answer", "_handler", "_opening", "_reader", "_server")

    def __init__(self, server: Server, handler: Handler | None, listener: Listener | None) -> None:
        super().__init__(
            listener=listener,
            ping_interval=server.ping_interval,
            ping_timeout=server.ping_timeout,
            close_timeout=server.close_timeout,
        )
        self._server = server
        self._handler = handler
        self._reader: RequestReader | None = RequestReader(server.max_head, server.max_headers)
        self._opening: asyncio.TimerHandle | None = None
        self._answer = b""

    @property
    def response(self) -> Response | None:
        return ResponseReader().feed(self._answer)

    @property
    def server(self) -> Server:
        """The server that accepted the connection."""
        return self._server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server.connections.add(self)
        if self._server.open_timeout is not None:
            self._opening = self._loop.call_later(self._server.open_timeout, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._stop_opening()
        super().connection_lost(exc)

    def handshake(self, data: bytes) -> None:
        if self._reader is None:
            return  # refused already
        try:
            request = self._reader.feed(data)
        except Refused as refused:
            self.refuse(refused.response)
            return
        if request is None:
            return
        self.request = request
        if self._server.process_request is None:
            self._decide(None)
            return
        self.read_no_more()  # what comes behind the request waits for the decision
        self._server.start(self._ask(self._server.process_request, request))

    async def _ask(self, process_request: ProcessRequest, request: Request) -> None:
        """Let the application choose another response."""
        try:
            response = process_request(self, request)
            if inspect.isawaitable(response):
                response = await response
        except Exception:
            logger.exception("process_request failed")
            response = Response(500, body="Internal server error.\n")
        if not self.transport.is_closing():
            self._decide(response)
            self.read_on()

    def _decide(self, response: Response | None) -> None:
        server, reader, request = self._server, self._reader, self.request
        assert reader is not None and request is not None
        if response is not None:
            self.refuse(response.serialize(request.method))
            return
        try:
            accepted = accept(
                request.method,
                request.http_version,
                request.headers.raw,
                subprotocols=server.subprotocols,
                origins=server.origins,
                compression=server.compression,
            )
        except Refused as refused:
            self.refuse(refused.response)
            return
        self._stop_opening()
        self._reader = None
        self._answer = accepted.with_fields(server.fields)
        self.subprotocol = accepted.subprotocol
        self.transport_write(self._answer)
        self.open(
            Protocol(
                Role.SERVER,
                max_message=server.max_message,
                max_fragments=server.max_fragments,
                deflate=accepted.deflate,
            ),
            reader.rest,
        )
        if self._handler is not None:
            server.start(self._run(self._handler))

    def refuse(self, response: bytes) -> None:
        """Answer the handshake with something else than a WebSocket, and close."""
        self._reader = None
        self.transport_write(response)
        self.transport.close()

    def _stop_opening(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None

    async def _run(self, handler: Handler) -> None:
        try:
            await handler(self)
        except ConnectionClosed:
            pass
        except asyncio.CancelledError:
            self.close_nowait(CloseCode.GOING_AWAY)
            raise
        except Exception:
            logger.exception("connection handler failed")
            self.close_nowait(CloseCode.INTERNAL_ERROR)
        await self.close()


class Server:
    """A WebSocket server that listens; `serve` makes it.

    Attributes:
        connections: those that are open or opening.
    """

    def __init__(
        self,
        handler: Handler | type[Listener],
        *,
        subprotocols: Subprotocols | None = None,
        origins: Origins | None = None,
        compression: ServerPolicy | Literal["deflate"] | None = "deflate",
        process_request: ProcessRequest | None = None,
        additional_headers: HeadersLike = (),
        server_header: str | None = f"wsframe/{__version__}",
        max_message: int | None = DEFAULT_MAX_MESSAGE,
        max_fragments: int | None = DEFAULT_MAX_FRAGMENTS,
        max_head: int = MAX_HEAD,
        max_headers: int = MAX_HEADERS,
        open_timeout: float | None = 10,
        ping_interval: float | None = 20,
        ping_timeout: float | None = 20,
        close_timeout: float | None = 10,
    ) -> None:
        if not callable(handler) or (isinstance(handler, type) and not issubclass(handler, Listener)):
            raise TypeError("handler must be a coroutine function or a subclass of Listener")
        check_callable("process_request", process_request)
        check_seconds("open_timeout", open_timeout)
        check_seconds("ping_interval", ping_interval)
        check_seconds("ping_timeout", ping_timeout)
        check_seconds("close_timeout", close_timeout, zero=True)
        check_limits(Role.SERVER, max_message, max_fragments)
        RequestReader(max_head, max_headers)
        if compression == "deflate":
            compression = ServerPolicy()
        elif compression is not None and not isinstance(compression, ServerPolicy):
            raise TypeError(f"compression must be 'deflate', a ServerPolicy or None, not {compression!r}")
        self._handler = handler
        self.subprotocols = check_subprotocols(subprotocols)
        self.origins = check_origins(origins)
        self.compression = compression
        self.process_request = process_request
        self.fields = write_extra(additional_headers)  # of every 101
        if server_header is not None:
            self.fields += write_extra({"Server": server_header})
        self.max_message = max_message
        self.max_fragments = max_fragments
        self.max_head = max_head
        self.max_headers = max_headers
        self.open_timeout = open_timeout
        self.ping_interval = ping_interval
        self.ping_timeout = ping_timeout
        self.close_timeout = close_timeout
        self.connections: set[ServerConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._serving: asyncio.Future[None] | None = None  # until it closes, for serve_forever
        self._closing: asyncio.Task[None] | None = None
        self._listening: asyncio.Server

    def make_connection(self) -> ServerConnection:
        """Make the protocol of a transport that was accepted."""
        handler = self._handler
        if isinstance(handler, type):
            return ServerConnection(self, None, handler())
        return ServerConnection(self, handler, None)

    def start(self, work: Any) -> None:
        """Run a coroutine as a task that `wait_closed` waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def sockets(self) -> Sequence[Any]:
        """The sockets that listen."""
        return self._listening.sockets

    def is_serving(self) -> bool:
        """Tell whether it accepts connections."""
        return self._listening.is_serving()

    async def start_serving(self) -> None:
        """Accept connections, after serve(..., start_serving=False)."""
        await self._listening.start_serving()

    async def serve_forever(self) -> None:
        """Accept connections until cancelled, then close; it ends cancelled, too, when `close` is called."""
        if self._closing is not None:
            raise RuntimeError("the server is closed")
        await self.start_serving()
        if self._serving is None:
            self._serving = asyncio.get_running_loop().create_future()
        try:
            await asyncio.shield(self._serving)  # that of asyncio.Server cuts connections off at its end
        finally:
            self.close()
            await self.wait_closed()

    def close(
        self, close_connections: bool = True, code: int = CloseCode.GOING_AWAY, reason: str = ""
    ) -> None:
        """Stop: accept no more, refuse handshakes with 503, close connections.

        Args:
            close_connections: whether to close those that are open.
            code, reason: what to close them with.
        """
        if self._serving is not None:
            self._serving.cancel()
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(
                self._close(close_connections, code, reason)
            )

    async def _close(self, close_connections: bool, code: int, reason: str) -> None:
        self._listening.close()
        await asyncio.sleep(0)  # those accepted in this turn of the loop become connections
        for connection in list(self.connections):
            if connection.state is State.CONNECTING:
                connection.refuse(shutting_down().response)
            elif close_connections:
                connection.close_nowait(code, reason)
        while self._tasks or self.connections:
            waits = [asyncio.ensure_future(connection.wait_closed()) for connection in self.connections]
            await asyncio.wait([*self._tasks, *waits])
        await self._listening.wait_closed()

    async def wait_closed(self) -> None:
        """Wait until it listens no more, all connections are closed and their handlers are done."""
        if self._closing is None:
            await self._listening.wait_closed()
        else:
            await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await self.wait_closed()


class serve:
    """Start a WebSocket server; to be awaited, or entered with `async with`.

    Args:
        handler: a coroutine function that is called with each connection, which is closed when it
            returns; or a subclass of Listener, made once for each connection.
        host, port: where to listen, as asyncio's create_server takes them.
        subprotocols: those the server speaks, the best one first, or a function that is given
            those the client offers and returns one or None.  None and an empty sequence: it speaks
            none, and ignores what a client offers.
        origins: those allowed, as strings or patterns; None among them allows a request without
            Origin.  None allows all, an empty sequence none.
        compression: "deflate" or a ServerPolicy for permessage-deflate, None for none.
        process_request: called with the connection and the request, it may return, or await, a
            Response to send instead of opening a WebSocket.
        additional_headers: of the response.
        server_header: the Server header of the response, or None.
        max_message: bytes a message may have; None for no limit.
        max_fragments: frames a message may have; None for no limit.
        max_head: bytes a request may have, its line and all header fields; more are a 431.
        max_headers: header fields a request may have; more are a 431.
        open_timeout: seconds the opening handshake may take; None for no limit.
        ping_interval: seconds between keep-alive Pings; None for none.
        ping_timeout: seconds to wait for the Pong; None to wait for ever.
        close_timeout: seconds to wait for the end of a closing connection; None to wait for ever.
        options: the rest of asyncio's create_server: ssl, sock, reuse_port, backlog ...
    """

    def __init__(
        self, handler: Handler | type[Listener], host: Any = None, port: int | None = None, **options: Any
    ) -> None:
        names = inspect.signature(Server).parameters
        self._server = Server(handler, **{key: options.pop(key) for key in list(options) if key in names})
        self._where = (host, port)
        self._options = options

    async def _start(self) -> Server:
        loop = asyncio.get_running_loop()
        self._server._listening = await self._listen(loop)
        return self._server

    async def _listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.Server:
        return await loop.create_server(self._server.make_connection, *self._where, **self._options)

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

    def __init__(self, handler: Handler | type[Listener], path: str | None = None, **options: Any) -> None:
        super().__init__(handler, **options)
        self._path = path

    async def _listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.Server:
        return await loop.create_unix_server(self._server.make_connection, self._path, **self._options)
