"""autobahn, accelerated, does what it does without: messages, exceptions, bytes, counters, state, log."""

from __future__ import annotations

import random
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from importlib.metadata import version
from typing import Any

import pytest
from hypothesis import example, given, strategies as st
from support import frames
from support.compressed import TAIL, deflated
from support.feeding import cut_at_random, cuttings
from support.frames import BINARY, CLOSE, CONTINUATION, KEY, PING, PONG, TEXT, compressed

pytest.importorskip("autobahn", exc_type=ImportError)
pytest.importorskip("twisted.python", exc_type=ImportError)

from support.two_autobahns import FLAVOURS, OLD, Player, accelerated, unmasked

from wsframe import accelerate
from wsframe.accelerate.hosts.autobahn import HOST

Behaviour = Callable[[Any, list[Any]], dict[str, Any]]


def as_it_is(kind: type) -> type:
    return kind


def plain(base: Any, trace: list[Any]) -> dict[str, Any]:
    return {}


def echoing(base: Any, trace: list[Any]) -> dict[str, Any]:
    return {"onMessage": lambda self, payload, binary: self.sendMessage(payload, binary)}


def meddling(base: Any, trace: list[Any]) -> dict[str, Any]:
    """Messages that say what to do."""

    def onMessage(self: Any, payload: bytes, binary: bool) -> None:
        trace.append(("onMessage", payload, binary, self.message_is_binary))
        for letter in payload[:1]:
            if letter == ord("!"):
                raise ArithmeticError("on purpose")
            if letter == ord("c"):
                self.sendClose(1000, "enough")
            elif letter == ord("d"):
                self.dropConnection(abort=True)
            elif letter == ord("o"):
                self.on("message", lambda *values, **named: trace.append(("heard", values, named)))
            elif letter == ord("r"):
                self.on("message", lambda *values, **named: 1 / 0)
            elif letter == ord("m"):
                self.maxMessagePayloadSize = 3
            elif letter == ord("f"):
                self.logFrames = not self.logFrames
            elif letter == ord("u"):
                self.utf8validateIncoming = False

    return {"onMessage": onMessage}


def streaming(base: Any, trace: list[Any]) -> dict[str, Any]:
    def onMessageFrameData(self: Any, payload: bytes) -> None:
        trace.append(("onMessageFrameData", payload))
        base.onMessageFrameData(self, payload)

    return {"onMessageFrameData": onMessageFrameData}


def framing(base: Any, trace: list[Any]) -> dict[str, Any]:
    def sendFrame(self: Any, *values: Any, **named: Any) -> None:
        trace.append(("sendFrame", values, named))
        base.sendFrame(self, *values, **named)

    return {"sendFrame": sendFrame, **echoing(base, trace)}


def writing(base: Any, trace: list[Any]) -> dict[str, Any]:
    def sendData(self: Any, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        trace.append(("sendData", len(data), sync, chopsize))
        base.sendData(self, data, sync, chopsize)

    return {"sendData": sendData, **echoing(base, trace)}


BEHAVIOURS = [plain, echoing, meddling, meddling, streaming, framing, writing]
SERVER: list[dict[str, Any]] = [
    {"requireMaskedClientFrames": False},
    {"maskServerFrames": True},
]
CLIENT: list[dict[str, Any]] = [
    {"acceptMaskedServerFrames": True},
    {"maskClientFrames": False},
]
EITHER: list[dict[str, Any]] = [
    {},
    {},
    {"failByDrop": False},
    {"failByDrop": False},
    {"maxMessagePayloadSize": 20},
    {"maxFramePayloadSize": 10, "failByDrop": False},
    {"maxFramePayloadSize": 10, "maxMessagePayloadSize": 5},
    {"autoFragmentSize": 7},
    {"applyMask": False},
    {"utf8validateIncoming": False},
    {"logFrames": True},
    {"logOctets": True},
    {"echoCloseCodeReason": True},
]


@pytest.fixture(scope="module")
def new() -> Iterator[Any]:
    with accelerated() as library:
        yield library


def both(new: Any, play: Callable[[Player], None], *setting: Any) -> list[Any]:
    """Play the same on both copies; the same must come of it."""
    players = [Player(library, *setting) for library in (OLD, new)]
    for player in players:
        play(player)
        player.end()
    assert players[1].trace == players[0].trace
    return players[1].trace


@st.composite
def settings(draw: Any) -> tuple[Any, ...]:
    flavour, client = draw(st.sampled_from(FLAVOURS)), draw(st.booleans())
    options = {
        **draw(st.sampled_from(EITHER)),
        **draw(st.sampled_from([{}, {}, *(CLIENT if client else SERVER)])),
    }
    behaviour = draw(st.sampled_from(BEHAVIOURS))
    return (
        flavour,
        client,
        behaviour,
        options,
        draw(st.booleans()),
        draw(st.sampled_from([False, False, True])),
    )


payloads = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=20).map(str.encode),
    st.sampled_from([b"!", b"c", b"d", b"o", b"m", b"f", b"u"]),
    st.sampled_from(
        [b"x" * 125, b"x" * 126, b"\xc3", b"\xa9", b"\xed\xa0\x80", "é日😀".encode() * 50, b"x" * 70000]
    ),
)
closes = st.builds(
    lambda code, reason: code.to_bytes(2, "big") + reason,
    st.sampled_from([0, 999, 1000, 1001, 1006, 2999, 3000, 4999, 5000]),
    st.sampled_from([b"", b"bye", b"\xff"]),
)
good = st.builds(
    lambda opcode, text: (opcode, text.encode(), True, 0),
    st.sampled_from([TEXT, BINARY]),
    st.one_of(st.text(max_size=9), st.sampled_from("!cdomfu")),
)
squeezed = st.builds(
    lambda opcode, data: (opcode, compressed(data), True, 4), st.sampled_from([TEXT, BINARY]), payloads
)
odd = st.tuples(
    st.sampled_from([CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG, 3, 11]),
    st.one_of(payloads, closes),
    st.booleans(),
    st.sampled_from([0, 0, 0, 4, 1]),
)


@st.composite
def streams(draw: Any, client: bool) -> bytes:
    """What a side receives: mostly messages, now and then anything."""
    data = b""
    for opcode, payload, fin, rsv in draw(st.lists(st.one_of(good, good, good, squeezed, odd), max_size=8)):
        key = draw(st.sampled_from([None if client else KEY] * 9 + [KEY, None]))
        form = draw(st.sampled_from([None] * 9 + [16, 64]))
        with suppress(ValueError, OverflowError):  # the payload is too long for that form
            data += frames.frame(opcode, payload, fin=fin, rsv=rsv, key=key, form=form)
    return data + draw(st.sampled_from([b"", b"", b"\x81", b"\x81\xff\xff", b"\xff" * 20]))


@given(st.data(), settings(), st.integers(0, 999))
def test_random_streams_give_same_events(new: Any, data: Any, setting: tuple[Any, ...], seed: int) -> None:
    stream = data.draw(streams(setting[1]))

    def play(player: Player) -> None:
        for piece in cut_at_random(stream, seed):
            player.receive(piece)

    both(new, play, *setting)


contents = st.one_of(
    st.binary(max_size=30),
    st.text(max_size=10).map(str.encode),
    st.sampled_from([b"x" * 126, b"x" * 65536, b"\xff", "text", None, bytearray(b"x")]),
)
mostly_not = st.sampled_from([False, False, False, True])
sent = st.one_of(
    st.builds(
        lambda payload, **named: ("sendMessage", (payload,), named),
        contents,
        isBinary=st.sampled_from([False, True, True, 1]),
        fragmentSize=st.sampled_from([None, None, None, 40_000, 0, "4"]),
        sync=mostly_not,
        doNotCompress=st.sampled_from([False, True, None]),
    ),
    st.builds(lambda payload: ("sendMessage", (payload,), {}), st.binary(max_size=9)),
    st.builds(lambda sync: ("sendData", (frames.frame(PING, b"sent"), sync), {}), mostly_not),
    st.builds(
        lambda size: ("sendData", (frames.frame(PONG, b"chopped"),), {"chopsize": size}),
        st.sampled_from([None, 0, 3]),
    ),
    st.builds(
        lambda opcode, length: ("sendFrame", (opcode, b"abc"), {"payload_len": length}),
        st.sampled_from([1, 2, 9]),
        st.sampled_from([None, 5]),
    ),
    st.sampled_from(
        [
            ("sendMessage", (b"fragments",), {"fragmentSize": 2}),
            ("sendMessage", (b"fragments",), {"fragmentSize": 2, "sync": True}),
            ("sendPing", (b"ping",), {}),
            ("sendPong", (), {}),
            ("sendClose", (1000, "bye"), {}),
            ("beginMessage", (), {}),
            ("sendMessageFrame", (b"part",), {}),
            ("endMessage", (), {}),
            ("setTrackTimings", (True,), {}),
            ("sendMessage", (), {}),
            ("sendMessage", (b"x",), {"wrong": 1}),
        ]
    ),
)


@given(settings(), st.lists(sent, max_size=8))
@example(
    ("asyncio", False, plain, {"failByDrop": False}, False, False), [("sendMessage", (b"x" * 70000,), {})]
)
def test_random_sends_give_the_same_bytes(new: Any, setting: tuple[Any, ...], script: list[Any]) -> None:
    def play(player: Player) -> None:
        for name, values, named in script:
            player.call(name, *values, **named)

    both(new, play, *setting)


def client_frame(opcode: int, payload: bytes = b"", **options: Any) -> bytes:
    return frames.frame(opcode, payload, key=KEY, **options)


WHOLE = client_frame(TEXT, b"whole")
STREAMS = {
    "messages": WHOLE + client_frame(BINARY, b"x" * 126) + client_frame(TEXT, "é日😀".encode()) + WHOLE,
    "long messages": client_frame(BINARY, b"x" * 70000) + client_frame(TEXT, b"x" * 300) + WHOLE,
    "empty messages": client_frame(TEXT) + client_frame(BINARY) + client_frame(TEXT),
    "fragments": client_frame(TEXT, b"\xc3", fin=False) + client_frame(CONTINUATION, b"\xa9") + WHOLE,
    "ping inside a message": client_frame(BINARY, b"a", fin=False)
    + client_frame(PING, b"b")
    + client_frame(CONTINUATION, b"c")
    + WHOLE,
    "ping between messages": WHOLE + client_frame(PING, b"b") + WHOLE + client_frame(PONG) + WHOLE,
    "text inside a text": client_frame(TEXT, b"a", fin=False) + WHOLE + WHOLE,
    "frame inside a payload": frames.frame(BINARY, WHOLE * 30, key=bytes(4)) + WHOLE,
    "reserved opcode": WHOLE + client_frame(3, b"x") + WHOLE,
    "reserved bit": client_frame(TEXT, b"x", rsv=1) + WHOLE,
    "compressed": client_frame(TEXT, compressed(b"text"), rsv=4) + WHOLE,
    "compressed garbage": client_frame(TEXT, b"\xff\xff", rsv=4) + WHOLE,
    "no text": WHOLE + client_frame(TEXT, b"abc\xff") + WHOLE,
    "half a text": WHOLE + client_frame(TEXT, b"abc\xc3") + WHOLE,
    "no text in fragments": client_frame(TEXT, b"a\xff", fin=False)
    + client_frame(CONTINUATION, b"b")
    + WHOLE,
    "not masked": WHOLE + frames.frame(TEXT, b"x") + WHOLE,
    "5 in the long form": WHOLE + client_frame(TEXT, b"whole", form=16) + WHOLE,
    "too long": WHOLE + client_frame(BINARY, b"x" * 30) + WHOLE,
    "raising": WHOLE + client_frame(BINARY, b"!") + WHOLE,
    "closing": WHOLE + client_frame(BINARY, b"c") + WHOLE + frames.close(1000, key=KEY) + WHOLE,
    "dropping": WHOLE + client_frame(BINARY, b"d") + WHOLE + WHOLE,
    "listening": WHOLE + client_frame(BINARY, b"o") + WHOLE + WHOLE,
    "limiting": WHOLE + client_frame(BINARY, b"m") + WHOLE + WHOLE,
    "close": WHOLE + frames.close(1000, b"bye", key=KEY) + WHOLE,
}


@pytest.mark.parametrize("options", [{}, {"failByDrop": False}, {"maxMessagePayloadSize": 20}])
@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("stream", STREAMS)
def test_split_streams_are_the_same(new: Any, stream: str, flavour: str, options: dict[str, Any]) -> None:
    for pieces in cuttings(STREAMS[stream], seeds=5):

        def play(player: Player) -> None:
            for piece in pieces:  # noqa: B023
                player.receive(piece)

        for deflate in (False, True):
            both(new, play, flavour, False, meddling, options, deflate)


@given(st.lists(st.one_of(payloads, st.none()), max_size=6))
@example([b"ab\xff", b"cd", b"", b"\xc3", b"\xa9", None, b"\xc3", b"\xa9"])
def test_validator_and_masker_return_the_same_results(new: Any, pieces: list[bytes | None]) -> None:
    assert new.protocol.Utf8Validator.__module__.startswith("wsframe.")
    assert new.protocol.create_xor_masker.__globals__["__name__"].startswith("wsframe.")
    validators = [library.protocol.Utf8Validator() for library in (OLD, new)]
    maskers = [library.protocol.create_xor_masker(KEY, 5) for library in (OLD, new)]
    for piece in pieces:
        if piece is None:
            for one in (*validators, *maskers):
                one.reset()
            continue
        results = [tuple(validator.validate(piece)) for validator in validators]
        assert results[0] == results[1]
        masked = [(masker.process(piece), masker.pointer()) for masker in maskers]
        assert masked[0] == masked[1]


def original_code(*_: Any, **__: Any) -> None:
    raise AssertionError("the original code of autobahn was called")


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("client", [False, True])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_whole_messages_take_the_fast_path(
    new: Any, flavour: str, client: bool, deflate: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = Player(new, flavour, client, echoing, {}, deflate)
    for name in ("processData", "sendMessage", "sendData"):
        method = getattr(new.protocol.WebSocketProtocol, name)
        (cell,) = [cell for cell in method.__closure__ if callable(cell.cell_contents)]
        monkeypatch.setattr(cell, "cell_contents", original_code)
    key = None if client else KEY
    messages = ["é".encode(), b"x" * 300, "é".encode()]
    squeeze, inflater = zlib.compressobj(wbits=-15), zlib.decompressobj(-15)
    data = b""
    for opcode, message in zip([TEXT, BINARY, TEXT], messages, strict=True):
        payload = deflated(squeeze, message) if deflate else message
        data += frames.frame(opcode, payload, key=key, rsv=4 if deflate else 0)
    with suppress(AssertionError):  # when nothing is left, autobahn is asked as well
        player.take(data)
    sent = [payload for *_, payload in unmasked(player.transport.written)]
    if deflate:
        sent = [inflater.decompress(payload + TAIL) for payload in sent]
    assert sent == messages


def test_a_listener_that_fails_is_logged(new: Any) -> None:
    # Twisted would add that nobody handled it.
    trace = both(new, lambda player: player.receive(client_frame(TEXT, b"r")), "asyncio", False, meddling, {})
    assert ("error", "Firing signal 'message' failed: {fail}", ["fail"]) in trace


def test_hook_set_on_one_connection_is_called(new: Any) -> None:
    player = Player(new, "twisted", False, plain, {})
    player.connection.onMessageFrame = player.trace.append
    player.receive(WHOLE)
    assert [b"whole"] in player.trace


def test_unhashable_hook_is_called(new: Any) -> None:
    class Hook(list):  # type: ignore[type-arg]
        def __call__(self, payload: Any) -> None:
            self.append(payload)

    hook = Hook()  # which cannot be hashed
    player = Player(new, "twisted", False, lambda *_: {"onMessageFrame": hook}, {})
    player.receive(WHOLE)
    assert hook == [[b"whole"]]


def test_replaced_getrandbits_provides_the_masking_keys(new: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    player = Player(new, "asyncio", True, plain, {})
    monkeypatch.setattr(random, "getrandbits", lambda bits: 0x01020304)
    player.call("sendMessage", b"Hello")
    assert player.transport.written == frames.frame(TEXT, b"Hello", key=b"\1\2\3\4")


def test_every_client_frame_has_its_own_masking_key(new: Any) -> None:
    player = Player(new, "asyncio", True, plain, {})
    for _ in range(2000):
        player.connection.sendMessage(b"the same")
    written = player.transport.written
    assert len({written[start + 2 : start + 6] for start in range(0, len(written), 14)}) > 1990


def test_connections_survive_install_and_uninstall() -> None:
    with accelerated() as library:
        player = Player(library, "twisted", False, plain, {})
        for change in (accelerate.uninstall, accelerate.install) * 2:
            player.take(WHOLE + WHOLE[:4])
            change("autobahn")
            player.take(WHOLE[4:])
            player.take(client_frame(TEXT, b"\xc3", fin=False))
            change("autobahn")
            player.take(client_frame(CONTINUATION, b"\xa9"))
            (accelerate.install if change is accelerate.uninstall else accelerate.uninstall)("autobahn")
    messages = [event[1] for event in player.trace if event[0] == "onMessage"]
    assert messages == [b"whole", b"whole", "é".encode()] * 4


def test_uninstall_restores_the_original_objects() -> None:
    def objects() -> list[Any]:
        modules = [module for name, module in sys.modules.items() if name.startswith("autobahn.")]
        adapter = sys.modules["autobahn.twisted.websocket"].WebSocketAdapterProtocol
        protocol = sys.modules["autobahn.websocket.protocol"].WebSocketProtocol
        return [dict(vars(owner)) for owner in (*modules, adapter, protocol)]

    with accelerated():
        replaced = objects()
    before = objects()
    with accelerated():
        assert replaced != before
    assert objects() == before


def test_the_proof_fails_without_the_patch() -> None:
    assert not next(host for host in accelerate.status() if host.host == "autobahn").active
    for part in HOST.parts_of(version("autobahn")):
        with pytest.raises(RuntimeError, match=r"^the original code of autobahn was called$"):
            HOST.load(part.prove)()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_fast_class_works_without_patching(flavour: str) -> None:
    data = WHOLE + client_frame(BINARY, b"x" * 300) + client_frame(PING, b"p") + WHOLE
    data += (
        client_frame(TEXT, b"\xc3", fin=False)
        + client_frame(CONTINUATION, b"\xa9")
        + frames.close(1000, key=KEY)
    )
    traces = []
    for change in (as_it_is, accelerate.fast_class):
        with accelerated() as library:  # for its event loop
            accelerate.uninstall("autobahn")
            player = Player(library, flavour, False, meddling, {}, change=change)
            assert hasattr(type(player.connection).sendMessage, "__wrapped__") is (change is not as_it_is)
            player.receive(data)
            player.call("sendMessage", b"late")
            player.end()
            traces.append(player.trace)
    assert traces[0] == traces[1]


def test_method_wrapped_by_somebody_else_is_left_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    Protocol = sys.modules["autobahn.websocket.protocol"].WebSocketProtocol
    wrapped = wraps(Protocol.sendMessage)(lambda *values, **named: None)
    monkeypatch.setattr(Protocol, "sendMessage", wrapped)
    accelerate.install("autobahn")
    try:
        (status,) = [host for host in accelerate.status() if host.host == "autobahn"]
        assert "WebSocketProtocol.sendMessage is not what autobahn made it" in status.why_not
        assert Protocol.sendMessage is wrapped
    finally:
        accelerate.uninstall("autobahn")
