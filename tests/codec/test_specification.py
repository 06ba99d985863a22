"""The shared specification: every vector, on every twin, in every cutting."""

from __future__ import annotations

from typing import Any

import pytest
from support import frames, specification as spec
from support.feeding import cuttings, feed, verdict
from support.twins import Impl

from wsframe import Close, Opcode, ProtocolError, Role


@spec.entries("headers")
def test_header_vectors_parse_and_build(impl: Impl, entry: dict[str, Any]) -> None:
    data = spec.octets(entry["bytes"])
    if "error" in entry:
        with pytest.raises(ProtocolError) as caught:
            impl.parse_header(data)
        assert verdict(caught.value) == spec.error(entry)
        return
    expected = spec.header(entry)
    for end in range(len(data)):
        assert impl.parse_header(data[:end]) is None
    for found in (
        impl.parse_header(data),
        impl.parse_header(data + b"\xff" * 20),
        impl.parse_header(b"\xff" * 3 + data, 3),
        impl.parse_header(memoryview(b"\xff" + data)[1:]),
    ):
        assert found == expected
        assert [type(value) for value in found] == [type(value) for value in expected]
    built = impl.build_header(
        expected.opcode,
        expected.length,
        fin=expected.fin,
        rsv=expected.rsv,
        mask_key=expected.mask_key,
    )
    assert built == data


@spec.entries("masks")
def test_mask_vectors_match_in_both_directions(impl: Impl, entry: dict[str, Any]) -> None:
    data, key, masked = (spec.octets(entry[name]) for name in ("data", "key", "masked"))
    offset = entry["offset"]
    assert impl.mask(data, key, offset) == masked
    assert impl.mask(masked, key, offset) == data
    buffer = bytearray(data)
    assert impl.mask_into(buffer, key, offset) is None
    assert buffer == masked


@spec.entries("accept")
def test_accept_key_vectors_match(impl: Impl, entry: dict[str, Any]) -> None:
    assert impl.accept_key(entry["key"]) == entry["accept"]
    assert impl.accept_key(entry["key"].encode()) == entry["accept"]


@spec.entries("close")
@pytest.mark.parametrize("role", Role)
def test_close_body_vectors_decode(impl: Impl, entry: dict[str, Any], role: Role) -> None:
    body = spec.octets(entry["body"])
    data = frames.frame(frames.CLOSE, body, key=frames.KEY if role is Role.SERVER else None)
    for pieces in cuttings(data):
        got = feed(impl.MessageDecoder(role), pieces)
        if "error" in entry:
            assert got == ([], spec.error(entry), False, 0, 0)
        else:
            assert got == ([Close(entry["code"], entry["reason"])], None, True, 0, 1)


@spec.entries("frames")
def test_frame_vectors_decode(impl: Impl, entry: dict[str, Any]) -> None:
    expected = (
        [spec.frame(frame) for frame in entry["frames"]],
        spec.error(entry),
        False,
        entry.get("buffered", 0),
        0,
    )
    for pieces in cuttings(spec.octets(entry["bytes"])):
        decoder = impl.FrameDecoder(spec.role(entry), **entry.get("options", {}))
        got = feed(decoder, pieces)
        assert got == expected
        assert all(type(frame.opcode) is Opcode and type(frame.payload) is bytes for frame in got.messages)
        assert all(type(frame.fin) is bool and type(frame.rsv) is int for frame in got.messages)


@spec.entries("messages")
def test_message_vectors_decode(impl: Impl, entry: dict[str, Any]) -> None:
    messages = [spec.message(message) for message in entry["messages"]]
    controls = sum(not isinstance(message, str | bytes) for message in messages)
    expected = (messages, None, entry.get("closed", False), entry.get("buffered", 0), controls)
    for pieces in cuttings(spec.octets(entry["bytes"])):
        got = feed(impl.MessageDecoder(spec.role(entry), **entry.get("options", {})), pieces)
        assert got == expected
        assert [type(message) for message in got.messages] == [type(message) for message in messages]


@spec.entries("errors")
def test_error_vectors_fail_at_the_right_byte(impl: Impl, entry: dict[str, Any]) -> None:
    data, rest = spec.octets(entry["bytes"]), spec.octets(entry.get("rest", ""))
    messages = [spec.message(message) for message in entry["messages"]]

    def decoder() -> Any:
        return impl.MessageDecoder(spec.role(entry), **entry.get("options", {}))

    outcomes = [feed(decoder(), pieces) for pieces in (*cuttings(data), *cuttings(data + rest))]
    for got in outcomes:
        assert got.messages == messages
        assert got.error == spec.error(entry)
        assert not got.closed
    for pieces in cuttings(data[:-1]):
        assert feed(decoder(), pieces).error is None, "too soon"


@spec.entries("errors")
def test_decoder_raises_again_after_an_error(impl: Impl, entry: dict[str, Any]) -> None:
    decoder = impl.MessageDecoder(spec.role(entry), **entry.get("options", {}))
    decoder.feed(spec.octets(entry["bytes"]))
    for data in (b"", b"\x81\x01a", b"\x81\x81\0\0\0\0a"):
        with pytest.raises(ProtocolError) as caught:
            decoder.feed(data)
        assert caught.value is decoder.error
