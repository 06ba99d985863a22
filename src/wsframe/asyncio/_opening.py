"""The opening handshake of a server (RFC 6455, 4.2), and its connections."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .._http import errors
from .._http.forwarded import Client
from .._http.logs import ERROR, INFO, WARNING, log, log_no_request, log_refusal
from .._http.responses import (
    checked,
    plain_response,
    read_own,
    serialize_101,
    serialize_refusal,
    with_server_field,
)
from .._options import limits_of
from .._spec import CloseCode, Role
from ..connection import SansIOConnection
from ..handshake import (
    Accepted,
    NegotiationError,
    Refused,
    Request,
    RequestReader,
    Response,
    Subprotocols,
    accept,
)
from ._listener import Listener
from .connection import Connection

if TYPE_CHECKING:
    from ._server import Server


Handler = Callable[["ServerConnection"], Awaitable[object]]
ProcessRequest = Callable[["ServerConnection", Request], "Response | Awaitable[Response | None] | None"]
ProcessResponse = Callable[
    ["ServerConnection", Request, Response], "Response | Awaitable[Response | None] | None"
]
SelectSubprotocol = Callable[["ServerConnection", list[str]], "str | None"]

# Seconds for a peer to close the connection after its opening handshake was refused.
REFUSAL_LINGER = 1.0

# Bytes received behind the request over which reading pauses until process_request has returned. Below
# that reading continues, to notice when the client disconnects.
MAX_EARLY_DATA = 2**16


class ServerConnection(Connection):
    """A connection of a server.

    With `trusted_proxies` or `proxy_protocol`, its `remote_address` is that of the client behind proxies.

    Attributes:
        username: the user name, set by `basic_auth`.
    """

    username: str
    request: Request | None
    subprotocol: str | None

    __slots__ = (
        "_client",
        "_awaited",
        "_created_at",
        "_deadline",
        "_decision",
        "_handler",
        "_linger_timer",
        "_reader",
        "_response",
        "_server",
    )

    def __init__(self, server: Server, handler: Handler | type[Listener]) -> None:
        super().__init__(
            ping_interval=server.ping_interval,
            ping_timeout=server.ping_timeout,
            close_timeout=server.close_timeout,
            max_unsent=server.max_unsent,
            slow_peer=server.slow_peer,
            write_limit=server.write_limit,
            max_queue=server.max_queue,
            logger=server.logger,
        )
        self._server = server
        self._handler = handler
        self._created_at = self._loop.time()  # connection_made() is called after a TLS handshake
        self._reader: RequestReader | None = RequestReader(server.max_head, server.max_headers)
        self._deadline: float | None = None  # of the opening handshake, in `server._deadlines`
        self._linger_timer: asyncio.TimerHandle | None = None  # of REFUSAL_LINGER
        self._decision: asyncio.Task[None] | None = None  # runs process_request and process_response
        self._awaited = ""  # the name of the one that runs
        self._response: bytes | Response = b""  # a Response while process_response runs
        self._client: Client | None = None  # as proxies describe it

    @property
    def remote_address(self) -> Any:
        return super().remote_address if self._client is None else self._client.address

    @property
    def scheme(self) -> str:
        """How the client is connected, "ws" or "wss"; to a trusted proxy if there is one."""
        if self._client is not None and self._client.scheme is not None:
            return self._client.scheme
        return "ws" if self._flushed_transport.get_extra_info("sslcontext") is None else "wss"

    @property
    def host(self) -> str:
        """Host and perhaps port that the client has asked for; empty before the request is there."""
        if self._client is not None and self._client.host is not None:
            return self._client.host
        return "" if self.request is None else self.request.headers.get("Host", "")

    def _set_peer(self, address: Any) -> None:
        """Set the address in a header of the PROXY protocol; None if it has none."""
        self._client = None if address is None else Client(address)

    @property
    def response(self) -> Response | None:
        response = self._response
        return read_own(response) if isinstance(response, bytes) else response

    @property
    def server(self) -> Server:
        """The server that accepted the connection."""
        return self._server

    @property
    def _is_detached(self) -> bool:
        """Whether the application has given the transport to another protocol (`set_protocol`)."""
        if self._lost:
            return False
        try:
            return self._flushed_transport.get_protocol() is not self
        except AttributeError:  # asyncio's transport for TLS, closed twice
            return False

    def respond(self, status: int, text: str) -> Response:
        """Return a plain text response, for `process_request` or `process_response`.

        Args:
            status: the status code.
            text: the body, sent as UTF-8.
        """
        return plain_response(status, text)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server._all_connections.add(self)
        timeout = self._server.open_timeout
        if self._server._refuses:
            self._refuse(errors.shutting_down().response)
        elif timeout is not None:
            at = self._created_at + timeout  # it may be over already
            self._deadline = self._server._deadlines.add(self, at, timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server._group.lost(self)
        self._server._open_connections.discard(self)
        if self._reader is not None and self.request is None:
            log_no_request(self, self._reader.cut_short())
        self._reader = None
        self._stop_handshake()
        log(self, INFO, "connection closed")
        super().connection_lost(exc)

    def _receive_handshake(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:
            return  # the handshake was refused
        if self._decision is not None:
            reader.rest += data  # kept until the decision
            if len(reader.rest) > MAX_EARLY_DATA:
                self._pause_reading()
            return
        try:
            request = reader.feed(data)
            if request is None:
                return
            self.request = request
            server = self._server
            if server._proxies is not None:
                self._client = server._proxies.client(
                    self.remote_address, request.headers, server.forwarded_header
                )
        except Refused as refused:
            self._refuse(refused.response, refused)
            return
        if server.process_request is not None or server.process_response is not None:
            self._decision = server._start_task(self._decide(request))
            return
        accepted = self._accept(request)
        if accepted is not None:
            self._send_acceptance(accepted, accepted.with_fields(server._response_fields))

    async def _decide(self, request: Request) -> None:
        """Call process_request and process_response, then accept or refuse."""
        server, response, accepted = self._server, None, None
        what = self._awaited = "process_request"
        try:
            if server.process_request is not None:
                response = server.process_request(self, request)
                if inspect.isawaitable(response):
                    response = await response
            if response is None:
                accepted = self._accept(request)
                if accepted is None:
                    self._decision = None
                    return
            if server.process_response is not None:
                if accepted is not None:
                    response = read_own(accepted.with_fields(server._response_fields))
                else:
                    response = checked(response, what)
                what = self._awaited = "process_response"
                assert response is not None
                self._response = response
                replacement = server.process_response(self, request, response)
                if inspect.isawaitable(replacement):
                    replacement = await replacement
                if replacement is not None:
                    response = replacement
        except BaseException as exc:
            self._decision = None
            # After the handshake is refused (timeout, or server or connection closed) we cancel this task.
            if isinstance(exc, Exception) or self._reader is not None:
                self._fail_handshake(f"{what} failed", was_checked=accepted is not None)
            if not isinstance(exc, Exception):
                raise
            return
        self._decision = None
        if self._reader is None:
            return
        if server._refuses:
            self._refuse(errors.shutting_down().response)
            return
        try:
            other = None if response is None else checked(response, what)
            if other is not None and (accepted is None or other.status_code != 101):
                refusal = serialize_refusal(other, request.method)
                self._refuse(refusal, was_checked=accepted is not None)
                return
            assert accepted is not None
            data = accepted.with_fields(server._response_fields) if other is None else serialize_101(other)
        except Exception:
            self._fail_handshake("opening handshake failed", was_checked=accepted is not None)
            return
        self._send_acceptance(accepted, data)
        self._resume_reading()

    def _accept(self, request: Request) -> Accepted | None:
        """Check the request; if it is not acceptable, refuse it and return None."""
        server = self._server
        if server._refuses:
            self._refuse(errors.shutting_down().response)
            return None
        subprotocols: Subprotocols | None = server.subprotocols
        if server.select_subprotocol is not None:
            subprotocols = partial(server.select_subprotocol, self)
        # Functions and objects of the application may raise anything.
        try:
            accepted = accept(
                request.method,
                request.http_version,
                request.headers.raw,
                subprotocols=subprotocols,
                origins=server.origins,
                compression=server.compression,
            )
            if isinstance(self._handler, type):
                self._listener = self._handler()
        except Refused as refused:
            if isinstance(refused, errors.UpgradeRemoved) and not server._warned_of_proxy:
                server._warned_of_proxy = True  # once: each request is the same
                log(self, WARNING, "request refused: %s", refused)
            self._refuse(refused.response, was_checked=True)
        except NegotiationError as exc:
            self._refuse(errors.no_agreement(str(exc)).response, was_checked=True)
        except Exception:
            self._fail_handshake("opening handshake failed", was_checked=True)
        else:
            return accepted
        return None

    def _send_acceptance(self, accepted: Accepted, data: bytes) -> None:
        """Send the response that accepts the handshake, and run the handler."""
        server, reader, handler = self._server, self._reader, self._handler
        assert reader is not None
        self._stop_handshake()
        self._reader = None
        self._response = data
        self.subprotocol = accepted.subprotocol
        self._transport_write(data)
        log(self, INFO, "connection open")
        server._open_connections.add(self)
        server._group.opened(self)
        max_message, max_frame = limits_of(server.max_size)
        self._open(
            SansIOConnection(
                Role.SERVER,
                max_message=max_message,
                max_fragments=server.max_fragments,
                max_frame=max_frame,
                deflate=accepted.deflate,
            ),
            reader.rest,
        )
        if not isinstance(handler, type):
            server._start_handler(self._run(handler))

    def _refuse(self, response: bytes, error: Refused | None = None, *, was_checked: bool = False) -> None:
        """Refuse the opening handshake, and close.

        Args:
            response: empty for a client that does not speak HTTP.
            error: what is wrong with the request, if the client sent none that can be read.
            was_checked: see `log_refusal`.
        """
        if self._reader is None:
            return  # refused before, or disconnected
        if self.request is None:
            log_no_request(self, error or self._reader.cut_short())
        self._reader = None
        self._stop_handshake()
        if self._flushed_transport.is_closing():
            return
        response = self._response = with_server_field(response, self._server._server_field)
        if response:
            self._transport_write(response)
            log_refusal(self, response, was_checked=was_checked)
        self._start_close_timer()  # the peer may not read it
        if not self._flushed_transport.can_write_eof():
            self._flushed_transport.close()
            return
        # Bytes that arrive at a closed socket reset the connection, and the response may be lost: read and
        # discard until the peer closes, at most REFUSAL_LINGER seconds (RFC 9112, 9.6).
        try:
            self._flushed_transport.write_eof()
        except OSError:  # the peer has disconnected
            self._flushed_transport.close()
            return
        self._linger_timer = self._loop.call_later(REFUSAL_LINGER, self._flushed_transport.close)
        self._resume_reading()

    def _start_close_timer(self) -> None:
        self._server._open_connections.discard(self)
        super()._start_close_timer()

    def _fail_handshake(self, why: str, *, was_checked: bool) -> None:
        """Log the current exception, and respond with 500."""
        log(self, ERROR, why, exc_info=True)
        self._refuse(errors.opening_failed().response, was_checked=was_checked)

    def _open_timed_out(self) -> None:
        if self._deadline is None:
            return  # the opening handshake was done in the same loop iteration
        self._deadline = None
        if self._decision is None:
            self._flushed_transport.abort()  # the request is incomplete
        else:
            text = "%s took longer than open_timeout, %s s"
            log(self, ERROR, text, self._awaited, self._server.open_timeout)
            self._refuse(errors.opening_timed_out().response)

    def _stop_handshake(self) -> None:
        """Cancel the deadline, the timer and the task of the opening handshake."""
        if self._deadline is not None:
            self._server._deadlines.discard(self, self._deadline)
            self._deadline = None
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self._linger_timer = None
        if self._decision is not None:
            self._decision.cancel()
            self._server._tasks.discard(self._decision)  # it may ignore that
            self._decision = None

    async def _run(self, handler: Handler) -> None:
        try:
            try:
                await handler(self)
            except BaseException as exc:
                if _is_cancellation(exc):
                    self.close_nowait(CloseCode.GOING_AWAY)
                    raise
                if not self.protocol.has_raised(exc):
                    log(self, ERROR, "connection handler failed", exc_info=True)
                    self.close_nowait(CloseCode.INTERNAL_ERROR)
                if not isinstance(exc, (Exception, asyncio.CancelledError)):
                    raise
            if self._lost and type(self) is ServerConnection:
                return  # it is closed, and no method is overridden
            if not self._is_detached:
                await self.close()
        finally:
            task = asyncio.current_task()
            if task is not None:
                self._server._tasks.discard(task)
                del task  # else it is part of a reference cycle when an exception is raised


def _is_cancellation(exc: BaseException) -> bool:
    """Tell whether the current task was cancelled, and not only one that it awaited."""
    if not isinstance(exc, asyncio.CancelledError):
        return False
    task: Any = asyncio.current_task()
    return not hasattr(task, "cancelling") or task.cancelling() > 0  # CPython 3.10 cannot tell
