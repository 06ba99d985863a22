"""The fast paths of a connection, driven as an endpoint drives them: both twins do the same."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from conversation import Script
from support import twins
from support.feeding import cut_at_random
from support.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, compressed, frame

from wsframe import ProtocolError, Role
from wsframe.deflate import Deflate

# The first byte of an input says how the stream is made, the second seeds the cuts, the rest are operations.
DEFLATE, LISTENER, QUEUED, SMALL = 1, 2, 4, 8
MAX_OPERATIONS = 64  # operations of an input


def kinds() -> list[tuple[Any, Any, Any]]:
    found = []
    for package in ("_py", "_c") if twins.KERNELS else ("_py",):
        names = ("stream", "coalescer", "message_decoder")
        modules = [import_module(f"wsframe.{package}.{name}") for name in names]
        found.append((modules[0].Stream, modules[1].Iteration, modules[2].MessageDecoder))
    return found


class Listener:
    def on_message(self, stream: Any, message: Any) -> None:
        stream.log.append(("on_message", type(message), message))
        if len(message) % 3 == 0:
            stream.send_nowait(message)
        if len(message) == 10:
            raise ValueError("a listener that fails")


class Owner:
    """What an endpoint does for a stream, written down."""

    log: list[Any]
    soon: list[Any]
    written: bytearray

    def _receive_undecoded(self, data: Any) -> None:
        self.log.append(("other", bytes(data)))

    def _receive_events(self: Any, events: list[Any], size: int) -> None:
        self.log.append(("events", list(events), size))

    def _listener_failed(self) -> None:
        self.log.append("listener failed")

    def _make_waiter(self) -> None:
        self.log.append("no arrival")

    def _pause_reading(self: Any) -> None:
        self.log.append("read no more")
        self._reading = False

    def _resume_reading(self: Any) -> None:
        self.log.append("caught up")
        self._reading = True

    def _may_queue(self, message: Any) -> bool:
        return len(message) < 9

    def _decode_later(self: Any) -> None:
        self.soon.append(self._decode_more)

    def _encode_message(self, message: Any) -> bytes:
        if not isinstance(message, str | bytes):
            raise TypeError("no message")
        return b"framed %d;" % len(message)


def make(kind: tuple[Any, Any, Any], options: int) -> Any:
    stream_class, iteration, decoder = kind
    stream = type("Driven", (Owner, stream_class), {})()
    stream.log, stream.soon, stream.written = [], [], bytearray()
    stream._call_soon = stream.soon.append
    stream._iteration = iteration()
    stream._transport_write = stream.written.extend
    stream._read_buffer = memoryview(bytearray(1000))
    stream._high_water = 20 if options & SMALL else 10**6
    stream._encodes_directly = not options & QUEUED
    stream._decoder = decoder(
        Role.CLIENT, max_message=1000, deflate=Deflate(Role.CLIENT) if options & DEFLATE else None
    )
    if options & LISTENER:
        stream._listener = Listener()
    return stream


def frames_of(script: Script) -> bytes:
    """Some frames that a server may send."""
    out = b""
    for _ in range(script.byte() % 4):
        kind = script.byte()
        if kind & 1:
            message = script.message()
            data = message.encode() if isinstance(message, str) else message
            opcode = TEXT if isinstance(message, str) else BINARY
            rsv = 4 if kind & 2 else 0
            out += frame(opcode, compressed(data) if rsv else data, rsv=rsv, fin=kind & 12 != 12)
        else:
            out += frame((PING, PONG, CLOSE, CONTINUATION)[kind >> 1 & 3], script.bytes()[:125])
    return out


def operate(stream: Any, script: Script, seed: int) -> None:
    """Do what the next byte says."""
    kind = script.byte() % 12
    if kind < 3:
        data = frames_of(script) if kind else script.bytes()
        for piece in cut_at_random(data, seed):
            if stream._decoder.error is None:
                stream._receive(piece)
    elif kind == 3:
        data = script.bytes()
        stream._read_buffer[: len(data)] = data
        if stream._decoder.error is None:
            stream.buffer_updated(len(data))
    elif kind == 4:
        stream.log.append(("popped", stream._pop()))
    elif kind == 5:
        stream._push([script.message()])
    elif kind == 6:
        stream.send_nowait(script.message())
    elif kind == 7:
        stream._write(script.bytes())
    elif kind == 8:
        stream.flush()
    elif kind == 9:
        stream.congested = not stream.congested
    elif kind == 10:
        stream._message_waiter()
    else:
        for _ in range(len(stream.soon)):  # an iteration of the loop
            stream.soon.pop(0)()


def story(kind: tuple[Any, Any, Any], options: int, seed: int, data: bytes) -> list[Any]:
    stream = make(kind, options)
    script = Script(data)
    for _ in range(MAX_OPERATIONS):
        if script.spent:
            break
        try:
            operate(stream, script, seed)
        except (AttributeError, IndexError, ProtocolError, TypeError, ValueError) as exc:
            stream.log.append((type(exc), str(exc)))
        stream.log.append(
            (stream._queued, stream._backlog, stream._reading, stream.congested, stream._next_is_reply)
        )
    while stream.soon:
        stream.soon.pop(0)()
    stream.flush()
    # When bytes left is a matter of the clock; which, and in what order, is not.
    return [*stream.log, bytes(stream.written)]


def check(data: bytes) -> None:
    """Fail when two twins tell different stories."""
    options, seed, script = data[0] if data else 0, data[1] if len(data) > 1 else 0, data[2:]
    expected, *others = (story(kind, options, seed, script) for kind in kinds())
    for got in others:
        for ours, theirs in zip(got, expected, strict=True):
            assert ours == theirs, f"compiled {ours}, pure {theirs}"
