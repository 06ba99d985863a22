"""`broadcast` of websockets.asyncio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from websockets.asyncio.connection import Connection
from websockets.protocol import OPEN, SERVER

from ...._backend import Watch
from ...host import Host
from . import HOST
from .asyncio_send import make_output
from .broadcast import sharing
from .bypassed import BROADCASTING, CONNECTION_CLASS, PROTOCOL_CLASS
from .deflate import extension_of

broadcasting: Watch = HOST.watch(BROADCASTING, CONNECTION_CLASS, PROTOCOL_CLASS)

# What says that a message in fragments is being sent; before 16.0 it had another name.
FRAGMENTING = (
    "send_in_progress"
    if "send_in_progress" in Connection.__init__.__code__.co_names
    else "fragmented_send_waiter"
)


def broadcast(original: Callable[..., None], _: Host) -> Callable[..., None]:
    return original if original is None else sharing(original, extensions_of, output_for)


def extensions_of(connection: Any) -> list[Any] | None:
    if not issubclass(type(connection), Connection):
        return None
    protocol = connection.protocol
    extensions: list[Any] = protocol.extensions
    if (
        connection._wsframe_transport is not None
        and protocol._state is OPEN
        and protocol.side is SERVER
        and getattr(connection, FRAGMENTING) is None
        and not (protocol.expect_continuation_frame or protocol.writes or protocol.debug)
        and (not extensions or extension_of(extensions) is not None)
        and broadcasting.holds(connection, protocol)
    ):
        return extensions
    return None


def output_for(connection: Any) -> Any:
    return connection._wsframe_output or make_output(connection)
