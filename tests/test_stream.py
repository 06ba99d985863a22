"""The quick paths of a connection: both twins write the same bytes at the same moments."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest
from hypothesis import given, strategies as st

from wsframe._py import stream as pure

try:
    from wsframe._c import stream as compiled
except ImportError:
    compiled = None

MODULES = [module for module in (pure, compiled) if module is not None]


def make(module):
    """A stream with its owner's part, and a log of what it does."""
    log = []

    class Owner(module.Stream):
        def send_later(self, message):
            log.append(("later", message))
            return asyncio.sleep(0)

        def frame_of(self, message):
            log.append(("frame", message))
            return b"framed"

        def caught_up(self):
            log.append("caught up")

    stream = Owner()
    stream.plain = True
    stream.call_soon = lambda callback: log.append("soon")
    stream.transport_write = lambda data: log.append(bytes(data))
    return stream, log


@pytest.fixture(params=MODULES, ids=lambda module: module.__name__.split(".")[1])
def module(request):
    return request.param


def test_the_answer_to_the_only_message_goes_straight_out(module):
    stream, log = make(module)
    stream.push(["question"])
    stream.fresh = True
    assert stream.pop() == "question"
    stream.send("answer")
    assert log == [b"\x81\x06answer"]
    stream.send("more")
    assert log == [b"\x81\x06answer", "soon"]
    stream.flush()
    assert log[2:] == [b"\x81\x04more"]


def test_answers_to_many_messages_leave_together(module):
    stream, log = make(module)
    stream.push(["1", "2", "3"])
    stream.fresh = True
    for _ in range(3):
        stream.send_nowait(stream.pop())
    assert log == ["soon", b"\x81\x011\x81\x012\x81\x013"]
    stream.flush()
    assert len(log) == 2


def test_inside_a_read_nothing_is_written_and_nothing_scheduled(module):
    stream, log = make(module)
    stream.receiving = stream.fresh = True
    stream.send("a")
    stream.send("b")
    assert log == []
    stream.flush()
    assert log == [b"\x81\x01a\x81\x01b"]


def test_a_large_pile_is_written_at_once(module):
    stream, log = make(module)
    stream.send(b"x" * 40_000)
    stream.send(b"y" * 40_000)
    assert log[0] == "soon" and len(log[1]) == 80_008


def test_low_water(module):
    stream, log = make(module)
    stream.push(map(str, range(4)))
    stream.low = 1
    stream.pop()
    stream.pop()
    assert log == []
    stream.pop()
    assert (log, stream.low, stream.queued) == (["caught up"], -1, 1)


def test_pop_of_nothing(module):
    stream, _ = make(module)
    with pytest.raises(IndexError):
        stream.pop()


def test_what_is_no_plain_message_takes_the_slow_way(module):
    stream, log = make(module)
    for fragments in (["a"], 7, None):
        stream.send(fragments).close()
    stream.congested = True
    stream.send("b").close()
    stream.congested = stream.plain = False
    stream.send("c")
    assert log == [("later", ["a"]), ("later", 7), ("later", None), ("later", "b"), ("frame", "c"), "soon"]


def test_a_task_takes_what_send_returns(module):
    stream, log = make(module)
    done = stream.send("x")
    assert isinstance(done, Coroutine)

    async def main():
        assert await done is None
        assert await asyncio.get_running_loop().create_task(done) is None
        assert await asyncio.wait_for(stream.send("y"), 1) is None

    asyncio.run(main())
    with pytest.raises(StopIteration):
        done.send(None)
    with pytest.raises(KeyError):
        done.throw(KeyError("k"))
    done.close()
    stream.flush()
    assert log == ["soon", b"\x81\x01x\x81\x01y"]


def test_discard(module):
    stream, log = make(module)
    stream.send("x")
    stream.discard()
    stream.flush()
    assert log == ["soon"]


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["pop", "flush", "discard", "fresh", "receiving", "plain", "congested", "low"]),
        st.tuples(st.just("push"), st.lists(st.text(max_size=3), max_size=4)),
        st.tuples(st.just("send"), st.one_of(st.text(max_size=5), st.binary(max_size=5), st.none())),
        st.tuples(st.just("write"), st.binary(min_size=1, max_size=5)),
    ),
    max_size=30,
)


@pytest.mark.skipif(compiled is None, reason="the compiled twin is missing")
@given(STEPS)
def test_parity(steps):
    outcomes = []
    for module in MODULES:
        stream, log = make(module)
        for step in steps:
            name, argument = step if isinstance(step, tuple) else (step, None)
            if name in ("fresh", "receiving", "plain", "congested"):
                setattr(stream, name, not getattr(stream, name))
            elif name == "low":
                stream.low = 1
            elif name == "pop":
                log.append(stream.pop() if stream.queued else None)
            elif name in ("flush", "discard"):
                getattr(stream, name)()
            elif name == "send":
                stream.send(argument).close()
            else:
                getattr(stream, name)(argument)
            log.append((stream.queued, stream.fresh, stream.low))
        outcomes.append(log)
    assert outcomes[0] == outcomes[-1]
