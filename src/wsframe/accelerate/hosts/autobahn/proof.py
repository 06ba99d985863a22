"""Known messages, with the original code of the connection disabled."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

from .._shared.proof import HELLO, KEY, MASKED_HELLO, alter, check, original_code, privately
from .bypassed import ADAPTED, TWISTED, WEBSOCKET
from .watches import clear_watches

ORIGINAL_CODE = original_code("autobahn")


def prove() -> None:
    protocol: Any = import_module(WEBSOCKET)
    received: list[Any] = []
    written: list[bytes] = []
    connection = connected(protocol)
    alter(
        connection,
        _onMessage=lambda *message: received.append(message),
        data=MASKED_HELLO,
        log=SimpleNamespace(debug=_no_op),
        transport=SimpleNamespace(write=written.append),
        utf8validator=SimpleNamespace(reset=ORIGINAL_CODE),
    )
    try:
        connection.consumeData()
        connection.sendMessage(b"Hello")
    finally:
        clear_watches()
    masked = protocol.create_xor_masker(MASKED_HELLO[2:6], 5).process(b"Hello")
    check(received == [(b"Hello", False)] and written == [HELLO] and masked == MASKED_HELLO[6:])
    check(not connection.data and connection.trafficStats.outgoingOctetsWireLevel == len(HELLO))


def connected(protocol: Any) -> Any:
    """Make a connection whose handshake is over, by the code of autobahn."""
    # Its constructors want a framework that is chosen, and seed the numbers of the whole program.
    aside: dict[str, Any] = {
        "random": SimpleNamespace(seed=silent),
        "txaio": SimpleNamespace(create_future=silent, make_batched_timer=silent, resolve=silent),
    }
    Factory: Any = protocol.WebSocketServerFactory
    Factory = type("Factory", (Factory,), {"__init__": privately(Factory.__init__, **aside)})
    Protocol: Any = protocol.WebSocketServerProtocol
    # The original code leads through these.
    ways: dict[str, Any] = dict.fromkeys(("sendFrame", *ADAPTED), ORIGINAL_CODE)
    ways.update(_onMessage=ORIGINAL_CODE, _onOpen=silent, log=SimpleNamespace(debug=silent), transport=None)
    for name in ("__init__", "succeedHandshake"):
        ways[name] = privately(getattr(Protocol, name), **aside)
    connection: Any = type("Connection", (Protocol,), ways)()
    factory = Factory()
    factory.setProtocolOptions(openHandshakeTimeout=0)
    connection.factory = factory
    connection._connectionMade()
    alter(connection, transport=SimpleNamespace(write=silent))
    connection._wskey, connection.websocket_extensions = KEY.decode(), []  # of the request
    connection.succeedHandshake(None)
    return connection


def prove_twisted() -> None:
    received: list[bytes] = []
    connection = SimpleNamespace(
        _dataReceived=received.append, dataReceived=_no_op, log=SimpleNamespace(debug=_no_op), peer=""
    )
    import_module(TWISTED).WebSocketAdapterProtocol.dataReceived(connection, HELLO)
    check(received == [HELLO])


def round_trip(data: bytes) -> tuple[Any, Any, bytes]:
    codec = import_module("autobahn.websocket.compress_deflate").PerMessageDeflate(
        True, False, False, 0, 0, None
    )
    codec.start_compress_message()
    deflated = codec.compress_message_data(data) + codec.end_compress_message()
    codec.start_decompress_message()
    result = codec.decompress_message_data(deflated)
    codec.end_decompress_message()
    return codec._compressor, codec._decompressor, result


def silent(*_: object, **__: object) -> None: ...


def _no_op(*_: object, **__: object) -> None:  # the name of what logs nothing
    ORIGINAL_CODE()
