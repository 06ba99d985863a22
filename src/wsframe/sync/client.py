"""WebSocket clients for threads."""

from __future__ import annotations

import logging
import socket
import ssl as tls
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from .. import __version__
from .._http.messages import HeadersLike, pairs_of
from .._http.proxies import check_proxy
from .._http.reader import MAX_HEAD, MAX_HEADERS
from .._http.redirects import Target
from .._options import (
    MaxQueue,
    MaxSize,
    check_callable,
    check_limits,
    check_logger,
    check_max_queue,
    check_names,
    check_seconds,
    policy_of,
)
from .._spec import DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_MESSAGE, Role
from ..deflate import ClientPolicy
from ..handshake import ResponseReader, list_of_subprotocols, parse_uri
from ._client_opening import ClientConnection, Opening
from ._socket import Deadline
from ._typed_options import ConnectOptions
from .connection import MAX_QUEUE

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._options import AnyLogger
    from ._typed_options import UnixClientOptions

__all__ = ["ClientConnection", "connect", "unix_connect"]

_logger = logging.getLogger("wsframe.client")


def connect(
    uri: str,
    *,
    sock: socket.socket | None = None,
    ssl: tls.SSLContext | None = None,
    server_hostname: str | None = None,
    origin: str | None = None,
    subprotocols: Sequence[str] | None = None,
    compression: ClientPolicy | Literal["deflate"] | None = "deflate",
    additional_headers: HeadersLike | None = None,
    user_agent_header: str | None = f"wsframe/{__version__}",
    proxy: str | Literal[True] | None = True,
    proxy_ssl: tls.SSLContext | None = None,
    proxy_server_hostname: str | None = None,
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
    create_connection: Callable[..., ClientConnection] | None = None,
    **options: Unpack[ConnectOptions],
) -> ClientConnection:
    """Connect to a WebSocket server.

    At most 10 redirects are followed, never from wss:// to ws://; credentials are not sent to another origin.

    Args:
        uri: ws:// or wss://.
        sock: a connected socket to use, instead of a new one.
        ssl: the context of a wss:// URI; None for ssl.create_default_context().
        server_hostname: the name in the certificate of the server, instead of the host of the URI.
        origin: value of the Origin header; None to omit it.
        subprotocols: those the client supports, in order of preference; an empty sequence is as None.
        compression: "deflate" or a ClientPolicy for permessage-deflate, None for none.
        additional_headers: header fields to add to the request, or None.
        user_agent_header: value of the User-Agent header; None to omit it.
        proxy: the address of a proxy: http://, https://, socks4://, socks4a://, socks5:// or socks5h://; True
            for the one in the environment for this URI, None for none.  SOCKS needs python-socks,
            which wsframe[proxy] installs.
        proxy_ssl: the context for an https:// proxy; None for ssl.create_default_context().
        proxy_server_hostname: the name in the certificate of the proxy, instead of its host.
        open_timeout: seconds to connect and for the opening handshake; None for no limit.
        ping_interval: seconds between keep-alive Pings; None for none.
        ping_timeout: seconds to wait for the Pong; None for no limit.
        close_timeout: seconds to wait for the end of a closing connection; None for no limit.
        max_size: maximum size of a message in bytes, or a pair: of a message and of one of its frames; None
            for no limit.
        max_fragments: maximum number of frames of a message; None for no limit.
        max_head: maximum size of status line and header fields in bytes; more are an InvalidMessage.
        max_headers: maximum number of header fields of a response; more are an InvalidMessage.
        max_queue: queued messages over which reading pauses; None for no limit.  Of a pair, the first one
            counts.
        logger: the logger, instead of "wsframe.client".
        create_connection: returns the connection: ClientConnection or a subclass.
        options: the rest of socket.create_connection: source_address, all_errors.

    Returns:
        The connection, which can be entered with `with`.

    Raises:
        TypeError: an option has no such name, or is of the wrong type.
        ValueError: uri is not a WebSocket URI, or an argument is not valid in a header or out of range.
        InvalidHandshake: the server refused the handshake, or its response is not valid.
        OSError: the connection failed.
        TimeoutError: the handshake was not done in open_timeout seconds.
    """
    given: dict[str, Any] = {**options}
    unix, path = given.pop("unix", False), given.pop("path", None)  # of unix_connect
    if unix:
        check_names(unix_connect, given, connect, ())
    else:
        check_names(connect, given, connect, ConnectOptions.__optional_keys__)
    target = parse_uri(uri)
    if ssl is not None and not target.secure:
        raise ValueError("ssl argument is incompatible with a ws:// URI")
    if ssl is not None and not isinstance(ssl, tls.SSLContext):
        raise TypeError(f"ssl must be an ssl.SSLContext or None, not {type(ssl).__name__}")
    policy = policy_of(compression, ClientPolicy)
    if unix and path is None and sock is None:
        raise ValueError("missing path argument")
    if path is not None and sock is not None:
        raise ValueError("path is incompatible with sock")
    if proxy is not None and proxy is not True:
        if not isinstance(proxy, str):
            raise TypeError(f"proxy must be str, True or None, not {type(proxy).__name__}")
        check_proxy(proxy, tls=True)
        if proxy_ssl is not None and not proxy.startswith("https://"):
            scheme = proxy.partition("://")[0]
            raise ValueError(f"proxy_ssl argument is incompatible with an {scheme}:// proxy")
    check_callable("create_connection", create_connection)
    check_logger(logger)
    check_seconds("open_timeout", open_timeout, zero=True)
    check_seconds("ping_interval", ping_interval)
    check_seconds("ping_timeout", ping_timeout)
    check_seconds("close_timeout", close_timeout, zero=True)
    check_limits(Role.CLIENT, max_size, max_fragments)
    check_max_queue(max_queue)
    subprotocols = None if subprotocols is None else list_of_subprotocols(subprotocols)
    ResponseReader(max_head, max_headers)
    opening = Opening(
        deadline=Deadline(open_timeout),
        sock=sock,
        path=path,
        unix=unix,
        ssl=ssl,
        server_hostname=server_hostname,
        proxy=None if unix or sock is not None else proxy,
        proxy_ssl=proxy_ssl,
        proxy_server_hostname=proxy_server_hostname,
        origin=origin,
        subprotocols=subprotocols,
        policy=policy,
        user_agent=user_agent_header,
        max_size=max_size,
        max_fragments=max_fragments,
        max_head=max_head,
        max_headers=max_headers,
        make_connection=partial(
            ClientConnection if create_connection is None else create_connection,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            close_timeout=close_timeout,
            max_queue=max_queue,
            logger=_logger if logger is None else logger,
        ),
        options=given,
    )
    return opening.follow(Target(target, uri, pairs_of(additional_headers or ())))


def unix_connect(
    path: str | None = None, uri: str | None = None, **options: Unpack[UnixClientOptions]
) -> ClientConnection:
    """Connect to a WebSocket server on a Unix socket.

    Args:
        path: of the socket.
        uri: for the request; None for ws://localhost/, or wss://localhost/ where `ssl` is given.
        options: those of connect.
    """
    if uri is None:
        uri = "ws://localhost/" if options.get("ssl") is None else "wss://localhost/"
    given: dict[str, Any] = {**options, "unix": True, "path": path}
    return connect(uri, **given)
