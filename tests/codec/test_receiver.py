"""The receiving half of a stream: reads, messages, and the listener; both twins alike."""

from __future__ import annotations

import pytest
from support.streams import first, make, pure

from wsframe import Opcode, Ping, ProtocolError, Role, encode_frame, encode_text
from wsframe._py import message_decoder as pure_decoder
from wsframe._spec import FRAME_COST

try:
    from wsframe._c import message_decoder as compiled_decoder
except ImportError:
    compiled_decoder = None

MASK = b"mask"
ONE, TWO = encode_frame(Opcode.TEXT, "one", mask_key=MASK), encode_frame(Opcode.TEXT, "two", mask_key=MASK)


def decoding(module, **limits):
    """A stream behind its handshake, on the side of a server."""
    stream, log = make(module)
    decoder = pure_decoder if module is pure else compiled_decoder
    stream._decoder = decoder.MessageDecoder(Role.SERVER, **limits)
    return stream, log


def read(stream, data):
    """What a transport does."""
    stream.get_buffer(-1)[: len(data)] = data
    stream.buffer_updated(len(data))


def test_bytes_without_a_decoder_go_to_the_subclass(module):
    stream, log = make(module)
    read(stream, b"GET /")
    stream._receive(bytearray(b" HTTP"))
    assert log == [("other", b"GET /"), ("other", b" HTTP")]


def test_messages_of_a_read_are_queued(module):
    stream, log = decoding(module)
    read(stream, ONE + TWO[:4])
    stream._receive(TWO[4:])
    assert [stream._pop(), stream._pop()] == ["one", "two"]
    assert stream._next_is_reply and log == []


class Replying:
    def on_message(self, ws, message):
        ws.send_nowait(f"{message}!")


def test_replies_of_a_listener_to_one_read_are_coalesced(module):
    stream, log = decoding(module)
    stream._listener = Replying()
    first(stream, log)
    read(stream, ONE + TWO)
    assert log == [encode_text("one!") + encode_text("two!")]
    assert stream._queued == 0 and not stream._receiving


def test_the_reply_of_a_listener_to_a_single_message_is_written_at_once(module):
    class Twice(Replying):
        def on_message(self, ws, message):
            for _ in range(3):
                super().on_message(ws, message)
            log.append("blocks")

    stream, log = decoding(module)
    stream._listener = Twice()
    for _ in range(2):
        read(stream, ONE)
        stream._iteration.end()
    assert log == [encode_text("one!"), "blocks", encode_text("one!") * 2] * 2


def test_messages_of_a_listener_before_its_failure_are_flushed(module):
    class Failing(Replying):
        def on_message(self, ws, message):
            super().on_message(ws, message)
            raise KeyError

    stream, log = decoding(module)
    stream._listener = Failing()
    first(stream, log)
    read(stream, ONE + TWO)
    assert log == [("failed", KeyError), encode_text("one!")]
    assert not stream._receiving


def test_control_frames_and_violations_go_to_the_subclass(module):
    stream, log = decoding(module, max_message=10)
    ping = encode_frame(Opcode.PING, b"p", mask_key=MASK)
    read(stream, ONE + ping)
    too_long = encode_frame(Opcode.TEXT, "x" * 11, mask_key=MASK)
    read(stream, ONE + too_long)
    assert log == [
        ("events", ["one", Ping(b"p")], len(ONE + ping) + FRAME_COST),
        ("events", ["one"], len(ONE + too_long)),
    ]
    with pytest.raises(ProtocolError):
        read(stream, ONE)


def test_reading_pauses_at_high_water_and_resumes_at_low_water(module):
    stream, log = decoding(module)
    big = encode_frame(Opcode.BINARY, bytes(60), mask_key=MASK)
    read(stream, big)
    assert (log, stream._backlog) == ([], len(big))
    read(stream, big * 4)
    assert (log, stream._backlog, stream._resume_at_queued) == (["pause reading"], len(big) * 5, 1)
    stream._reading = False
    for _ in range(4):
        stream._pop()
    assert log == ["pause reading", "resume reading"]
    stream._pop()
    read(stream, big)
    assert stream._backlog == len(big)


def test_one_large_message_does_not_stop_reading(module):
    stream, log = decoding(module)
    read(stream, encode_frame(Opcode.BINARY, bytes(900), mask_key=MASK))
    assert log == [] and stream._queued == 1


def test_a_message_sets_the_waiter(module):
    stream, log = decoding(module)
    waiter = stream._message_waiter()
    assert stream._waiter is waiter and not waiter.done()
    read(stream, ONE[:3])
    assert not waiter.done()
    read(stream, ONE[3:])
    assert waiter.done() and stream._waiter is None
    assert log == []


def test_a_waiter_is_made_by_the_subclass_in_all_other_states(module):
    stream, log = make(module)
    stream._message_waiter()
    stream, log = decoding(module)
    stream._message_waiter()
    assert log == []
    stream._message_waiter()
    stream._waiter = None
    stream._reading = False
    stream._message_waiter()
    assert log == ["make waiter", "make waiter"]


def test_a_read_larger_than_the_buffer_is_refused(module):
    stream, log = decoding(module)
    for size in (-1, 1001):
        with pytest.raises(ValueError, match="nbytes"):
            stream.buffer_updated(size)
    assert log == []


def test_low_water_is_reported_once(module):
    stream, log = make(module)
    stream._push(map(str, range(4)))
    stream._resume_at_queued = 1
    stream._pop()
    stream._pop()
    assert log == []
    stream._pop()
    assert (log, stream._resume_at_queued, stream._queued) == (["resume reading"], -1, 1)


def test_pop_from_an_empty_queue_raises_index_error(module):
    stream, _ = make(module)
    with pytest.raises(IndexError):
        stream._pop()
