"""WebSocket servers and clients on asyncio."""

from ..connection import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, State
from ..handshake import HandshakeError, InvalidStatus, InvalidURI, Request, Response
from .client import ClientConnection, connect, unix_connect
from .connection import Connection, Listener, broadcast
from .server import Server, ServerConnection, serve, unix_serve

__all__ = [
    "ClientConnection",
    "Connection",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "HandshakeError",
    "InvalidStatus",
    "InvalidURI",
    "Listener",
    "Request",
    "Response",
    "Server",
    "ServerConnection",
    "State",
    "broadcast",
    "connect",
    "serve",
    "unix_connect",
    "unix_serve",
]
