"""One WebSocket connection after its opening handshake, either side, without I/O (RFC 6455, 5 to 7).

What is received has this effect:

    message       it is returned, until the Close of the peer
    Ping          a Pong is queued (5.5.3)
    Close         a Close is queued if the connection is OPEN; both are now exchanged
    violation     later bytes are discarded, and `error` is set; earlier messages may still have replies

A server closes the TCP connection when both Close frames are exchanged; a client waits for that, with a
time-out (7.1.1).  After fail() either side closes it at once.
"""

from .broadcast import Broadcast
from .closing import (
    CLEAN_CODES as CLEAN_CODES,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    close_body,
)
from .messages import FragmentsAs, as_kind, bytes_of, check_fragment
from .sansio import Event as Event, SansIOConnection
from .sending import Extension
from .states import TRANSITIONS as TRANSITIONS, State, Step

__all__ = [
    "Broadcast",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Extension",
    "FragmentsAs",
    "SansIOConnection",
    "State",
    "Step",
    "as_kind",
    "bytes_of",
    "check_fragment",
    "close_body",
]
