"""autobahn on asyncio and on Twisted, under daphne and Django Channels among others.

1. Messages of one frame each are cut off and unmasked many at a time, and each goes straight to `onMessage`.
2. Every other frame goes to the code of autobahn, at the byte where it begins: control frames, fragments,
   compression, violations and limits are its own, and so is whatever is logged, timed or pinged.
3. A class, or a connection, with a streaming hook or a `sendFrame` of its own gets the code of autobahn only.
4. Nothing is formatted for a log that is off.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import wraps
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from ....compat import wsaccel
from ...host import Deflating, Host, Part, Replacement
from .._shared.proof import HELLO, KEY, MASKED_HELLO, alter, privately
from . import receive, send, utf8
from .own import ADAPTED, RECEIVING, SENDING, TWISTED, WEBSOCKET, look_again

__all__ = ["HOST", "FastWebSocket"]

DEFLATE = "autobahn.websocket.compress_deflate"
TAKERS = (WEBSOCKET, "autobahn.nvx", "autobahn.websocket.utf8validator", "autobahn.websocket.xormasker")


class FastWebSocket:
    """What the patch does, for one class: put it in front of a protocol class of autobahn."""

    def processData(self) -> Any:
        return receive.take(self) and super().processData()  # type: ignore[misc]

    def sendMessage(
        self,
        payload: Any,
        isBinary: Any = False,
        fragmentSize: Any = None,
        sync: Any = False,
        doNotCompress: Any = False,
    ) -> None:
        if not send.sent(self, payload, isBinary, fragmentSize, sync, doNotCompress):
            super().sendMessage(payload, isBinary, fragmentSize, sync, doNotCompress)  # type: ignore[misc]

    def sendData(self, data: Any, sync: Any = False, chopsize: Any = None) -> None:
        if not send.written(self, data, sync, chopsize):
            super().sendData(data, sync, chopsize)  # type: ignore[misc]


def _replacements() -> Iterable[Replacement]:
    protocol: Any = import_module(WEBSOCKET)
    Protocol = protocol.WebSocketProtocol
    yield from _everywhere(protocol.create_xor_masker, _create_xor_masker(protocol.create_xor_masker))
    native = "nvx" in protocol.Utf8Validator.__module__
    yield from _everywhere(protocol.Utf8Validator, (utf8 if native else wsaccel).Utf8Validator)
    yield Protocol, "processData", receive.process_data(Protocol.processData)
    yield Protocol, "sendMessage", send.send_message(Protocol.sendMessage)
    yield Protocol, "sendData", send.send_data(Protocol.sendData)


def _create_xor_masker(original: Any) -> Any:
    """Make `create_xor_masker`."""

    @wraps(original)
    def create_xor_masker(mask: Any, length: Any = None) -> Any:
        return wsaccel.XorMaskerSimple(mask)

    return create_xor_masker


def _everywhere(old: Any, new: Any) -> Iterable[Replacement]:
    """Replace what one module defines, there and in those that took it from there, under whatever name."""
    for module in map(sys.modules.get, {*TAKERS, old.__module__}):
        if module is not None:
            for name in [name for name, value in vars(module).items() if value is old]:
                yield module, name, new


def _twisted_replacements() -> Iterable[Replacement]:
    Adapter = import_module(TWISTED).WebSocketAdapterProtocol
    yield Adapter, "dataReceived", receive.data_received(Adapter.dataReceived)


def _prove() -> None:
    protocol: Any = import_module(WEBSOCKET)
    received: list[Any] = []
    written: list[bytes] = []
    connection = _connected(protocol)
    alter(
        connection,
        _onMessage=lambda *message: received.append(message),
        data=MASKED_HELLO,
        log=SimpleNamespace(debug=_no_op),
        transport=SimpleNamespace(write=written.append),
        utf8validator=SimpleNamespace(reset=_long_way),
    )
    try:
        connection.consumeData()
        connection.sendMessage(b"Hello")
    finally:
        look_again()
    masked = protocol.create_xor_masker(MASKED_HELLO[2:6], 5).process(b"Hello")
    if (
        received != [(b"Hello", False)]
        or written != [HELLO]
        or masked != MASKED_HELLO[6:]
        or connection.data
        or connection.trafficStats.outgoingOctetsWireLevel != len(HELLO)
    ):
        raise RuntimeError("a wrong answer")


def _connected(protocol: Any) -> Any:
    """Make a connection whose handshake is over, by the code of autobahn."""
    # Its constructors want a framework that is chosen, and seed the numbers of the whole program.
    aside: dict[str, Any] = {
        "random": SimpleNamespace(seed=_silent),
        "txaio": SimpleNamespace(create_future=_silent, make_batched_timer=_silent, resolve=_silent),
    }
    Factory: Any = protocol.WebSocketServerFactory
    Factory = type("Factory", (Factory,), {"__init__": privately(Factory.__init__, **aside)})
    Protocol: Any = protocol.WebSocketServerProtocol
    # The way of autobahn leads through these.
    ways: dict[str, Any] = dict.fromkeys(("sendFrame", *ADAPTED), _long_way)
    ways.update(_onMessage=_long_way, _onOpen=_silent, log=SimpleNamespace(debug=_silent), transport=None)
    for name in ("__init__", "succeedHandshake"):
        ways[name] = privately(getattr(Protocol, name), **aside)
    connection: Any = type("Connection", (Protocol,), ways)()
    factory = Factory()
    factory.setProtocolOptions(openHandshakeTimeout=0)
    connection.factory = factory
    connection._connectionMade()
    alter(connection, transport=SimpleNamespace(write=_silent))
    connection._wskey, connection.websocket_extensions = KEY.decode(), []  # of the request
    connection.succeedHandshake(None)
    return connection


def _prove_twisted() -> None:
    received: list[bytes] = []
    connection = SimpleNamespace(
        _dataReceived=received.append, dataReceived=_no_op, log=SimpleNamespace(debug=_no_op), peer=""
    )
    import_module(TWISTED).WebSocketAdapterProtocol.dataReceived(connection, HELLO)
    if received != [HELLO]:
        raise RuntimeError("a wrong answer")


def _round_trip(data: bytes) -> tuple[Any, Any, bytes]:
    codec = import_module(DEFLATE).PerMessageDeflate(True, False, False, 0, 0, None)
    codec.start_compress_message()
    deflated = codec.compress_message_data(data) + codec.end_compress_message()
    codec.start_decompress_message()
    answer = codec.decompress_message_data(deflated)
    codec.end_decompress_message()
    return codec._compressor, codec._decompressor, answer


def _long_way(*_: object, **__: object) -> None:  # of this module, for `is_own`
    raise RuntimeError("the code of autobahn answered")


def _silent(*_: object, **__: object) -> None: ...


def _no_op(*_: object, **__: object) -> None:  # the name of what logs nothing
    _long_way()


HOST = Host(
    name="autobahn",
    first=(22, 4, 2),
    below=(26, 11),
    modules=(WEBSOCKET,),
    replacements=_replacements,
    prove=_prove,
    passes_by=RECEIVING + SENDING,
    coalesces=True,
    deflating=Deflating(module=DEFLATE, round_trip=_round_trip),
    parts=(Part(modules=(TWISTED,), replacements=_twisted_replacements, prove=_prove_twisted),),
)
