"""websockets and wsproto decode the same bytes alike, where the RFC leaves no choice."""

from __future__ import annotations

from typing import Any

import pytest
import wsproto.events
from hypothesis import HealthCheck, given, settings, strategies as st
from support import frames, strategies as some
from support.feeding import feed, verdict
from support.twins import Impl
from websockets.frames import Close as WebsocketsClose, Opcode as WebsocketsOpcode
from websockets.protocol import Protocol, Side, State
from wsproto.connection import Connection, ConnectionType

from wsframe import Close, Opcode, Ping, Pong, Role

settings_of_streams = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
ROLES = st.sampled_from(Role)

MESSAGES = (wsproto.events.TextMessage, wsproto.events.BytesMessage)


def read_by_wsproto(role: Role, data: bytes) -> tuple[list[Any], int | None]:
    """Messages, and the code it would close with on a violation."""
    peer = Connection(ConnectionType.SERVER if role is Role.SERVER else ConnectionType.CLIENT)
    peer.receive_data(data)
    messages: list[Any] = []
    parts: list[Any] = []
    for event in peer.events():
        if isinstance(event, MESSAGES):
            parts.append(event.data)
            if event.message_finished:
                empty = "" if isinstance(event, wsproto.events.TextMessage) else b""
                messages.append(empty.join(parts))
                parts.clear()
        elif isinstance(event, wsproto.events.Ping):
            messages.append(Ping(bytes(event.payload)))
        elif isinstance(event, wsproto.events.Pong):
            messages.append(Pong(bytes(event.payload)))
        elif peer.state.name == "OPEN":  # its way to report a violation
            return messages, int(event.code)
        else:
            messages.append(Close(int(event.code), event.reason or ""))
            break
    return messages, None


def read_by_websockets(role: Role, data: bytes, limit: int | None = None) -> tuple[list[Any], int | None]:
    """Messages, and the code it closed with on a violation; it leaves UTF-8 of messages to others."""
    side = Side.SERVER if role is Role.SERVER else Side.CLIENT
    peer = Protocol(side, state=State.OPEN, max_size=limit)
    peer.receive_data(data)
    messages: list[Any] = []
    parts: list[bytes] = []
    kind = WebsocketsOpcode.TEXT
    for frame in peer.events_received():
        payload = bytes(frame.data)
        match frame.opcode:
            case WebsocketsOpcode.PING:
                messages.append(Ping(payload))
            case WebsocketsOpcode.PONG:
                messages.append(Pong(payload))
            case WebsocketsOpcode.CLOSE:
                close = WebsocketsClose.parse(payload)
                messages.append(Close(close.code, close.reason))
            case opcode:
                kind = kind if opcode is WebsocketsOpcode.CONT else opcode
                parts.append(payload)
                if frame.fin:
                    message = b"".join(parts)
                    messages.append(message.decode() if kind is WebsocketsOpcode.TEXT else message)
                    parts.clear()
    if peer.parser_exc is None:
        return messages, None
    assert peer.close_sent is not None
    return messages, int(peer.close_sent.code)


@given(data=st.data(), role=ROLES)
@settings_of_streams
def test_valid_streams_decode_as_by_both_peers(impl: Impl, data: st.DataObject, role: Role) -> None:
    """Three implementations, one list of messages."""
    stream = data.draw(some.valid_streams(role))
    got = feed(impl.MessageDecoder(role), data.draw(some.cuttings_of(stream.data)))
    assert got.messages == stream.messages
    assert read_by_wsproto(role, stream.data) == (got.messages, None)
    theirs = read_by_websockets(role, stream.data)
    if theirs[1] is None:
        assert theirs[0] == got.messages
    else:  # it takes a Close inside a message for a violation, which 5.4 does not
        assert theirs[0] == got.messages[:-1]
        assert isinstance(got.messages[-1], Close)


@given(
    message=st.one_of(some.texts(), some.payloads()),
    opcode=st.sampled_from([Opcode.PING, Opcode.PONG, Opcode.CLOSE]),
    body=st.binary(max_size=125),
    key=some.KEYS,
)
@settings_of_streams
def test_encoded_messages_are_decoded_by_websockets_and_wsproto(
    impl: Impl, message: str | bytes, opcode: Opcode, body: bytes, key: bytes
) -> None:
    encode = impl.encode_text if isinstance(message, str) else impl.encode_binary
    kind = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
    if opcode is Opcode.CLOSE:
        body = b"\x03\xe8" + b"bye"
    control = {
        Opcode.PING: lambda: Ping(body),
        Opcode.PONG: lambda: Pong(body),
        Opcode.CLOSE: lambda: Close(1000, "bye"),
    }[opcode]()
    for role in Role:
        server = role is Role.SERVER
        stream = encode(message, masked=server)
        stream += impl.encode_frame(kind, message, mask_key=key if server else None)
        stream += impl.encode_frame(opcode, body, mask_key=key if server else None)
        expected = [message, message, control]
        assert read_by_wsproto(role, stream) == (expected, None)
        assert read_by_websockets(role, stream) == (expected, None)


# What a peer can get wrong, written as the last frame of a stream: which of the two check it.
BOTH, WSPROTO, WEBSOCKETS = ("wsproto", "websockets"), ("wsproto",), ("websockets",)
WRONG: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    **{f"opcode {n}": (BOTH, {"opcode": n}) for n in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    **{f"rsv {n}": (BOTH, {"opcode": frames.TEXT, "rsv": n}) for n in range(1, 8)},
    **{f"rsv {n} on a ping": (BOTH, {"opcode": frames.PING, "rsv": n}) for n in range(1, 8)},
    "fragmented ping": (BOTH, {"opcode": frames.PING, "fin": False}),
    "fragmented close": (BOTH, {"opcode": frames.CLOSE, "fin": False}),
    "long ping": (BOTH, {"opcode": frames.PING, "payload": bytes(126)}),
    "long close": (BOTH, {"opcode": frames.CLOSE, "payload": b"\x03\xe8" + b"a" * 124}),
    "long pong": (BOTH, {"opcode": frames.PONG, "payload": bytes(65536)}),
    "continuation": (BOTH, {"opcode": frames.CONTINUATION}),
    "fragment of nothing": (BOTH, {"opcode": frames.CONTINUATION, "fin": False}),
    "short in 16 bits": (WSPROTO, {"opcode": frames.BINARY, "payload": bytes(125), "form": 16}),
    "short in 64 bits": (WSPROTO, {"opcode": frames.BINARY, "payload": bytes(65535), "form": 64}),
    "invalid text": (WSPROTO, {"opcode": frames.TEXT, "payload": b"a\xffb"}),
    "overlong text": (WSPROTO, {"opcode": frames.TEXT, "payload": b"\xc0\xaf"}),
    "surrogate": (WSPROTO, {"opcode": frames.TEXT, "payload": b"\xed\xa0\x80"}),
    "cut text": (WSPROTO, {"opcode": frames.TEXT, "payload": b"\xe2\x82"}),
    "close of 1 byte": (BOTH, {"opcode": frames.CLOSE, "payload": b"\x03"}),
    "close with bad reason": (BOTH, {"opcode": frames.CLOSE, "payload": b"\x03\xe8\xff"}),
    **{
        f"close code {code}": (BOTH, {"opcode": frames.CLOSE, "payload": code.to_bytes(2, "big")})
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("wrong", WRONG)
def test_violations_get_the_close_code_of_websockets_and_wsproto(impl: Impl, role: Role, wrong: str) -> None:
    """The same messages before it, the same close code."""
    readers, parts = WRONG[wrong]
    key = frames.KEY if role is Role.SERVER else None
    good = frames.frame(frames.TEXT, "é".encode(), key=key) + frames.frame(frames.PING, b"x", key=key)
    stream = good + frames.frame(key=key, **parts)
    got = feed(impl.MessageDecoder(role), [stream])
    assert got.messages == ["é", Ping(b"x")]
    assert got.error is not None
    ours = (got.messages, got.error[0])
    if "wsproto" in readers:
        assert read_by_wsproto(role, stream) == ours
    if "websockets" in readers:
        assert read_by_websockets(role, stream) == ours


@pytest.mark.parametrize("role", Role)
def test_wrong_masking_gets_the_close_code_of_both_peers(impl: Impl, role: Role) -> None:
    stream = frames.frame(frames.TEXT, b"abc", key=frames.KEY if role is Role.CLIENT else None)
    got = feed(impl.MessageDecoder(role), [stream])
    assert got.error is not None
    assert read_by_wsproto(role, stream) == read_by_websockets(role, stream) == ([], got.error[0])


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("opcode", [frames.TEXT, frames.BINARY])
def test_message_inside_another_gets_the_code_of_both_peers(impl: Impl, role: Role, opcode: int) -> None:
    key = frames.KEY if role is Role.SERVER else None
    stream = frames.frame(frames.TEXT, b"a", fin=False, key=key) + frames.frame(opcode, b"b", key=key)
    got = feed(impl.MessageDecoder(role), [stream])
    assert got.error is not None
    assert read_by_wsproto(role, stream) == read_by_websockets(role, stream) == ([], got.error[0])


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("cut", [0, 1, 60, 100])
def test_message_limit_is_that_of_websockets(impl: Impl, over: int, cut: int) -> None:
    """websockets counts over fragments as well."""
    data = bytes(100 + over)
    stream = frames.frame(frames.BINARY, data[:cut], fin=False) + frames.frame(
        frames.CONTINUATION, data[cut:]
    )
    decoder = impl.MessageDecoder(Role.CLIENT, max_message=100)
    messages = decoder.feed(stream)
    theirs = read_by_websockets(Role.CLIENT, stream, limit=100)
    assert theirs == (messages, None if decoder.error is None else verdict(decoder.error)[0])
