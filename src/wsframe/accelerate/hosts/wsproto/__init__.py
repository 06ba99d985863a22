"""wsproto, under uvicorn --ws wsproto, hypercorn, simple-websocket, trio-websocket and others.

A message that comes in one frame takes the short way. Everything else, from a fragment to a broken rule,
meets the code of wsproto, at the frame where it stands: events, exceptions and texts are its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from ...host import Deflating, Host, Part, Replacement
from .._shared.proof import ACCEPT, HELLO, KEY, MASKED_HELLO, long_way
from .bypassed import RECEIVING, SENDING

__all__ = ["HOST"]

LONG_WAY = long_way("wsproto")


def _replacements() -> Iterable[Replacement]:
    from wsproto.connection import Connection
    from wsproto.frame_protocol import FrameDecoder, XorMaskerSimple

    from . import receive, send

    yield Connection, "events", receive.events()
    yield Connection, "send", send.send()
    yield FrameDecoder, "process_buffer", receive.process_buffer()
    yield XorMaskerSimple, "process", receive.process()
    utilities, handshake = import_module("wsproto.utilities"), import_module("wsproto.handshake")
    accept = send.generate_accept_token(utilities.generate_accept_token)
    yield utilities, "generate_accept_token", accept
    yield handshake, "generate_accept_token", accept


def _hypercorn() -> Iterable[Replacement]:
    from . import send

    ws_stream: Any = import_module("hypercorn.protocol.ws_stream")
    utilities = import_module("wsproto.utilities")
    # Imported after wsproto was patched, it took the new function from there.
    if ws_stream.generate_accept_token is not utilities.generate_accept_token:
        accept = send.generate_accept_token(ws_stream.generate_accept_token)
        yield ws_stream, "generate_accept_token", accept


def _prove() -> None:
    from wsproto import utilities
    from wsproto.connection import Connection, ConnectionType
    from wsproto.events import TextMessage

    server, client = Connection(ConnectionType.SERVER), Connection(ConnectionType.CLIENT)
    for proto in (server._proto, client._proto):
        vars(proto).update(received_frames=LONG_WAY, send_data=LONG_WAY)
    text = TextMessage("Hello")
    server.receive_data(MASKED_HELLO)
    client.receive_data(server.send(text))
    masked = client.send(text)
    server.receive_data(masked)
    if (
        list(server.events()) != [text, text]
        or list(client.events()) != [text]
        or server.send(text) != HELLO
        or masked[:2] != MASKED_HELLO[:2]
        or utilities.generate_accept_token(KEY) != ACCEPT
    ):
        raise RuntimeError("a wrong answer")


def _prove_hypercorn() -> None:
    from hypercorn.protocol.ws_stream import Handshake

    headers = [(b"sec-websocket-key", KEY), (b"sec-websocket-version", b"13"), (b"upgrade", b"websocket")]
    _, answer, _ = Handshake(headers, "1.1").accept(None, [])
    if (b"sec-websocket-accept", ACCEPT) not in answer:
        raise RuntimeError("a wrong answer")


def _round_trip(data: bytes) -> tuple[Any, Any, bytes]:
    from wsproto.connection import Connection, ConnectionType
    from wsproto.events import BytesMessage
    from wsproto.extensions import PerMessageDeflate

    sender, receiver = PerMessageDeflate(), PerMessageDeflate()
    for extension in (sender, receiver):
        extension.finalize("")
    server = Connection(ConnectionType.SERVER, [sender])
    client = Connection(ConnectionType.CLIENT, [receiver])
    client.receive_data(server.send(BytesMessage(data)))
    (event,) = map(vars, client.events())
    return sender._compressor, receiver._decompressor, bytes(event["data"])


HOST = Host(
    name="wsproto",
    first=(1, 3, 2),
    below=(1, 4),
    modules=(
        "wsproto.connection",
        "wsproto.events",
        "wsproto.extensions",
        "wsproto.frame_protocol",
        "wsproto.handshake",
        "wsproto.utilities",
    ),
    replacements=_replacements,
    prove=_prove,
    passes_by=RECEIVING + SENDING,
    deflating=Deflating(module="wsproto.extensions", round_trip=_round_trip),
    parts=(Part(modules=("hypercorn.protocol.ws_stream",), replacements=_hypercorn, prove=_prove_hypercorn),),
)
