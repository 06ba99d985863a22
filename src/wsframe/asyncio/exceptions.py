"""The exceptions of `wsframe.asyncio` alone, for programs that look for them in a module of this name."""

from .._errors import (
    ConcurrencyError,
    PayloadTooBig,
    ProtocolError,
    TooManyFragments,
    WebSocketException,
)
from ..connection import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from ..handshake import (
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
    SecurityError,
)

__all__ = [
    "ConcurrencyError",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
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
    "PayloadTooBig",
    "ProtocolError",
    "ProxyError",
    "SecurityError",
    "TooManyFragments",
    "WebSocketException",
]
