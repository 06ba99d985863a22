"""websockets without I/O: accelerated and not, every observable is the same."""

from __future__ import annotations

import logging
import secrets
import struct
from typing import Any

import pytest
from hypothesis import given
from support import frames
from support.sansio_websockets import (
    KINDS,
    SIDES,
    TUPLE_LIMITS,
    Trace,
    Wire,
    accelerated,
    any_conversation,
    both,
    described,
    is_added,
    key_for,
)
from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import CLIENT, OPEN, SERVER, Protocol
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from wsframe import accelerate
from wsframe.accelerate.hosts.websockets import receive, send


@pytest.fixture
def twin(impl, monkeypatch):
    """Let the new code run on one twin."""
    monkeypatch.setattr(receive, "cut_frames", impl.cut_frames)
    for name in ("encode_frame", "new_mask_key"):
        monkeypatch.setattr(send, name, getattr(impl, name))


@given(any_conversation())
def test_any_conversation_is_the_same(converse):
    side, steps, settings = converse
    both(side, steps, **settings)


@pytest.mark.usefixtures("twin")
@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
@pytest.mark.parametrize("side", SIDES)
def test_every_kind_of_frame_is_handled_the_same(side, deflate):
    wire = Wire(side)
    kinds = ["text", "binary", "ping", "fragments", "long form", "pong", "text", "close"]
    if deflate:
        kinds[1:1] = kinds[6:6] = ["compressed"]
    stream = b"".join(wire(kind, b"\x03\xe8" if kind == "close" else b"some payload") for kind in kinds)
    whole = both(side, [("receive_data", stream), ("receive_eof",)], deflate=deflate)
    assert len(whole[0][0]) == len(kinds) + 2  # "fragments" are three frames
    bytewise = [("receive_data", stream[n : n + 1]) for n in range(len(stream))]
    both(side, [*bytewise, ("receive_eof",)], deflate=deflate)


@pytest.mark.parametrize("kind", [*KINDS, "wrong side", "huge", "long form", "compressed"])
@pytest.mark.parametrize("side", SIDES)
def test_messages_around_any_frame_give_the_same_events(side, kind):
    wire = Wire(side)
    stream = wire("text", b"before") + wire(kind, b"x" * 20) + wire("text", b"after")
    for deflate in (False, True):
        for end in (len(stream), len(stream) - 1):
            both(side, [("receive_data", stream[:end]), ("receive_eof",)], deflate=deflate)
    seen = both(side, [("receive_data", stream)])
    assert seen[0][0][0][2] == b"before"


@pytest.mark.parametrize("cut", range(1, 46))
def test_eof_within_a_frame_raises_eof_error(cut):
    frame = frames.frame(frames.TEXT, b"x" * 32, key=frames.KEY)
    seen = both(SERVER, [("receive_data", (frame + frame)[:cut]), ("receive_eof",)])
    if cut != len(frame):
        assert seen[-2][4][0] == "EOFError"


@pytest.mark.parametrize("length", [51, 2**16, 2**40])
def test_header_over_max_size_fails_without_its_payload(length):
    seen = both(SERVER, [("receive_data", frames.header(frames.TEXT, length, key=frames.KEY))], max_size=50)
    assert seen[0][4][0] == "PayloadTooBig"
    assert seen[0][1][0][2:4] == (1009).to_bytes(2, "big")


@pytest.mark.skipif(not TUPLE_LIMITS, reason="limits of fragments came with 16.0")
def test_max_size_applies_across_fragments():
    key = frames.KEY
    stream = frames.frame(frames.TEXT, bytes(30), fin=False, key=key)
    stream += frames.frame(frames.CONTINUATION, bytes(30), key=key)
    seen = both(SERVER, [("receive_data", stream)], max_size=(50, 40))
    assert seen[0][4][0] == "PayloadTooBig"


def test_many_control_frames_in_a_read_take_linear_time():
    data = frames.frame(frames.PING, b"", key=frames.KEY) * 40_000
    with accelerated():
        server = Protocol(SERVER)
        server.receive_data(data)
        assert len(server.events_received()) == len(server.data_to_send()) == 40_000


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 10**6])
def test_messages_of_all_sizes_give_the_same_result(side, deflate, size):
    wire = Wire(side)
    stream = wire("binary", bytes(size)) + wire("text", b"x" * size)
    steps = [("receive_data", stream), ("send_text", b"x" * size), ("send_binary", bytes(size))]
    both(side, steps, deflate=deflate)
    pieces = [("receive_data", stream[n : n + 65536]) for n in range(0, len(stream), 65536)]
    both(side, pieces, deflate=deflate)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("side", SIDES)
def test_buffers_of_every_type_give_the_same_result(side, kind):
    data = kind(frames.frame(frames.TEXT, b"abc", key=key_for(side)))
    steps = [("receive_data", data), ("send_text", kind(b"abc")), ("send_binary", kind(b"abc"))]
    both(side, steps)


def test_invalid_payloads_fail_the_same():
    both(SERVER, [("send_text", "str"), ("send_text", 1), ("send_text", None), ("receive_data", "str")])


def test_calls_after_eof_give_the_same_result():
    both(SERVER, [("receive_eof",), ("receive_eof",), ("receive_data", b"x"), ("send_text", b"x")])


@pytest.mark.parametrize("side", SIDES)
def test_frames_in_the_read_of_the_handshake_are_delivered(side):
    """Frames may come in the read that ends the handshake."""

    def converse() -> Any:
        server, client = ServerProtocol(), ClientProtocol(parse_uri("ws://localhost/"))
        client.send_request(client.connect())
        [request] = client.data_to_send()
        extra = frames.frame(frames.TEXT, b"early", key=frames.KEY)
        server.receive_data(request + (extra if side is SERVER else b""))
        events = server.events_received()
        server.send_response(server.accept(events[0]))
        [response] = server.data_to_send()
        client.receive_data(response + (b"\x81\x05early" if side is CLIENT else b""))
        server.receive_data(b"")
        return events[1:] + server.events_received() + client.events_received()[1:]

    before = converse()
    with accelerated():
        assert converse() == before == [Frame(Opcode.TEXT, b"early")]


class Rsv2:
    """An extension of one's own, which uses another reserved bit."""

    name = "x-rsv2"

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        assert frame.rsv2
        return Frame(frame.opcode, bytes(frame.data)[::-1], frame.fin, frame.rsv1, False, frame.rsv3)

    def encode(self, frame: Frame) -> Frame:
        return Frame(frame.opcode, bytes(frame.data)[::-1], frame.fin, frame.rsv1, True, frame.rsv3)


@pytest.mark.parametrize("side", SIDES)
def test_custom_extension_encodes_and_decodes_frames(side):
    stream = frames.frame(frames.TEXT, b"abc", rsv=2, key=key_for(side)) * 2

    def converse() -> Any:
        protocol: Any = Protocol(side)
        protocol.extensions = [Rsv2()]
        run = Trace(protocol)
        for step in (("receive_data", stream), ("send_text", b"xyz"), ("receive_data", stream[:9])):
            run.call(*step)
        run.call("receive_data", frames.frame(frames.TEXT, b"abc", key=key_for(side)))
        return run.seen

    before = converse()
    with accelerated():
        assert converse() == before
    assert before[0][0][0][2] == b"cba"


class Idle(Rsv2):
    """An extension that leaves frames as they are."""

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        return frame


@pytest.mark.parametrize("side", SIDES)
def test_reserved_bit_left_by_extensions_is_an_error(side):
    def converse() -> Any:
        protocol: Any = Protocol(side)
        protocol.extensions = [Idle()]
        run = Trace(protocol)
        run.call("receive_data", frames.frame(frames.TEXT, b"abc", rsv=4, key=key_for(side)))
        return run.seen

    before = converse()
    with accelerated():
        assert converse() == before
    assert before[0][4] == ("ProtocolError", "reserved bits must be 0")


@pytest.mark.parametrize("call", ["send_text", "send_binary"])
def test_message_within_a_fragmented_one_is_an_error(call):
    seen = both(SERVER, [(call, b"first", False), (call, b"second"), ("send_continuation", b"last", True)])
    assert ("ProtocolError", "expected a continuation frame") in seen


class Listening(Protocol):
    """A subclass that hears of each frame."""

    def __init__(self, *args: Any) -> None:
        self.heard: list[Any] = []
        super().__init__(*args)

    def recv_frame(self, frame: Frame) -> None:
        self.heard.append(("in", frame))
        super().recv_frame(frame)

    def send_frame(self, frame: Frame) -> None:
        self.heard.append(("out", frame))
        super().send_frame(frame)


def test_subclass_methods_are_called_for_each_frame():
    with accelerated():
        server = Listening(SERVER)
        server.receive_data(frames.frame(frames.TEXT, b"in", key=frames.KEY) * 2)
        server.send_text(b"out")
    message = "in", Frame(Opcode.TEXT, b"in")
    assert server.heard == [message, message, ("out", Frame(Opcode.TEXT, b"out"))]


def test_debug_logging_shows_each_frame(caplog):
    def converse() -> list[str]:
        caplog.clear()
        server = Protocol(SERVER)
        server.receive_data(frames.frame(frames.TEXT, b"in", key=frames.KEY))
        server.send_text(b"out")
        server.receive_eof()
        return [record.getMessage() for record in caplog.records]

    with caplog.at_level(logging.DEBUG, "websockets.server"):
        before = converse()
        with accelerated():
            assert converse() == before
    assert any("'in'" in line for line in before)


def test_each_frame_has_a_new_masking_key():
    with accelerated():
        client = Protocol(CLIENT)
        for _ in range(100):
            client.send_text(b"")
        keys = {data[2:] for data in client.data_to_send()}
    assert len(keys) == 100


def test_masking_keys_come_from_secrets_if_it_is_replaced(monkeypatch):
    monkeypatch.setattr(secrets, "token_bytes", lambda size: b"\x01\x02\x03\x04"[:size])
    with accelerated():
        client = Protocol(CLIENT)
        client.send_text(b"\x00\x00\x00\x00")
        assert client.data_to_send() == [b"\x81\x84\x01\x02\x03\x04\x01\x02\x03\x04"]


def test_replaced_struct_unpack_is_used_by_the_parser(monkeypatch):
    def broken(*args: Any) -> None:
        raise RuntimeError("broken")

    with accelerated():
        server = Protocol(SERVER)
        monkeypatch.setattr(struct, "unpack", broken)
        server.receive_data(frames.frame(frames.TEXT, b"", key=frames.KEY))
        assert described(server.parser_exc) == ("RuntimeError", "broken")


def test_a_protocol_outlives_install_and_uninstall():
    frame = frames.frame(frames.TEXT, b"one", key=frames.KEY)
    message = Frame(Opcode.TEXT, b"one")
    older = Protocol(SERVER)
    older.receive_data(frame[:4])
    with accelerated():
        older.receive_data(frame[4:] + frame)
        newer = Protocol(SERVER)
        newer.receive_data(frame + frame[:5])
    for one, rest, count in ((older, frame[:3], 2), (newer, frame[5:] + frame[:3], 2)):
        one.receive_data(rest)
        assert one.events_received() == [message] * count
    with accelerated():
        for protocol in (older, newer):
            protocol.receive_data(frame[3:] + frame)
            protocol.send_text(b"two")
            assert protocol.events_received() == [message, message]
            assert protocol.data_to_send() == [b"\x81\x03two"]
            assert protocol.state is OPEN


def test_uninstall_leaves_nothing_behind():
    before = {name: value for name, value in vars(Protocol).items() if not is_added(name)}
    with accelerated():
        assert vars(Protocol)["parse"] is not before["parse"]
    assert {name: value for name, value in vars(Protocol).items() if not is_added(name)} == before


def test_data_after_the_close_frame_is_ignored():
    key = frames.KEY
    stream = frames.frame(frames.TEXT, b"in", key=key) + frames.close(1000, b"bye", key=key)
    stream += frames.frame(frames.TEXT, b"late", key=key)
    seen = both(SERVER, [("receive_data", stream), ("receive_eof",)])
    assert [event[2] for event in seen[0][0]] == [b"in", b"\x03\xe8bye"]
    assert seen[1][0] == Close(1000, "bye")


def test_exceptions_are_those_of_websockets():
    seen = both(SERVER, [("receive_data", frames.frame(frames.TEXT, b"x", rsv=1, key=frames.KEY))])
    assert seen[0][4] == ("ProtocolError", "reserved bits must be 0")


def test_status_reports_websockets_as_active():
    with accelerated():
        [line] = [line for line in accelerate.status() if line.host == "websockets"]
    assert line.active
    assert line.why_not == ""
    assert not [name for name in line.stale if name.split(".")[0] == "websockets"]
