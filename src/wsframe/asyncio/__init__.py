"""WebSocket servers and clients on asyncio."""

from .._errors import ConcurrencyError, ProtocolError, WebSocketException
from .._spec import CloseCode
from ..connection import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, State
from ..handshake import (
    Headers,
    InvalidHandshake,
    InvalidHeader,
    InvalidMessage,
    InvalidStatus,
    InvalidURI,
    NegotiationError,
    Request,
    Response,
)
from .client import ClientConnection, connect, unix_connect
from .connection import Connection, Listener, broadcast
from .server import Server, ServerConnection, serve, unix_serve

__all__ = [
    "ClientConnection",
    "CloseCode",
    "ConcurrencyError",
    "Connection",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Headers",
    "InvalidHandshake",
    "InvalidHeader",
    "InvalidMessage",
    "InvalidStatus",
    "InvalidURI",
    "Listener",
    "NegotiationError",
    "ProtocolError",
    "Request",
    "Response",
    "Server",
    "ServerConnection",
    "State",
    "WebSocketException",
    "broadcast",
    "connect",
    "serve",
    "unix_connect",
    "unix_serve",
]
