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
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from ...compat.wsaccel import Utf8Validator, create_xor_masker
from .._host import Deflating, Host, Part, Replacement
from .._known import HELLO, MASKED_HELLO
from . import _receive, _send
from ._own import ADAPTED, RECEIVING, SENDING, TWISTED, WEBSOCKET

__all__ = ["HOST", "FastWebSocket"]

DEFLATE = "autobahn.websocket.compress_deflate"
TAKERS = (WEBSOCKET, "autobahn.nvx", "autobahn.websocket.utf8validator", "autobahn.websocket.xormasker")


class ForgetfulValidator(Utf8Validator):
    """As the native validator of autobahn, which finds nothing wrong after a failure."""

    __slots__ = ()

    def validate(self, ba: Any) -> tuple[bool, bool, int, int]:
        if self.state != self.UTF8_REJECT:
            return super().validate(ba)
        self.i += len(ba)
        return True, False, len(ba), self.i


class FastWebSocket:
    """What the patch does, for one class: put it in front of a protocol class of autobahn."""

    def processData(self) -> Any:
        return _receive.take(self) and super().processData()  # type: ignore[misc]

    def sendMessage(
        self,
        payload: Any,
        isBinary: Any = False,
        fragmentSize: Any = None,
        sync: Any = False,
        doNotCompress: Any = False,
    ) -> None:
        if not _send.sent(self, payload, isBinary, fragmentSize, sync, doNotCompress):
            super().sendMessage(payload, isBinary, fragmentSize, sync, doNotCompress)  # type: ignore[misc]

    def sendData(self, data: Any, sync: Any = False, chopsize: Any = None) -> None:
        if not _send.written(self, data, sync, chopsize):
            super().sendData(data, sync, chopsize)  # type: ignore[misc]


def _replacements() -> Iterable[Replacement]:
    protocol: Any = import_module(WEBSOCKET)
    Protocol = protocol.WebSocketProtocol
    yield from _everywhere(protocol.create_xor_masker, create_xor_masker)
    native = "nvx" in protocol.Utf8Validator.__module__
    yield from _everywhere(protocol.Utf8Validator, ForgetfulValidator if native else Utf8Validator)
    yield Protocol, "processData", _receive.process_data(Protocol.processData)
    yield Protocol, "sendMessage", _send.send_message(Protocol.sendMessage)
    yield Protocol, "sendData", _send.send_data(Protocol.sendData)


def _everywhere(old: Any, new: Any) -> Iterable[Replacement]:
    """Replace what one module defines in those that took it from there, under whatever name."""
    for module in map(sys.modules.get, TAKERS):
        if module is not None and module.__name__ != old.__module__:
            for name in [name for name, value in vars(module).items() if value is old]:
                yield module, name, new


def _twisted_replacements() -> Iterable[Replacement]:
    Adapter = import_module(TWISTED).WebSocketAdapterProtocol
    yield Adapter, "dataReceived", _receive.data_received(Adapter.dataReceived)


def _prove() -> None:
    protocol: Any = import_module(WEBSOCKET)
    received: list[Any] = []
    written: list[bytes] = []
    # The way of autobahn leads through these.
    ways = dict.fromkeys(("sendFrame", *ADAPTED), _long_way)
    Connection: Any = type("Connection", (protocol.WebSocketProtocol,), ways)
    connection = Connection.__new__(Connection)
    vars(connection).update(
        _listeners=None,
        _onMessage=lambda *message: received.append(message),
        _perMessageCompress=None,
        applyMask=True,
        autoFragmentSize=0,
        autoPingTimeoutCall=None,
        current_frame=None,
        data=MASKED_HELLO,
        factory=SimpleNamespace(isServer=True),
        inside_message=False,
        log=SimpleNamespace(debug=_no_op),
        logFrames=False,
        logOctets=False,
        maskServerFrames=False,
        maxFramePayloadSize=0,
        maxMessagePayloadSize=0,
        requireMaskedClientFrames=True,
        send_queue=[],
        state=protocol.WebSocketProtocol.STATE_OPEN,
        trackedTimings=None,
        trafficStats=protocol.TrafficStats(),
        transport=SimpleNamespace(write=written.append),
        utf8validateIncoming=True,
        utf8validator=SimpleNamespace(reset=_long_way),
    )
    connection.consumeData()
    connection.sendMessage(b"Hello")
    masked = protocol.create_xor_masker(MASKED_HELLO[2:6], 5).process(b"Hello")
    if (
        received != [(b"Hello", False)]
        or written != [HELLO]
        or masked != MASKED_HELLO[6:]
        or connection.data
        or connection.trafficStats.outgoingOctetsWireLevel != len(HELLO)
    ):
        raise RuntimeError("a wrong answer")


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
