"""A Protocol of websockets with permessage-deflate alone: whole messages bypass its `encode` and `decode`."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from wsframe import Opcode, accelerate, encode_frame

protocols = pytest.importorskip("websockets.protocol")
permessage_deflate = pytest.importorskip("websockets.extensions.permessage_deflate")

KEY = b"\x01\x02\x03\x04"
TEXT = b"a message, and a message again"
TAIL = b"\0\0\xff\xff"


@pytest.fixture(params=["zlib", "auto"], autouse=True)
def accelerated(request: pytest.FixtureRequest) -> Iterator[None]:
    if not hasattr(protocols.Protocol, "send_frame"):
        pytest.skip("this version is too old")
    accelerate.install("websockets", zlib=request.param)
    try:
        yield
    finally:
        accelerate.uninstall("websockets")


def server(**settings: Any) -> Any:
    protocol = protocols.Protocol(protocols.SERVER, **settings)
    extension = permessage_deflate.PerMessageDeflate(False, False, 12, 12, {"memLevel": 5})
    protocol.extensions = [extension]
    return protocol


def compressed(compressor: Any, message: bytes) -> bytes:
    payload = (compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
    return encode_frame(Opcode.TEXT, payload, rsv=4, mask_key=KEY)


def echo(protocol: Any, times: int) -> None:
    compressor, inflater = zlib.compressobj(wbits=-12), zlib.decompressobj(-12)
    for _ in range(times):
        protocol.receive_data(compressed(compressor, TEXT))
        (frame,) = protocol.events_received()
        assert (frame.opcode, frame.data, frame.fin, frame.rsv1) == (Opcode.TEXT, TEXT, True, False)
        protocol.send_text(frame.data)
        data = b"".join(protocol.data_to_send())
        assert data[0] == 0xC1
        assert inflater.decompress(data[2:] + TAIL) == TEXT


def test_the_fast_path_is_taken() -> None:
    protocol = server()
    protocol.extensions[0].encode = protocol.extensions[0].decode = None
    protocol.send_frame = None
    echo(protocol, 3)


@pytest.mark.parametrize("name", ["encode", "decode"])
def test_wrapper_of_the_extension_is_called(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = getattr(permessage_deflate.PerMessageDeflate, name)

    def wrapper(self: Any, frame: Any, **settings: Any) -> Any:
        calls.append(bytes(frame.data))
        return original(self, frame, **settings)

    monkeypatch.setattr(permessage_deflate.PerMessageDeflate, name, wrapper)
    echo(server(), 3)
    assert len(calls) == 3


def test_subclass_of_the_extension_is_called() -> None:
    class Own(permessage_deflate.PerMessageDeflate):  # type: ignore[misc, name-defined]
        calls = 0

        def encode(self, frame: Any) -> Any:
            type(self).calls += 1
            return super().encode(frame)

    protocol = server()
    protocol.extensions = [Own(False, False, 12, 12, {})]
    echo(protocol, 2)
    assert Own.calls == 2


@pytest.mark.parametrize(
    "payload", [b"\xff" * 20, zlib.compress(bytes(10**6), 9, -15)[:-1]], ids=["no deflate", "too big"]
)
def test_violations_are_those_of_websockets(payload: bytes) -> None:
    got = []
    for _ in range(2):
        protocol = server(max_size=1000)
        protocol.receive_data(encode_frame(Opcode.TEXT, payload, rsv=4, mask_key=KEY))
        got.append((protocol.events_received(), repr(protocol.parser_exc), protocol.data_to_send()))
        accelerate.uninstall("websockets")
    assert got[0] == got[1]
