"""wsproto, accelerated, does what it does without: events, exceptions, bytes, state."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, strategies as st
from support import frames
from support.feeding import cut_at_random, cuttings
from support.frames import BINARY, CLOSE, CONTINUATION, KEY, PING, PONG, TEXT, compressed
from support.two_wsprotos import OLD, Player, accelerated, comparable

from wsframe import accelerate
from wsframe.accelerate.hosts.wsproto import HOST

DEFLATE = [None, {}, {"client_no_context_takeover": True, "server_no_context_takeover": True}]


@pytest.fixture(scope="module")
def new() -> Iterator[Any]:
    with accelerated() as library:
        yield library


def both(new: Any, play: Callable[[Player], None], client: bool, deflate: dict[str, Any] | None) -> list[Any]:
    """Play the same on both copies; the same must come of it."""
    old_player, new_player = Player(OLD, client, deflate), Player(new, client, deflate)
    play(old_player)
    play(new_player)
    assert new_player.trace == old_player.trace
    return new_player.trace


payloads = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=20).map(str.encode),
    st.sampled_from([b"x" * 125, b"x" * 126, b"\xc3", b"\xa9", b"\xed\xa0\x80", "é日😀".encode() * 50]),
)
closes = st.builds(
    lambda code, reason: code.to_bytes(2, "big") + reason,
    st.sampled_from([0, 999, 1000, 1001, 1004, 1005, 1006, 1011, 1015, 2999, 3000, 4999, 5000]),
    payloads,
)
good = st.builds(
    lambda opcode, text: (opcode, text.encode(), True, 0),
    st.sampled_from([TEXT, BINARY]),
    st.text(max_size=9),
)
squeezed = st.builds(
    lambda opcode, data: (opcode, compressed(data), True, 4), st.sampled_from([TEXT, BINARY]), payloads
)
odd = st.tuples(
    st.sampled_from([CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG, 3, 11]),
    st.one_of(payloads, closes, payloads.map(compressed)),
    st.booleans(),
    st.sampled_from([0, 0, 0, 4, 1]),
)


@st.composite
def streams(draw: Any) -> tuple[bool, dict[str, Any] | None, bytes]:
    """Which side, with which compression, and what it receives: mostly messages, now and then anything."""
    client, deflate = draw(st.booleans()), draw(st.sampled_from(DEFLATE))
    data = b""
    for opcode, payload, fin, rsv in draw(st.lists(st.one_of(good, good, squeezed, odd), max_size=8)):
        key = draw(st.sampled_from([None if client else KEY] * 9 + [KEY, None]))
        form = draw(st.sampled_from([None] * 9 + [16, 64]))
        with suppress(ValueError):  # the payload is too long for that form
            data += frames.frame(opcode, payload, fin=fin, rsv=rsv, key=key, form=form)
    return client, deflate, data + draw(st.sampled_from([b"", b"", b"\x81", b"\x81\xff\xff", b"\xff" * 20]))


def client_frame(opcode: int, payload: bytes = b"", **options: Any) -> bytes:
    return frames.frame(opcode, payload, key=KEY, **options)


WHOLE = client_frame(TEXT, b"whole")
STREAMS = {
    "messages": WHOLE + client_frame(BINARY, b"x" * 126) + client_frame(TEXT, "é日😀".encode()) + WHOLE,
    "empty messages": client_frame(TEXT) + client_frame(BINARY) + client_frame(TEXT),
    "fragments": client_frame(TEXT, b"\xc3", fin=False) + client_frame(CONTINUATION, b"\xa9") + WHOLE,
    "ping inside a message": client_frame(BINARY, b"a", fin=False)
    + client_frame(PING, b"b")
    + client_frame(CONTINUATION, b"c")
    + WHOLE,
    "text inside a text": client_frame(TEXT, b"a", fin=False) + WHOLE + WHOLE,
    "binary inside a text": client_frame(TEXT, b"a", fin=False) + client_frame(BINARY, b"b") + WHOLE,
    "frame inside a payload": frames.frame(BINARY, WHOLE * 30, key=bytes(4)) + WHOLE,
    "frame inside a ping": frames.frame(PING, WHOLE, key=bytes(4)) + WHOLE,
    "reserved opcode": WHOLE + client_frame(3, b"x") + WHOLE,
    "reserved bit": client_frame(TEXT, b"x", rsv=1) + WHOLE,
    "compressed": client_frame(TEXT, compressed(b"text"), rsv=4) + WHOLE,
    "compressed garbage": client_frame(TEXT, b"\xff\xff", rsv=4) + WHOLE,
    "compressed, no text": client_frame(TEXT, compressed(b"\xff"), rsv=4) + WHOLE,
    **{
        f"compressed, {cut} bytes missing": client_frame(BINARY, compressed(b"some text")[:-cut], rsv=4)
        + WHOLE
        for cut in range(1, 6)
    },
    "compressed fragments": client_frame(TEXT, compressed(b"text")[:2], fin=False, rsv=4)
    + client_frame(CONTINUATION, compressed(b"text")[2:])
    + WHOLE,
    "continuation of nothing": WHOLE + client_frame(CONTINUATION, b"x") + WHOLE,
    "no text": WHOLE + client_frame(TEXT, b"abc\xff") + WHOLE,
    "not masked": WHOLE + frames.frame(TEXT, b"x") + WHOLE,
    "5 in the long form": WHOLE + client_frame(TEXT, b"whole", form=16) + WHOLE,
    "long ping": client_frame(PING, b"x" * 126) + WHOLE,
    "close": WHOLE + frames.close(1000, b"bye", key=KEY) + WHOLE,
    "close without a code": client_frame(CLOSE) + WHOLE,
    "close with half a code": client_frame(CLOSE, b"x") + WHOLE,
    "close with a code of no use": frames.close(1006, key=KEY) + WHOLE,
}


@pytest.mark.parametrize("deflate", [None, {}])
@pytest.mark.parametrize("stream", STREAMS)
def test_fixed_streams_give_the_same_events_however_split(new: Any, stream: str, deflate: Any) -> None:
    for pieces in cuttings(STREAMS[stream], seeds=20):

        def play(player: Player) -> None:
            for piece in pieces:  # noqa: B023
                player.receive(piece)
                player.events()

        both(new, play, client=False, deflate=deflate)


@pytest.mark.parametrize("stream", STREAMS)
def test_closing_handshake_gives_the_same_events(new: Any, stream: str) -> None:
    def play(player: Player) -> None:
        player.send("CloseConnection", code=1001)
        player.receive(STREAMS[stream])
        player.events()
        player.receive(frames.close(1001, key=KEY) + WHOLE)
        player.events()
        player.receive(WHOLE)

    both(new, play, client=False, deflate=None)


@given(streams(), st.integers(0, 999))
def test_random_streams_give_the_same_events(new: Any, stream: tuple[bool, Any, bytes], seed: int) -> None:
    client, deflate, data = stream

    def play(player: Player) -> None:
        for piece in cut_at_random(data, seed):
            player.receive(piece)
            player.events()
        player.receive(None)
        player.events()

    both(new, play, client, deflate)


actions = st.one_of(
    st.tuples(st.just("receive"), st.integers(0, 40)),
    st.tuples(
        st.sampled_from(["events", "begin", "begin", "go_on", "go_on", "go_on", "leave", "end", "close"])
    ),
)


@given(streams(), st.lists(actions, max_size=30))
@example(
    (False, None, frames.frame(TEXT, b"a", key=KEY) + frames.frame(PING, b"b", key=KEY)),
    [("receive", 40), ("begin",), ("end",), ("go_on",), ("events",)],
)
def test_interleaved_event_iterators_give_the_same_events(
    new: Any, stream: tuple[bool, Any, bytes], script: list[Any]
) -> None:
    client, deflate, data = stream

    def play(player: Player) -> None:
        at = 0
        for name, *values in script:
            if name == "receive":
                player.receive(data[at : at + values[0]])
                at += values[0]
            elif name == "end":
                player.receive(None)
            elif name == "close":
                player.send("CloseConnection", code=1000, reason="bye")
            else:
                getattr(player, name)()

    both(new, play, client, deflate)


class Text(str):
    pass


contents = st.one_of(
    st.text(max_size=200),
    st.binary(max_size=200),
    st.sampled_from(["x" * 126, "x" * 65536, b"x" * 65535, "é" * 70, "\udc80", Text("text"), None, 5, [1]]),
    st.binary(max_size=200).map(bytearray),
    st.binary(max_size=200).map(memoryview),
)
sent = st.one_of(
    st.tuples(
        st.sampled_from(["TextMessage", "BytesMessage", "Message"]),
        st.fixed_dictionaries(
            {"data": contents, "message_finished": st.sampled_from([True, True, False, 1])}
        ),
    ),
    st.tuples(st.sampled_from(["Ping", "Pong"]), st.fixed_dictionaries({"payload": payloads})),
    st.tuples(
        st.just("CloseConnection"),
        st.fixed_dictionaries(
            {"code": st.sampled_from([1000, 1005, 4000]), "reason": st.none() | st.text(max_size=9)}
        ),
    ),
)


@given(st.booleans(), st.sampled_from(DEFLATE), st.lists(sent, max_size=8))
@example(False, None, [("TextMessage", {"data": "\udc80"}), ("BytesMessage", {"data": b"after"})])
@example(
    True, None, [("BytesMessage", {"data": b"a", "message_finished": False}), ("TextMessage", {"data": "b"})]
)
def test_random_sends_give_the_same_bytes(new: Any, client: bool, deflate: Any, script: list[Any]) -> None:
    def play(player: Player) -> None:
        for name, values in script:
            player.send(name, **values)

    both(new, play, client, deflate)


@pytest.mark.parametrize("deflate", DEFLATE)
@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 300_000])
def test_accelerated_client_and_server_exchange_messages(new: Any, deflate: Any, size: int) -> None:
    for text in ("x" * size, "é日😀" * (size // 9)):
        server, client = Player(new, False, deflate), Player(new, True, deflate)
        ends = server.connection, client.connection
        for event in (new.events.TextMessage(text), new.events.BytesMessage(text.encode())):
            for sender, receiver in (ends, ends[::-1]):
                receiver.receive_data(sender.send(event))
                assert list(receiver.events()) == [event]


@given(st.lists(st.binary(max_size=40)), st.binary(min_size=4, max_size=4))
def test_masker_returns_the_same_bytes_and_state(new: Any, pieces: list[bytes], key: bytes) -> None:
    for kind in (bytes, bytearray):
        old_masker = OLD.frame_protocol.XorMaskerSimple(kind(key))
        new_masker = new.frame_protocol.XorMaskerSimple(kind(key))
        for piece in pieces:
            assert comparable(new_masker.process(piece)) == comparable(old_masker.process(piece))
            assert comparable(new_masker._masking_key) == comparable(old_masker._masking_key)


def test_masker_with_an_invalid_key_raises_value_error(new: Any) -> None:
    for library in (OLD, new):
        with pytest.raises(ValueError, match="unpack"):
            library.frame_protocol.XorMaskerSimple(b"abc").process(b"data")


def test_every_client_frame_has_its_own_masking_key(new: Any) -> None:
    client = Player(new, True, None).connection
    event = new.events.TextMessage("the same text")
    assert len({client.send(event)[2:6] for _ in range(2000)}) > 1990


def test_replaced_urandom_provides_the_masking_keys(new: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", lambda size: bytes(range(1, size + 1)))
    for deflate in (None, {}):
        client = Player(new, True, deflate).connection
        for event in (new.events.TextMessage("text"), new.events.BytesMessage(b"x", message_finished=False)):
            assert client.send(event)[2:6] == b"\1\2\3\4"


def test_methods_of_a_frame_protocol_subclass_are_called(new: Any) -> None:
    class Shouting(new.frame_protocol.FrameProtocol):  # type: ignore[misc]
        def send_data(self, payload: Any = b"", fin: bool = True) -> bytearray:
            return super().send_data(payload.upper(), fin)

        def received_frames(self) -> Any:
            for frame in super().received_frames():
                yield frame._replace(payload=frame.payload.upper())

    server = Player(new, False, None).connection
    server._proto = Shouting(False, [])
    assert server.send(new.events.TextMessage("quiet")) == frames.frame(TEXT, b"QUIET")
    server.receive_data(frames.frame(TEXT, b"quiet", key=KEY))
    assert list(server.events()) == [new.events.TextMessage("QUIET")]


@pytest.mark.parametrize("deflate", [False, True])
def test_custom_extension_is_called(new: Any, deflate: bool) -> None:
    class Rot(new.extensions.Extension):  # type: ignore[misc]
        def enabled(self) -> bool:
            return True

        def offer(self) -> str:
            return "rot"

        def frame_inbound_header(self, proto: Any, opcode: Any, rsv: Any, payload_length: int) -> Any:
            return new.frame_protocol.RsvBits(False, True, False)

        def frame_inbound_payload_data(self, proto: Any, data: bytes) -> bytes:
            assert not proto.client
            return bytes(byte ^ 1 for byte in data)

        def frame_outbound(self, proto: Any, opcode: Any, rsv: Any, data: bytes, fin: bool) -> Any:
            return rsv._replace(rsv2=True), bytes(byte ^ 1 for byte in data)

    extensions = [Rot()]
    if deflate:
        extensions.insert(0, new.extensions.PerMessageDeflate())
        extensions[0]._enabled = True
    server = new.connection.Connection(new.connection.ConnectionType.SERVER, extensions)
    sent = server.send(new.events.TextMessage("abc"))
    if deflate:
        assert sent[0] == 0xE1
    else:
        assert sent == frames.frame(TEXT, b"`cb", rsv=2)
    for rsv in (2, 0):
        server.receive_data(frames.frame(TEXT, b"`cb", rsv=rsv, key=KEY))
        assert list(server.events()) == [new.events.TextMessage("abc")]


def test_connections_survive_install_and_uninstall() -> None:
    import wsproto.connection
    from wsproto.events import TextMessage

    text = frames.frame(TEXT, b"text", key=KEY)
    server = wsproto.connection.Connection(wsproto.connection.SERVER)
    for change in (accelerate.install, accelerate.uninstall) * 2:
        server.receive_data(text + text + text[:5])
        middle = server.events()
        assert next(middle) == TextMessage("text")
        change("wsproto")
        assert list(middle) == [TextMessage("text")]
        server.receive_data(text[5:])
        assert list(server.events()) == [TextMessage("text")]


def test_the_proof_fails_without_the_patch() -> None:
    assert not next(host for host in accelerate.status() if host.host == "wsproto").active
    with pytest.raises(RuntimeError, match=r"^the original code of wsproto was called$"):
        HOST.load(HOST.prove)()


ACCEPT = """
import sys
from wsframe import accelerate
names = sys.argv[1].split(",")
for name in names:
    if name == "install":
        accelerate.install("wsproto")
    else:
        __import__(name)
from hypercorn.protocol import ws_stream
from wsproto import handshake, utilities
sites = ws_stream, handshake, utilities
assert {site.generate_accept_token.__module__ for site in sites} == {"wsproto.utilities"}
assert all(hasattr(site.generate_accept_token, "__wrapped__") for site in sites)
original = utilities.generate_accept_token.__wrapped__
for key in (b"dGhlIHNhbXBsZSBub25jZQ==", b"", b"x" * 200, b"\\xff", bytearray(b"key")):
    assert len({site.generate_accept_token(key) for site in sites} | {original(key)}) == 1
accelerate.uninstall()
assert all(site.generate_accept_token is original for site in sites)
"""


@pytest.mark.parametrize(
    "order",
    [
        "install,wsproto,hypercorn.protocol.ws_stream",
        "hypercorn.protocol.ws_stream,install",
        "wsproto,install",
    ],
)
def test_accept_token_is_replaced_at_every_import_site(order: str) -> None:
    pytest.importorskip("hypercorn")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ACCEPT), order], capture_output=True, text=True, timeout=60
    )
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("first", ["wsproto", "wsproto.extensions"])
def test_zlib_is_replaced_whichever_module_is_imported_first(first: str) -> None:
    pytest.importorskip("isal")
    code = f"import {first}, wsproto.extensions; print(wsproto.extensions.zlib.__name__)"
    command = [sys.executable, "-m", "wsframe", "run", "--quiet", "--zlib", "isal", "--", sys.executable]
    done = subprocess.run([*command, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("isal\n", "")
