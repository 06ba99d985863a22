"""The sending half of a stream: both twins write the same bytes at the same moments."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Coroutine

import pytest
from hypothesis import given, strategies as st
from support.streams import MODULES, begin, compiled, first, make, pure

from wsframe import encode_text


def test_the_reply_to_a_single_message_is_written_at_once(module):
    stream, log = make(module)
    stream._push(["question"])
    stream._next_is_reply = True
    assert stream._pop() == "question"
    begin(stream.send("reply"))
    assert log == [b"\x81\x05reply"]
    begin(stream.send("more"))
    assert log == [b"\x81\x05reply", "soon"]
    stream.flush()
    assert log[2:] == [b"\x81\x04more"]


def test_replies_to_queued_messages_are_coalesced(module):
    stream, log = make(module)
    first(stream, log)
    stream._push(["1", "2", "3"])
    stream._next_is_reply = True
    for _ in range(3):
        stream.send_nowait(stream._pop())
    assert log == [b"\x81\x011\x81\x012\x81\x013"]
    stream.flush()
    assert len(log) == 1


def test_nothing_is_written_or_scheduled_while_receiving(module):
    stream, log = make(module)
    first(stream, log)
    stream._receiving = stream._next_is_reply = True
    begin(stream.send("a"))
    begin(stream.send("b"))
    assert log == []
    stream.flush()
    assert log == [b"\x81\x01a\x81\x01b"]


def test_more_than_64_kib_pending_is_flushed_at_once(module):
    stream, log = make(module)
    first(stream, log)
    begin(stream.send(b"x" * 40_000))
    begin(stream.send(b"y" * 40_000))
    assert [len(data) for data in log] == [80_008]
    begin(stream.send(b"x"))
    begin(stream.send(b"y" * 70_000))
    assert [len(data) for data in log[1:]] == [3, 70_010]


def test_first_write_is_sent_at_once_and_later_ones_are_coalesced(module):
    stream, log = make(module)
    for _ in range(2):
        for text in "abc":
            stream.send_nowait(text)
        stream._iteration.end()
    assert log == ["soon", b"\x81\x01a", b"\x81\x01b\x81\x01c"] * 2


def test_nothing_is_pending_once_the_previous_write_is_older_than_the_gap(module):
    stream, log = make(module)
    stream._gap = 0
    first(stream, log)
    stream._push(["1", "2"])  # replies to many messages at hand
    stream.send_nowait("a")
    stream.send_nowait("b")
    stream._receiving = True
    stream.send_nowait("c")
    assert log == [b"\x81\x01a", b"\x81\x01b", b"\x81\x01c"]
    stream._gap = 60
    stream.send_nowait("d")
    stream._gap = 0
    stream.send_nowait("e")
    assert log[3:] == [b"\x81\x01d\x81\x01e"]


def test_reading_the_transport_attribute_flushes(module):
    stream, log = make(module)
    stream.transport = transport = object()
    first(stream, log)
    stream.send_nowait("a")
    assert stream.transport is transport
    assert log == [b"\x81\x01a"]


def test_messages_that_cannot_be_sent_at_once_go_to_the_subclass(module):
    stream, log = make(module)
    for fragments in (["a"], 7, None):
        assert not begin(stream.send(fragments))
    stream._pending_sends = 1
    assert not begin(stream.send("b"))
    stream._pending_sends, stream._encodes_directly = 0, False
    assert begin(stream.send("c"))
    large = "d" * 2**18
    assert not begin(stream.send(large))
    assert log == [
        *(("slowly", message) for message in (["a"], 7, None, "b")),
        ("frame", "c"),
        "soon",
        b"framed",
        ("slowly", large),
    ]


def test_send_writes_before_waiting_for_a_congested_peer(module):
    stream, log = make(module)
    stream.congested = True
    assert not begin(stream.send("x"))
    assert log == ["soon", b"\x81\x01x", "drain"]


def test_send_nowait_asks_before_writing_to_a_congested_peer(module):
    stream, log = make(module)
    stream.congested = True
    stream.send_nowait("no")
    stream.send_nowait("yes")
    assert log == [("may queue", "no"), ("may queue", "yes"), "soon", b"\x81\x03yes"]


def test_send_does_nothing_until_it_is_awaited(module):
    stream, log = make(module)
    stream._call_soon = lambda callback: log.append("soon")
    sending = stream.send("x")
    assert isinstance(sending, Coroutine)
    assert log == []
    sending.close()
    assert log == []
    with pytest.raises(RuntimeError, match="cannot reuse"):
        sending.send(None)


def test_send_that_is_never_awaited_is_a_warning(module):
    stream, log = make(module)
    sending = stream.send("x")
    with pytest.warns(RuntimeWarning, match=r"send.* was never awaited"):
        del sending
    assert log == []


def test_send_is_an_awaitable_like_a_coroutine(module):
    stream, log = make(module)

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        assert await stream.send("a") is None
        task = loop.create_task(stream.send("b"))
        assert "send" in repr(task)
        assert await task is None
        assert await asyncio.wait_for(stream.send("c"), 1) is None
        done = stream.send("d")
        await done
        with pytest.raises(RuntimeError, match="cannot reuse"):
            await done
        cancelled = loop.create_task(stream.send("e"))
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        waiting = loop.create_task(stream.send(["f"]))
        await asyncio.sleep(0)
        await waiting

    asyncio.run(main())
    stream.flush()
    log.remove("soon")
    log.remove(("slowly", ["f"]))
    assert b"".join(log) == b"".join(map(encode_text, "abcd"))


def test_exceptions_are_thrown_into_send_as_into_a_coroutine(module):
    stream, log = make(module)
    with pytest.raises(KeyError):
        stream.send("x").throw(KeyError("k"))
    begun = stream.send(["x"])
    begun.send(None)
    with pytest.raises(KeyError):
        begun.throw(KeyError("k"))
    begun.close()
    unbegun = stream.send("y")
    with pytest.raises(TypeError, match="just-started"):
        unbegun.send(1)
    unbegun.close()
    assert log == [("slowly", ["x"])]


def test_discard_drops_pending_writes(module):
    stream, log = make(module)
    first(stream, log)
    begin(stream.send("x"))
    stream._discard_pending()
    stream.flush()
    assert log == []


def test_the_streams_of_a_loop_are_flushed_together(module):
    (one, log), (two, other) = make(module), make(module)
    two._iteration = one._iteration
    for stream in (one, two):
        for text in "xyz":
            begin(stream.send(text))
    assert log + other == ["soon", b"\x81\x01x", b"\x81\x01x"]
    one._iteration.end()
    assert [log[2:], other[1:]] == [[b"\x81\x01y\x81\x01z"]] * 2
    begin(two.send("z"))
    assert other[2:] == ["soon", b"\x81\x01z"]


def test_failing_write_does_not_stop_other_streams(module):
    (one, log), (two, other) = make(module), make(module)
    two._iteration = one._iteration

    def write(data):
        raise OSError("gone")

    for stream in (one, two):
        begin(stream.send("x"))
        begin(stream.send("y"))
    two._transport_write = write
    with pytest.raises(OSError, match="gone"):
        one._iteration.end()
    assert other == [b"\x81\x01x", "soon"]  # for the others
    one._iteration.end()
    assert log == ["soon", b"\x81\x01x", b"\x81\x01y"]


class Socket:
    """A stream on a socket, and all that reached its other end or its transport."""

    def __init__(self, module):
        self.ours, self.theirs = socket.socketpair()
        for end in (self.ours, self.theirs):
            end.setblocking(False)
        self.unsent, self._closing = 0, False
        self.stream, self.log = make(module)
        self.stream.transport = self
        self.stream._use_socket(self.ours.fileno())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.ours.close()
        self.theirs.close()

    def get_write_buffer_size(self):
        return self.unsent

    def send(self, text):
        self.stream._next_is_reply = True
        begin(self.stream.send(text))

    def received(self):
        octets = b""
        with contextlib.suppress(BlockingIOError):
            while piece := self.theirs.recv(2**20):
                octets += piece
        return octets


@pytest.fixture
def on_socket(module):
    if sys.platform == "win32":
        pytest.skip("all goes through the transport")
    with Socket(module) as end:
        yield end


def test_frame_is_written_directly_to_the_socket(on_socket, module):
    on_socket.send("a")
    if module is pure:
        assert on_socket.log == [encode_text("a")]
    else:
        assert on_socket.received() == encode_text("a")
        assert on_socket.log == []


def test_no_frame_overtakes_data_buffered_by_the_transport(on_socket):
    on_socket.unsent = 1
    on_socket.send("a")
    on_socket.send("b")
    assert on_socket.log == [encode_text("a"), encode_text("b")]
    assert on_socket.received() == b""


def test_data_the_socket_does_not_accept_goes_to_the_transport(on_socket):
    frame, count = encode_text("x" * 50_000), 0
    while not on_socket.log:
        on_socket.send("x" * 50_000)
        count += 1
        on_socket.unsent = sum(map(len, on_socket.log))
    on_socket.send("behind")
    rest, behind = on_socket.log
    assert behind == encode_text("behind")
    assert on_socket.received() + rest == frame * count


def test_a_large_frame_goes_to_the_transport(on_socket):
    on_socket.send("x" * 200_000)
    assert [len(frame) for frame in on_socket.log] == [200_010]
    assert on_socket.received() == b""


def test_a_closing_transport_gets_the_frame(on_socket):
    on_socket.send("a")
    on_socket._closing = True
    on_socket.send("b")
    assert on_socket.log[-1] == encode_text("b")


def test_a_frame_for_a_broken_socket_goes_to_the_transport(on_socket):
    on_socket.theirs.close()
    on_socket.send("a")
    assert on_socket.log == [encode_text("a")]


def test_use_socket_with_minus_1_writes_to_the_transport(on_socket):
    on_socket.stream._use_socket(-1)
    on_socket.send("a")
    assert on_socket.log == [encode_text("a")]


STEPS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "pop",
                "flush",
                "_discard_pending",
                "_next_is_reply",
                "_receiving",
                "_encodes_directly",
                "congested",
                "low",
            ]
        ),
        st.tuples(st.just("_push"), st.lists(st.text(max_size=3), max_size=4)),
        st.tuples(st.just("send"), st.one_of(st.text(max_size=5), st.binary(max_size=5), st.none())),
        st.tuples(st.just("_write"), st.binary(min_size=1, max_size=5)),
    ),
    max_size=30,
)


@pytest.mark.skipif(compiled is None, reason="the compiled twin is missing")
@given(STEPS)
def test_twins_behave_the_same_for_any_steps(steps):
    outcomes = []
    for module in MODULES:
        stream, log = make(module)
        for step in steps:
            name, argument = step if isinstance(step, tuple) else (step, None)
            if name in ("_next_is_reply", "_receiving", "_encodes_directly", "congested"):
                setattr(stream, name, not getattr(stream, name))
            elif name == "low":
                stream._resume_at_queued = 1
            elif name == "pop":
                log.append(stream._pop() if stream._queued else None)
            elif name in ("flush", "_discard_pending"):
                getattr(stream, name)()
            elif name == "send":
                begin(stream.send(argument))
            else:
                getattr(stream, name)(argument)
            log.append((stream._queued, stream._next_is_reply, stream._resume_at_queued))
        outcomes.append(log)
    assert outcomes[0] == outcomes[-1]
