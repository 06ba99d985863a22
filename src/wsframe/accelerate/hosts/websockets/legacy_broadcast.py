"""`broadcast` of websockets.legacy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from websockets.legacy.protocol import WebSocketCommonProtocol

from ...host import Host
from .broadcast import sharing
from .deflate import extension_of
from .legacy_receive import output_for
from .legacy_send import OPEN, sending


def broadcast(original: Callable[..., None], _: Host) -> Callable[..., None]:
    return original if original is None else sharing(original, extensions_of, output_for)


def extensions_of(connection: Any) -> list[Any] | None:
    if not isinstance(connection, WebSocketCommonProtocol) or connection.state is not OPEN:
        return None
    extensions: list[Any] = connection.extensions
    if (
        not connection.is_client
        and connection._fragmented_message_waiter is None
        and not connection.debug
        and (not extensions or extension_of(extensions) is not None)
        and sending.holds(connection)
    ):
        return extensions
    return None
