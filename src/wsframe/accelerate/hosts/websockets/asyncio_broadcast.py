"""`broadcast` of websockets.asyncio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from websockets.asyncio.connection import Connection
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.protocol import OPEN, SERVER

from ...._backend import Broadcaster, Watch
from ...host import Host
from .._shared.coalesce import OUTPUT
from . import HOST
from .asyncio_send import make_output
from .broadcast import LazyEncoder, sharing, warn
from .bypassed import BROADCASTING, CONNECTION_CLASS, PROTOCOL_CLASS

broadcasting: Watch = HOST.watch(BROADCASTING, CONNECTION_CLASS, PROTOCOL_CLASS)

# What says that a message in fragments is being sent; before 16.0 it had another name.
FRAGMENTING = (
    "send_in_progress"
    if "send_in_progress" in Connection.__init__.__code__.co_names
    else "fragmented_send_waiter"
)


def broadcast(original: Callable[..., None], _: Host) -> Callable[..., None]:
    return original if original is None else sharing(original, broadcaster)


def output_for(connection: Any) -> Any:
    return connection._wsframe_output or make_output(connection)


broadcaster: Broadcaster = Broadcaster(
    connection_class=Connection,
    watch=broadcasting,
    protocol="protocol",
    transport="_wsframe_transport",
    output=OUTPUT,
    fragmenting=FRAGMENTING,
    equal={"_state": OPEN, "side": SERVER},
    empty=("expect_continuation_frame", "writes", "debug"),
    deflate_class=PerMessageDeflate,
    unused_class=LazyEncoder,
    output_for=output_for,
    failed=warn,
)
