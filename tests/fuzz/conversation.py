"""Two connections exchange frames, compressed both ways, as the bytes of an input say.

Both twins, and every way to cut what one sends into reads, must lead to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from support import twins
from support.feeding import cut_at_random, verdict

from wsframe import Opcode, ProtocolError, Role
from wsframe.connection import ConnectionClosed, SansIOConnection, State, sansio, sending
from wsframe.deflate import Deflate, Parameters

# The first byte of an input says how the two are made, the second seeds the cuts, the rest are operations.
DEFLATE, ALONE, SMALL, FEW = 1, 2, 4, 8
TEXT = "aé€😊\x00\uffff\U0010ffff "
CODES = (1000, 1001, 1005, 1006, 1011, 3000, 999, 4999)
KEY = b"\x01\x80\xff\x7f"
MAX_OPERATIONS = 64  # operations of an input
TWINS = [twins.PURE, *([twins._load("c", "_c")] if twins.KERNELS else [])]


class Script:
    """The bytes of an input, one after another; zeros when they are spent."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def spent(self) -> bool:
        return self._at >= len(self._data)

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def bytes(self) -> bytes:
        """As many as the next byte says."""
        size = self.byte()
        self._at += size
        return self._data[self._at - size : self._at]

    def message(self) -> str | bytes:
        """A message of any kind, perhaps a long one."""
        kind = self.byte()
        data = self.bytes() * (1, 1, 1, 7, 40, 300)[kind % 6]
        if kind & 0x40:
            return data
        return "".join(TEXT[byte % len(TEXT)] for byte in data)


@contextmanager
def running(impl: twins.Impl) -> Iterator[None]:
    """Have connections made of one twin; all frames are masked alike, for masked bytes may become headers."""

    def encode(message: str | bytes, masked: bool = False) -> bytes:
        if masked:
            opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
            return impl.encode_frame(opcode, message, mask_key=KEY)  # type: ignore[no-any-return]
        return (impl.encode_text if isinstance(message, str) else impl.encode_binary)(message)  # type: ignore[no-any-return]

    with (
        patch.object(sansio, "MessageDecoder", impl.MessageDecoder),
        patch.multiple(
            sending,
            encode_binary=encode,
            encode_frame=impl.encode_frame,
            encode_text=encode,
            new_mask_key=lambda: KEY,
        ),
    ):
        yield


class Conversation:
    """One run of a script; `log` is what happened."""

    def __init__(self, options: int, cut: Callable[[bytes], list[bytes]]) -> None:
        self.cut = cut
        self.log: list[Any] = []
        parameters = Parameters(*[bool(options & ALONE)] * 2)
        self.sides = [
            SansIOConnection(
                role,
                max_message=1000 if options & SMALL else 10**6,
                max_fragments=3 if options & FEW else None,
                deflate=Deflate(role, parameters) if options & DEFLATE else None,
            )
            for role in (Role.SERVER, Role.CLIENT)
        ]
        self.wires = [bytearray(), bytearray()]  # towards each side

    def run(self, script: Script) -> list[Any]:
        for _ in range(MAX_OPERATIONS):
            if script.spent:
                break
            operation = script.byte()
            side = operation & 1
            kind = OPERATIONS[(operation >> 1) % len(OPERATIONS)]
            try:
                outcome: Any = kind(self, side, script)
            except (ConnectionClosed, ProtocolError, RuntimeError, TypeError, ValueError) as exc:
                outcome = type(exc), str(exc)
            self.log.append((kind.__name__, side, outcome, self.state(side)))
        for side in (0, 1, 0):
            self.log.append(("last", self.deliver(side, script), self.state(side)))
        return self.log

    def state(self, side: int) -> tuple[Any, ...]:
        one = self.sides[side]
        return (
            one.state,
            one.received,
            one.sent,
            verdict(one.error),
            one.fragmenting,
            one.encodes_directly,
            one.ends_tcp,
            one.close_code,
            one.close_reason,
            one.controls,
            one.decoder.buffered,
            one.decoder.unread,
            one.decoder.inflated if one.error is None else None,  # what the inflater lost is not known
        )

    def put(self, side: int, frame: bytes) -> int:
        """Put a frame on its way to the other side."""
        self.wires[1 - side] += frame
        return len(frame)

    # Operations: what each returns is logged.

    def send(self, side: int, script: Script) -> Any:
        return self.put(side, self.sides[side].send(script.message()))

    def send_fragment(self, side: int, script: Script) -> Any:
        final = script.byte() % 3 == 0
        return self.put(side, self.sides[side].send_fragment(script.message(), final=final))

    def send_in_steps(self, side: int, script: Script) -> Any:
        return [self.put(side, frame) for frame in self.sides[side].send_in_steps(script.message())]

    def ping(self, side: int, script: Script) -> Any:
        return self.put(side, self.sides[side].ping(script.bytes()))

    def pong(self, side: int, script: Script) -> Any:
        return self.put(side, self.sides[side].pong(script.bytes()))

    def close(self, side: int, script: Script) -> Any:
        code = CODES[script.byte() % len(CODES)]
        reason = "".join(TEXT[byte % len(TEXT)] for byte in script.bytes())
        return self.put(side, self.sides[side].close(code, reason))

    def fail(self, side: int, script: Script) -> Any:
        self.sides[side].fail()
        return self.transmit(side)

    def eof(self, side: int, script: Script) -> Any:
        self.sides[side].receive_eof()

    def inject(self, side: int, script: Script) -> Any:
        """Put bytes on the wire that nobody sent."""
        self.wires[side] += script.bytes()

    def corrupt(self, side: int, script: Script) -> Any:
        wire = self.wires[side]
        at, bits = script.byte(), script.byte()
        if wire:
            wire[at % len(wire)] ^= bits

    def deliver(self, side: int, script: Script) -> Any:
        """Let one side receive all that is on its way."""
        data = bytes(self.wires[side])
        self.wires[side].clear()
        events = [event for piece in self.cut(data) for event in self.sides[side].receive(piece)]
        if not events and self.sides[side].state is not State.CLOSED:
            assert self.sides[side].receive(b"") == []
        return [(type(event), event) for event in events], self.transmit(side)

    def deliver_some(self, side: int, script: Script) -> Any:
        """Let one side receive a part of what is on its way, within a budget."""
        size, budget = script.byte() * script.byte(), script.byte() * 10
        wire, one = self.wires[side], self.sides[side]
        data = bytes(wire[:size])
        del wire[:size]
        if one.error is not None or one.state is State.CLOSED:
            return None
        events = []
        for piece in self.cut(data):
            events += one.decoder.feed(piece, budget)
            while one.decoder.unread:
                events += one.decoder.feed(b"", budget)
            if one.decoder.error is not None:
                break
        one.note(events)
        return [(type(event), event) for event in events], self.transmit(side)

    def transmit(self, side: int) -> int:
        outgoing = self.sides[side].outgoing
        size = sum(self.put(side, frame) for frame in outgoing)
        outgoing.clear()
        return size


OPERATIONS: tuple[Callable[[Conversation, int, Script], Any], ...] = (
    Conversation.send,
    Conversation.send,
    Conversation.send_fragment,
    Conversation.send_in_steps,
    Conversation.ping,
    Conversation.pong,
    Conversation.deliver,
    Conversation.deliver,
    Conversation.deliver_some,
    Conversation.corrupt,
    Conversation.inject,
    Conversation.close,
    Conversation.fail,
    Conversation.eof,
)


def whole(data: bytes) -> list[bytes]:
    return [data]


def check(data: bytes) -> None:
    """Fail when two twins, or two ways to cut, lead to different conversations."""
    options, seed, script = data[0] if data else 0, data[1] if len(data) > 1 else 0, data[2:]
    expected = None
    for impl in TWINS:
        for cut in (whole, lambda one: cut_at_random(one, seed)):
            with running(impl):
                log = Conversation(options, cut).run(Script(script))
            if expected is None:
                expected = log
            for got, wanted in zip(log, expected, strict=True):
                assert got == wanted, f"{impl} {got}, before {wanted}"
