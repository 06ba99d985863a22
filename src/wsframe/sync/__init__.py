"""WebSocket servers and clients for threads, with the names of websockets.sync."""

from .. import __version__ as __version__
from .._errors import ConcurrencyError, PayloadTooBig, ProtocolError, TooManyFragments, WebSocketException
from .._spec import Close, CloseCode, Opcode

# Types for annotations are found here, too, as in websockets.
from .._typing import (
    BytesLike as BytesLike,
    Data as Data,
    DataLike as DataLike,
    ExtensionName as ExtensionName,
    ExtensionParameter as ExtensionParameter,
    HeadersLike as HeadersLike,
    LoggerLike as LoggerLike,
    Origin as Origin,
    StatusLike as StatusLike,
    Subprotocol as Subprotocol,
)
from ..connection import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, State
from ..handshake import (
    Headers,
    InvalidHandshake,
    InvalidHeader,
    InvalidHeaderValue,
    InvalidMessage,
    InvalidProxy,
    InvalidProxyMessage,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidUpgrade,
    InvalidURI,
    MultipleValuesError,
    NegotiationError,
    ProxyError,
    Request,
    Response,
    SecurityError,
)
from . import typing as typing
from ._basic_auth import basic_auth
from .client import ClientConnection, connect, unix_connect
from .connection import Connection
from .router import Router, route, unix_route
from .server import Server, ServerConnection, serve, unix_serve

__all__ = [
    "ClientConnection",
    "Close",
    "CloseCode",
    "ConcurrencyError",
    "Connection",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Headers",
    "InvalidHandshake",
    "InvalidHeader",
    "InvalidHeaderValue",
    "InvalidMessage",
    "InvalidProxy",
    "InvalidProxyMessage",
    "InvalidProxyStatus",
    "InvalidStatus",
    "InvalidURI",
    "InvalidUpgrade",
    "MultipleValuesError",
    "NegotiationError",
    "Opcode",
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
    "WebSocketException",
    "basic_auth",
    "connect",
    "route",
    "serve",
    "unix_connect",
    "unix_route",
    "unix_serve",
]
