"""`broadcast` of websockets.legacy."""

from __future__ import annotations

from collections.abc import Callable

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.legacy.protocol import WebSocketCommonProtocol

from ...._backend import Broadcaster
from ...host import Host
from .._shared.coalesce import OUTPUT
from .broadcast import LazyEncoder, sharing, warn
from .legacy_receive import output_for
from .legacy_send import OPEN, sending


def broadcast(original: Callable[..., None], _: Host) -> Callable[..., None]:
    return original if original is None else sharing(original, broadcaster)


broadcaster: Broadcaster = Broadcaster(
    connection_class=WebSocketCommonProtocol,
    watch=sending,
    protocol=None,
    transport="transport",
    output=OUTPUT,
    fragmenting="_fragmented_message_waiter",
    equal={"state": OPEN},
    empty=("is_client", "debug"),
    deflate_class=PerMessageDeflate,
    unused_class=LazyEncoder,
    output_for=output_for,
    failed=warn,
)
