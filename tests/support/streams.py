"""Streams of both twins on a transport that only logs."""

from __future__ import annotations

import asyncio
import sys

from wsframe._py import coalescer as pure_coalescer, stream as pure

try:
    from wsframe._c import coalescer as compiled_coalescer, stream as compiled
except ImportError:
    compiled = None

MODULES = [module for module in (pure, compiled) if module is not None]


def make(module):
    """A stream with the methods of its subclass, and a log of what it does."""
    log = []

    class Owner(module.Stream):
        async def _send_slow_path(self, message):
            log.append(("slowly", message))
            await asyncio.sleep(0)

        async def drain(self):
            log.append("drain")
            await asyncio.sleep(0)

        def _may_queue(self, message):
            log.append(("may queue", message))
            return message != "no"

        def _decode_later(self):
            log.append("decode later")

        def _encode_message(self, message):
            log.append(("frame", message))
            return b"framed"

        def _resume_reading(self):
            log.append("resume reading")

        def _receive_undecoded(self, data):
            log.append(("other", bytes(data)))

        def _receive_events(self, events, size):
            log.append(("events", events, size))

        def _listener_failed(self):
            log.append(("failed", sys.exc_info()[0]))

        def _make_waiter(self):
            log.append("make waiter")

        def _pause_reading(self):
            log.append("pause reading")

    stream = Owner()
    stream._encodes_directly = True
    stream._high_water = 100
    stream._read_buffer = memoryview(bytearray(1000))
    stream._call_soon = lambda callback: log.append("soon")
    stream._iteration = (pure_coalescer if module is pure else compiled_coalescer).Iteration()
    stream._gap = 60  # so long that a busy machine changes nothing
    stream._transport_write = lambda data: log.append(bytes(data))
    return stream, log


def begin(sending):
    """Await what `send` returned, as a task does first; tell whether it is done."""
    try:
        sending.send(None)
    except StopIteration:
        return True
    sending.close()
    return False


def first(stream, log):
    """Make the first write of an iteration, which leaves at once."""
    stream._write(b"first")
    assert log.pop(0) == "soon" and log.pop(0) == b"first" and not log
