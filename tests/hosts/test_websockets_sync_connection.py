"""Connections of websockets.sync, accelerated: what a message meets besides the protocol."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from support import frames
from support.sansio_websockets import accelerated
from websockets.exceptions import ConnectionClosed
from websockets.protocol import CLIENT, SERVER, Protocol, State
from websockets.sync import connection as sync

from wsframe.accelerate.hosts.websockets import HOST

_sync = pytest.importorskip("wsframe.accelerate.hosts.websockets.sync")
QUEUES = pytest.mark.skipif(not _sync.QUEUES, reason="no queue of frames before websockets 14")


class Wire:
    """A connection, and the other end of its socket."""

    def __init__(self, side: Any = SERVER, **options: Any) -> None:
        ours, self.peer = socket.socketpair()
        self.key = frames.KEY if side is SERVER else None
        self.peer.settimeout(5)
        self.connection: Any = sync.Connection(
            ours, Protocol(side, state=State.OPEN, **options), close_timeout=1
        )

    def feed(self, opcode: int, payload: bytes, **options: Any) -> None:
        self.peer.sendall(frames.frame(opcode, payload, key=self.key, **options))

    def hang_up(self) -> None:
        """Read until the other side has ended, and end too."""

        def wait() -> None:
            with contextlib.suppress(OSError):
                while self.peer.recv(1000):
                    pass
                self.peer.shutdown(socket.SHUT_WR)

        threading.Thread(target=wait).start()

    def end(self) -> None:
        self.peer.close()
        self.connection.close_socket()
        self.connection.recv_events_thread.join(5)
        assert not self.connection.recv_events_thread.is_alive()


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as exc:
        cause = exc.__cause__
        return type(exc), str(exc), type(cause), str(cause)


def both(converse: Callable[[Wire], Any], **options: Any) -> Any:
    """Return the result of a conversation, which must not depend on the acceleration."""
    seen = []
    for yes in (False, True):
        with accelerated(yes):
            assert hasattr(sync.Connection.send, "__wrapped__") is yes
            wire = Wire(**options)
            try:
                seen.append(converse(wire))
            finally:
                wire.end()
    before, after = seen
    assert after == before
    return after


@pytest.mark.parametrize("side", [SERVER, CLIENT])
def test_received_and_sent_messages_are_the_same(side: Any) -> None:
    def converse(wire: Wire) -> list[Any]:
        seen = []
        for opcode, payload in [
            (1, b"text"),
            (2, b"bytes"),
            (1, b""),
            (2, b"x" * 70_000),
            (1, "é日".encode()),
        ]:
            wire.feed(opcode, payload)
            message = wire.connection.recv()
            seen.append((type(message), message))
            wire.connection.send(message)
            seen.append(wire.peer.recv(100_000)[:1])
        return seen

    assert both(converse, side=side)[:3] == [(str, "text"), b"\x81", (bytes, b"bytes")]


@pytest.mark.parametrize(
    "message",
    ["\ud800", 5, None, {}, {"a": 1}, [], ["a", "b"], ["a", b"b"], [5], bytearray(b"ab"), memoryview(b"ab")],
    ids=lambda message: "memoryview" if isinstance(message, memoryview) else repr(message),
)
def test_unusual_messages_are_sent_or_refused_the_same(message: Any) -> None:
    def converse(wire: Wire) -> list[Any]:
        seen = [outcome(lambda: wire.connection.send(message))]
        with contextlib.suppress(TimeoutError):
            wire.peer.settimeout(0.1)
            seen.append(wire.peer.recv(1000))
        return [*seen, wire.connection.protocol.state, wire.connection.protocol.close_code]

    both(converse)


@QUEUES
def test_recv_and_send_arguments_give_the_same_result() -> None:
    def converse(wire: Wire) -> list[Any]:
        wire.feed(1, b"a")
        wire.feed(1, b"b")
        wire.feed(2, b"c")
        connection = wire.connection
        seen = [connection.recv(decode=False), connection.recv(5), connection.recv(decode=True)]
        connection.send("é", text=False)
        connection.send(b"x", text=True)
        time.sleep(0.05)
        seen += [wire.peer.recv(100), outcome(lambda: connection.recv(timeout=0.01))]
        wire.feed(2, b"\xff")
        return [*seen, outcome(lambda: connection.recv(decode=True)), connection.protocol.close_code]

    assert both(converse)[:3] == [b"a", "b", "c"]


def test_fragments_give_the_same_messages() -> None:
    def converse(wire: Wire) -> Any:
        wire.feed(1, b"a", fin=False)
        wire.feed(9, b"?")
        wire.feed(0, b"b", fin=False)
        wire.feed(0, b"c")
        wire.feed(1, b"next")
        wire.feed(2, b"d", fin=False)
        got = [wire.connection.recv(), wire.connection.recv()]
        wire.feed(0, b"e")
        return [*got, *wire.connection.recv_streaming()]

    assert both(converse) == ["abc", "next", b"d", b"e"]


@QUEUES
def test_invalid_utf_8_closes_with_1007() -> None:
    def converse(wire: Wire) -> Any:
        wire.hang_up()
        wire.feed(1, b"\xff")
        wire.feed(1, b"behind")
        return outcome(wire.connection.recv), wire.connection.protocol.close_sent.code

    assert both(converse)[1] == 1007


@pytest.mark.parametrize("code", [None, 1000, 1001, 3000])
def test_close_of_the_peer_raises_the_same(code: int | None) -> None:
    def converse(wire: Wire) -> Any:
        wire.feed(1, b"last")
        time.sleep(0.05)
        if code is None:
            wire.peer.shutdown(socket.SHUT_WR)
        else:
            wire.feed(8, code.to_bytes(2, "big"))
            wire.hang_up()
        wire.connection.recv_events_thread.join(5)
        connection = wire.connection
        seen = [outcome(call) for call in (connection.recv, connection.recv, lambda: connection.send("x"))]
        # What besides ended it is a matter of chance in websockets 13.
        return seen if _sync.QUEUES else [one if isinstance(one, str) else one[:2] for one in seen]

    seen = both(converse)
    assert seen[0] == "last"
    assert issubclass(seen[1][0], ConnectionClosed)


def test_closed_socket_ends_a_waiting_recv() -> None:
    def converse(wire: Wire) -> Any:
        seen: list[Any] = []
        thread = threading.Thread(target=lambda: seen.append(outcome(wire.connection.recv)))
        thread.start()
        time.sleep(0.05)
        wire.peer.close()
        thread.join(5)
        return seen

    assert len(both(converse)) == 1


def test_concurrent_recv_raises_the_same() -> None:
    def converse(wire: Wire) -> Any:
        seen: list[Any] = []
        thread = threading.Thread(target=lambda: seen.append(outcome(wire.connection.recv)))
        thread.start()
        time.sleep(0.05)
        seen.append(outcome(wire.connection.recv))
        wire.feed(1, b"a")
        thread.join(5)
        return seen

    assert both(converse)[1] == "a"


def test_paused_reader_resumes_and_loses_nothing() -> None:
    """However many messages wait: nothing is lost, and nobody waits for ever."""

    def converse(wire: Wire) -> Any:
        feeding = threading.Thread(target=lambda: [wire.feed(1, b"%d" % n * 50) for n in range(5000)])
        feeding.start()
        got = [wire.connection.recv() for _ in range(5000)]
        feeding.join()
        return got == [f"{n}" * 50 for n in range(5000)]

    assert both(converse)


@pytest.mark.parametrize("error", [ConnectionResetError(errno.ECONNRESET, "gone"), OSError(5, "broken")])
def test_failing_sendall_raises_its_error(error: OSError) -> None:
    class Broken:
        def __init__(self, real: socket.socket) -> None:
            self.real = real

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

        def sendall(self, data: bytes) -> None:
            tries.append(data)
            raise error

    tries: list[bytes] = []

    def converse(wire: Wire) -> Any:
        wire.connection.socket = Broken(wire.connection.socket)
        connection = wire.connection
        return [
            outcome(lambda: connection.send("x")),
            outcome(lambda: connection.send("y")),
            connection.protocol.state,
        ]

    seen = both(converse)
    assert seen[0][2:] == (type(error), str(error))
    assert tries == [b"\x81\x01x"] * 2


def test_send_between_fragments_gives_the_same_result() -> None:
    def converse(wire: Wire) -> Any:
        seen: list[Any] = []

        def pieces() -> Any:
            yield "a"
            seen.append(outcome(lambda: wire.connection.send("between")))
            yield "b"

        wire.connection.send(pieces())
        time.sleep(0.05)
        return [*seen, wire.peer.recv(100)]

    assert both(converse)[1] == b"\x01\x01a\x00\x01b\x80\x00"


def test_the_proof_fails_without_the_patch() -> None:
    (part,) = [part for part in HOST.parts if part.modules == ("websockets.sync.connection",)]
    with pytest.raises((TypeError, RuntimeError)):
        HOST.load(part.prove)()
