"""Known messages, with the original code of connections disabled."""

from __future__ import annotations

from typing import Any

from .._shared.proof import ACCEPT, HELLO, KEY, MASKED_HELLO, check, original_code

ORIGINAL_CODE = original_code("wsproto")


def prove() -> None:
    from wsproto import utilities
    from wsproto.connection import Connection, ConnectionType
    from wsproto.events import TextMessage

    server, client = Connection(ConnectionType.SERVER), Connection(ConnectionType.CLIENT)
    for proto in (server._proto, client._proto):
        vars(proto).update(received_frames=ORIGINAL_CODE, send_data=ORIGINAL_CODE)
    text = TextMessage("Hello")
    server.receive_data(MASKED_HELLO)
    client.receive_data(server.send(text))
    masked = client.send(text)
    server.receive_data(masked)
    check(list(server.events()) == [text, text] and list(client.events()) == [text])
    check(server.send(text) == HELLO and masked[:2] == MASKED_HELLO[:2])
    check(utilities.generate_accept_token(KEY) == ACCEPT)


def prove_hypercorn() -> None:
    from hypercorn.protocol.ws_stream import Handshake

    headers = [(b"sec-websocket-key", KEY), (b"sec-websocket-version", b"13"), (b"upgrade", b"websocket")]
    check((b"sec-websocket-accept", ACCEPT) in Handshake(headers, "1.1").accept(None, [])[1])


def round_trip(data: bytes) -> tuple[Any, Any, bytes]:
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
