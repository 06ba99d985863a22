"""WebSocket servers on asyncio."""

from __future__ import annotations

import asyncio
import os
import ssl as tls
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from .. import __version__
from .._http.forwarded import ForwardedHeader, TrustedProxy
from .._http.logs import log_listening
from .._http.messages import HeadersLike
from .._http.reader import MAX_HEAD, MAX_HEADERS
from .._options import MaxQueue, MaxSize, check_names, check_unix_sockets
from .._spec import DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_MESSAGE
from ..deflate import ServerPolicy
from ..handshake import Origins
from ._basic_auth import basic_auth
from ._endpoint import WRITE_LIMIT, WriteLimit
from ._listener import Listener
from ._opening import (
    Handler as Handler,
    ProcessRequest as ProcessRequest,
    ProcessResponse as ProcessResponse,
    SelectSubprotocol as SelectSubprotocol,
    ServerConnection as ServerConnection,
)
from ._server import Server
from ._transport_options import ListenOptions, UnixListenOptions
from .connection import MAX_QUEUE, MAX_UNSENT, SlowPeer, broadcast

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._options import AnyLogger
    from ._typed_options import UnixServeOptions

__all__ = ["Server", "ServerConnection", "basic_auth", "broadcast", "serve", "unix_serve"]


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
        open_timeout: seconds for the opening handshake, including that of TLS and process_request; None for
            no limit.  It is noticed up to 0.25 s later: connections share timers.
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
        check_unix_sockets()
        return await loop.create_unix_server(self._make_protocol, self._path, **self._options)
