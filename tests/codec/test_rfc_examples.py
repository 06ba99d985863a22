"""The examples that RFC 6455 gives (5.7, 1.3), on every twin."""

from __future__ import annotations

import pytest
from support.feeding import cuttings, feed
from support.twins import Impl

from wsframe import Header, Opcode, Ping, Pong, Role

HELLO = bytes.fromhex("818537fa213d7f9f4d5158")


def test_single_unmasked_text_frame_encodes_and_decodes(impl: Impl) -> None:
    data = bytes.fromhex("810548656c6c6f")
    assert impl.encode_text("Hello") == data
    assert impl.MessageDecoder(Role.CLIENT).feed(data) == ["Hello"]


def test_single_masked_text_frame_encodes_and_decodes(impl: Impl) -> None:
    key = bytes.fromhex("37fa213d")
    assert impl.encode_frame(Opcode.TEXT, "Hello", mask_key=key) == HELLO
    assert impl.MessageDecoder(Role.SERVER).feed(HELLO) == ["Hello"]
    assert impl.parse_header(HELLO) == Header(True, 0, Opcode.TEXT, key, 5, 6)
    assert impl.mask(HELLO[6:], key) == b"Hello"


def test_fragmented_unmasked_text_decodes(impl: Impl) -> None:
    data = bytes.fromhex("010348656c 80026c6f")
    for pieces in cuttings(data):
        assert feed(impl.MessageDecoder(Role.CLIENT), pieces).messages == ["Hello"]


def test_unmasked_ping_and_masked_pong_decode(impl: Impl) -> None:
    assert impl.MessageDecoder(Role.CLIENT).feed(bytes.fromhex("890548656c6c6f")) == [Ping(b"Hello")]
    pong = bytes.fromhex("8a8537fa213d7f9f4d5158")
    assert impl.MessageDecoder(Role.SERVER).feed(pong) == [Pong(b"Hello")]


@pytest.mark.parametrize(("size", "head"), [(256, "827e0100"), (65536, "827f0000000000010000")])
def test_binary_messages_of_256_bytes_and_64_kib_round_trip(impl: Impl, size: int, head: str) -> None:
    data = bytes.fromhex(head) + bytes(size)
    assert impl.encode_binary(bytes(size)) == data
    assert impl.MessageDecoder(Role.CLIENT).feed(data) == [bytes(size)]


def test_accept_key_matches_the_rfc_example(impl: Impl) -> None:
    assert impl.accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
