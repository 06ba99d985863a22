"""WebSocket servers and clients on asyncio."""

from .. import __version__ as __version__
from .._errors import (
    ConcurrencyError,
    PayloadTooBig,
    ProtocolError,
    TooManyFragments,
    WebSocketException,
)
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
from . import exceptions as exceptions, typing as typing
from ._basic_auth import basic_auth
from ._engine import Engine, EngineUnavailable, Position
from ._listener import Listener
from .client import ClientConnection, connect, unix_connect
from .connection import Connection, broadcast
from .metrics import Metric, Metrics
from .nats_engine import NatsEngine
from .redis_cluster_engine import RedisClusterEngine
from .redis_engine import RedisEngine
from .router import Router, route, unix_route
from .server import Server, ServerConnection, serve, unix_serve
from .topics import Counters, Subscribed, Topics

__all__ = [
    "ClientConnection",
    "Close",
    "CloseCode",
    "ConcurrencyError",
    "Connection",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Counters",
    "Engine",
    "EngineUnavailable",
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
    "Listener",
    "Metric",
    "Metrics",
    "MultipleValuesError",
    "NatsEngine",
    "NegotiationError",
    "Opcode",
    "PayloadTooBig",
    "Position",
    "ProtocolError",
    "ProxyError",
    "RedisClusterEngine",
    "RedisEngine",
    "Request",
    "Response",
    "Router",
    "SecurityError",
    "Server",
    "ServerConnection",
    "State",
    "Subscribed",
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
