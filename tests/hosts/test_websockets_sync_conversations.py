"""Random conversations with connections of websockets in threads, accelerated and as they are.

The peer and the program act alternately: otherwise the threads of websockets would race.
"""

from __future__ import annotations

import contextlib
import inspect
import socket
from typing import Any

from hypothesis import example, given, settings, strategies as st
from support import frames
from support.conversations import parsed
from support.frames import BINARY, CONTINUATION, PING, PONG, TEXT, compressed, frame
from support.sansio_websockets import accelerated, key_for
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.protocol import CLIENT, SERVER, Protocol
from websockets.sync.connection import Connection

HAS_QUEUE = "max_queue" in inspect.signature(Connection).parameters  # since 14.0
LIMIT = 2000
texts = st.one_of(st.text(max_size=20), st.sampled_from(["", "x" * 126, "y" * LIMIT, "日本😀" * 20]))
octets = st.one_of(st.binary(max_size=20), st.sampled_from([b"x" * 126, b"y" * LIMIT, b"\xff"]))
# What ends it, and nothing before: the peer waits for nobody.
ends = st.sampled_from(
    [
        [(frames.CLOSE, b"\x03\xe8bye", {})],
        [(frames.CLOSE, b"\x00", {})],
        [(TEXT, b"reserved", {"rsv": 2})],
        [(CONTINUATION, b"of nothing", {})],
        [(PING, b"in pieces", {"fin": False})],
        [(TEXT, b"\xff", {})],
        [(BINARY, bytes(LIMIT + 1), {})],
    ]
)


@st.composite
def messages(draw: Any) -> list[Any]:
    """The frames of one message: opcode, payload, options."""
    opcode = draw(st.sampled_from([TEXT, TEXT, BINARY]))
    payload = draw(octets if opcode == BINARY else texts.map(str.encode))
    control = draw(st.sampled_from([[], [], [(PING, b"?", {})], [(PONG, b"unasked", {})]]))
    kind = draw(st.sampled_from(["whole", "whole", "deflated", "pieces"]))
    if kind == "deflated":
        return [*control, (opcode, payload, {"rsv": 4})]
    if kind == "whole":
        return [*control, (opcode, payload, {})]
    cut = draw(st.integers(0, len(payload)))
    return [(opcode, payload[:cut], {"fin": False}), *control, (CONTINUATION, payload[cut:], {})]


arrivals = st.tuples(st.just("arrive"), st.lists(messages(), min_size=1, max_size=4))
options = {"decode": st.sampled_from([None, False]), "timeout": st.just(10)}
receptions = st.tuples(st.just("recv"), st.fixed_dictionaries({}, optional=options))
departures = st.tuples(
    st.just("send"),
    st.one_of(
        texts,
        octets,
        octets.map(bytearray),
        st.lists(st.text(max_size=5), max_size=3),
        st.sampled_from([{"a": 1}, 5, "\ud800"]),
    ),
)
others = st.sampled_from([("ping", b"!"), ("pong", b"!")])
steps = st.lists(st.one_of(arrivals, receptions, receptions, departures, others), max_size=12)


class Conversation:
    """Both sides of a conversation."""

    def __init__(self, side: Any, deflate: bool, queue: int | None) -> None:
        protocol = Protocol(side, max_size=LIMIT)
        if deflate:
            protocol.extensions = [PerMessageDeflate(False, False, 15, 15)]
        ours, self.peer = socket.socketpair()
        self.key, self.deflate = key_for(side), deflate
        limits = {"max_queue": queue} if HAS_QUEUE else {}
        self.ws = Connection(ours, protocol, close_timeout=10, **limits)
        self.waiting = 0  # messages on their way to the program
        self.seen: list[Any] = []

    def arrive(self, frames: list[Any]) -> None:
        data = b""
        for opcode, payload, options in frames:
            if options.get("rsv") == 4:
                payload, options = (compressed(payload), options) if self.deflate else (payload, {})
            data += frame(opcode, payload, key=self.key, **options)
        with contextlib.suppress(ConnectionError):
            self.peer.sendall(data)

    def act(self, name: str, *args: Any, **options: Any) -> None:
        try:
            result = getattr(self.ws, name)(*args, **options)
            self.seen.append(result if name == "recv" else type(result))
        except Exception as exc:
            cause = exc.__cause__ and (type(exc.__cause__).__name__, str(exc.__cause__))
            self.seen.append((type(exc).__name__, str(exc), cause))

    def take(self, steps: list[Any]) -> None:
        for name, what in steps:
            if name == "arrive":
                self.arrive([one for message in what for one in message])
                self.waiting += len(what)
            elif name != "recv":
                while self.waiting:  # they may bring a Ping, or the end
                    self.take([("recv", {})])
                self.act(name, what)
            elif self.waiting:
                self.waiting -= 1
                self.act(name, **what)

    def finish(self, end: list[Any]) -> Any:
        """End the conversation; return the observations."""
        while self.waiting:
            self.take([("recv", {})])
        self.arrive(end)
        with contextlib.suppress(OSError):
            self.peer.shutdown(socket.SHUT_WR)
        self.ws.recv_events_thread.join(10)
        self.act("recv")
        self.act("send", "too late")
        sent = b""
        with self.peer:
            while data := self.peer.recv(2**16):
                sent += data
        protocol = self.ws.protocol
        return self.seen, parsed(sent), protocol.close_code, protocol.close_reason


def both(steps: list[Any], end: list[Any], *args: Any) -> Any:
    """Return the observations, which must not depend on the acceleration."""

    def run(yes: bool) -> Any:
        with accelerated(yes):
            conversation = Conversation(*args)
            conversation.take(steps)
            return conversation.finish(end)

    before, after = run(False), run(True)
    assert after == before
    return after


BYE = [(frames.CLOSE, b"\x03\xe8bye", {})]
HELLO = ("arrive", [[(TEXT, b"hello", {})]] * 3)


@given(
    steps,
    ends,
    st.sampled_from([SERVER, CLIENT]),
    st.booleans(),
    st.sampled_from([None, 1]),
)
@settings(deadline=None)
@example([HELLO, ("send", "a"), HELLO, ("recv", {}), ("send", b"b")], BYE, SERVER, False, None)
@example([HELLO, ("recv", {"decode": False}), ("send", ["a", "b"])], BYE, CLIENT, True, 1)
@example([("send", "a"), HELLO], [(TEXT, b"\xff", {})], SERVER, False, None)
def test_random_conversations_are_the_same(
    steps: list[Any], end: list[Any], side: Any, deflate: bool, queue: int | None
) -> None:
    both(steps, end, side, deflate, queue)


def test_fast_path_handles_the_conversation() -> None:
    """The conversation takes place."""
    steps = [HELLO, ("send", "a"), ("arrive", [[(PING, b"?", {}), (BINARY, b"b", {})]]), ("send", b"c")]
    seen, sent, code, reason = both(steps, BYE, SERVER, False, 1)
    assert seen[:6] == ["hello"] * 3 + [type(None), b"b", type(None)]
    assert sent[:3] == [(0x81, False, b"a"), (0x8A, False, b"?"), (0x82, False, b"c")]
    assert (code, reason) == (1000, "bye")
