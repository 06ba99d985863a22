"""A listening server on asyncio: its options, connections and shutdown."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl as tls
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from .. import __version__
from .._http import errors
from .._http.forwarded import ForwardedHeader, TrustedProxies, TrustedProxy, check_forwarded_header
from .._http.messages import HeadersLike
from .._http.reader import MAX_HEAD, MAX_HEADERS, require_httptools
from .._options import (
    MaxQueue,
    MaxSize,
    check_callable,
    check_finite_seconds,
    check_limits,
    check_logger,
    check_max_queue,
    check_seconds,
    check_slow_peer,
    check_write_limit,
    policy_of,
)
from .._spec import DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_MESSAGE, CloseCode, Role
from ..connection import State, close_body
from ..deflate import ServerPolicy
from ..handshake import Origins, RequestReader, check_origins, list_of_subprotocols, write_extra
from ._deadlines import Deadlines
from ._draining import drain_listening
from ._endpoint import WRITE_LIMIT, WriteLimit
from ._listener import Listener
from ._opening import Handler, ProcessRequest, ProcessResponse, SelectSubprotocol, ServerConnection
from ._proxy_protocol import HeaderProtocol
from ._traffic import Group
from .connection import MAX_QUEUE, MAX_UNSENT, SlowPeer

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._options import AnyLogger

_logger = logging.getLogger("wsframe.server")


def _check_close(code: int, reason: str, spread: float) -> None:
    """Check the arguments of `close`."""
    close_body(code, reason)
    check_finite_seconds("spread", spread, zero=True)


class Server:
    """A listening WebSocket server, returned by `serve`.

    The options of `serve` that do not say where to listen are attributes of the same names.
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
        self._deadlines: Deadlines  # of opening handshakes

    def _attach(self, loop: asyncio.AbstractEventLoop, listening: asyncio.Server) -> None:
        """Use a server of asyncio, whose protocol factory is `_make_connection`."""
        self._loop = loop
        self._listening = listening
        self._close_called = loop.create_future()
        self._deadlines = Deadlines(loop)

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

    def _start_handler(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task that `wait_closed` waits for, and that removes itself from `_tasks` at its end.

        A task that is cancelled before its first step stays there until the server is closed.
        """
        task = self._loop.create_task(work)
        if not task.done():  # it may have run at once (asyncio.eager_task_factory)
            self._tasks.add(task)

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
        """A copy of the set of open connections."""
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
            RuntimeError: the server is closed already, or a signal cannot be handled: there are no handlers
                of SIGKILL and SIGSTOP, nor outside of the main thread.
            NotImplementedError: the event loop has no signals.
            TypeError: signals are no numbers of signals, or `spread` is no number.
            ValueError: there is no such signal, the code must not be sent, or `spread` is out of range.
        """
        if self.is_closing():
            raise RuntimeError("the server is closed")
        _check_close(code, "", spread)
        if isinstance(signals, (int, str)):
            raise TypeError("signals must be a list of signals, such as [signal.SIGTERM]")
        signals = tuple(signals)
        if signals and threading.current_thread() is not threading.main_thread():
            raise RuntimeError("signals are handled in the main thread only: call close() yourself")
        handled: list[int] = []
        try:
            for number in signals:
                self._handle_signal(number, partial(self.close, code=code, spread=spread))
                handled.append(number)
        except BaseException:
            self._remove_signal_handlers(handled)
            raise
        try:
            await self.start_serving()
            await asyncio.shield(self._close_called)  # asyncio's own method would abort connections
        finally:
            self._remove_signal_handlers(handled)
            self.close()
            await self.wait_closed()

    def _handle_signal(self, number: int, handler: Callable[[], None]) -> None:
        try:
            self._loop.add_signal_handler(number, handler)
        except NotImplementedError:
            raise NotImplementedError("the event loop has no signals: call close() yourself") from None
        except RuntimeError as exc:
            raise RuntimeError(f"signal {int(number)} cannot be handled") from exc

    def _remove_signal_handlers(self, signals: Iterable[int]) -> None:
        for number in signals:
            self._loop.remove_signal_handler(number)

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
            TypeError: `spread` is no number.
            ValueError: the code must not be sent, the reason is too long, or `spread` is out of range.
        """
        _check_close(code, reason, spread)
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
        while True:
            self._tasks -= {task for task in self._tasks if task.done()}
            for connection in [each for each in self._all_connections if each._is_detached]:
                self._group.lost(connection)
                self._open_connections.discard(connection)
            if not (self._tasks or self._all_connections):
                break
            waits = [asyncio.ensure_future(connection.wait_closed()) for connection in self._all_connections]
            await asyncio.wait([*self._tasks, *waits])
        self._deadlines.close()
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
            connection._flushed_transport.abort()

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
