"""WebSocket servers and clients on asyncio."""

from .._errors import (
    ConcurrencyError,
    PayloadTooBig,
    ProtocolError,
    TooManyFragments,
    WebSocketException,
)
from .._spec import CloseCode
from ..connection import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, State
from ..handshake import (
    Headers,
    InvalidHandshake,
    InvalidHeader,
    InvalidMessage,
    InvalidProxy,
    InvalidProxyMessage,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    NegotiationError,
    ProxyError,
    Request,
    Response,
    SecurityError,
)
from ._basic_auth import basic_auth
from .client import ClientConnection, connect, unix_connect
from .connection import Connection, Listener, broadcast
from .router import Router, route, unix_route
from .server import Server, ServerConnection, serve, unix_serve
from .topics import Counters, Topics

__all__ = [
    "ClientConnection",
    "CloseCode",
    "ConcurrencyError",
    "Connection",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Counters",
    "Headers",
    "InvalidHandshake",
    "InvalidHeader",
    "InvalidMessage",
    "InvalidProxy",
    "InvalidProxyMessage",
    "InvalidProxyStatus",
    "InvalidStatus",
    "InvalidURI",
    "Listener",
    "NegotiationError",
    "PayloadTooBig",
    "ProtocolError",
    "ProxyError",
    "Request",
    "Response",
    "Router",
    "SecurityError",
    "Server",
    "ServerConnection",
    "State",
    "TooManyFragments",
    "Topics",
    "WebSocketException",
    "basic_auth",
    "broadcast",
    "connect",
    "route",
    "serve",
    "unix_connect",
    "unix_route",
    "unix_serve",
]
