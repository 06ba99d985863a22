"""Receiving, in the layer without I/O that asyncio, threads, trio and uvicorn share.

1. Messages of one frame each are cut off and unmasked many at a time.
2. Every other frame goes to the parser of websockets once it is whole, and alone: control frames, fragments
   and violations meet the code, the limits and the texts they always met.
3. A frame that is not whole waits in the reader, unless its first bytes already break a rule. One of LARGE
   bytes or more goes to the parser of websockets as it arrives, which copies it once less.
4. Who wants to see each frame, or to meddle with how it is parsed, gets the parser of websockets only: debug
   logging, a subclass with a `recv_frame` of its own, a test that replaces `struct.unpack`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol

from ...._backend import cut_frames
from ...._spec import (
    KEY_SIZE,
    LENGTH,
    LENGTH_16,
    LENGTH_64,
    MASKED,
    MAX_HEADER,
    OPCODE,
    RSV1,
)
from ...host import Host
from .._shared.frames import EXTENDED, WHOLE, limit_of
from . import HOST
from .bypassed import PARSING, PROTOCOL_CLASS, UNPACK

parsing = HOST.watch((*PARSING, UNPACK), PROTOCOL_CLASS)

LARGE = 2**16  # bytes of a frame, its header included

new = object.__new__
KNOWN = frozenset(Opcode)
TEXT, BINARY = Opcode.TEXT, Opcode.BINARY


def parse(original: Callable[..., Any], _: Host) -> Callable[..., Any]:
    def parse(self: Any) -> Generator[None, None, None]:
        reader = self.reader
        self._wsframe_original = original(self)
        while not (reader.eof or self.debug or self._wsframe_inside) and parsing.holds(self):
            data, reader.buffer = reader.buffer, bytearray()
            take(self, data)
            yield
        self._wsframe_boundary = self._wsframe_inside = None
        yield from self._wsframe_original

    return parse


def receive_data(original: Callable[..., None], _: Host) -> Callable[..., None]:
    def receive_data(self: Any, data: bytes) -> None:
        parser = self.parser
        if type(data) is not bytes or not parsing.holds(self):
            original(self, data)
        elif parser is self._wsframe_boundary:
            take(self, data)
        elif parser is self._wsframe_inside:
            rest = self._wsframe_rest - len(data)
            if rest > 0:  # until all of the frame is there its parser has nothing to do
                self.reader.buffer += data
                self._wsframe_rest = rest
            else:
                finish(self, data)
        else:
            original(self, data)

    return receive_data


def take(self: Any, data: bytes | bytearray) -> None:
    """Turn frames into events; what is not whole goes back to the reader, which is empty before."""
    parser = self.parser
    masked = self.side is SERVER
    extensions = self.extensions
    events = self.events
    start, end = 0, len(data)
    if end >= MAX_HEADER and data[1] & LENGTH == LENGTH_64:
        size = int.from_bytes(data[2:10], "big") + (MAX_HEADER if masked else MAX_HEADER - KEY_SIZE)
        if size > end and size >= LARGE:  # its parser sees to the rest, and to whether it may be
            begin(self, data, size - end)
            return
    while start < end:
        most, inside = limits(self)
        firsts = b"" if inside else EXTENDED if extensions else WHOLE
        frames, start = cut_frames(data, start, masked, limit_of(most), firsts)
        for first, payload in frames:
            frame: Any = new(Frame)  # its own __init__ takes longer than all else here
            frame.opcode = TEXT if first & OPCODE == TEXT else BINARY
            frame.data = payload if masked else bytearray(payload)
            frame.fin = True
            frame.rsv1 = frame.rsv2 = frame.rsv3 = False
            if not extensions:
                events.append(frame)
                continue
            frame.rsv1 = first & RSV1 != 0
            if not extended(self, frame, most):
                return
        if start == end:
            break
        available = end - start
        size = size_of(data[start : start + MAX_HEADER], available, masked, limit_of(most))
        if not size or available < size < LARGE:
            break
        if size > available:
            begin(self, data[start:], size - available)
            return
        self.reader.buffer += data[start : start + size] if start or size < available else data
        next(self._wsframe_original)
        if self.parser is not parser:  # closed, or failed
            return
        start += size
    if start == end:
        self._wsframe_boundary = parser
        return
    self._wsframe_boundary = None
    if type(data) is bytearray:
        del data[:start]
        self.reader.buffer = data
    else:
        self.reader.buffer += data[start:]


def begin(self: Any, data: bytes | bytearray, rest: int) -> None:
    """Give the parser of websockets the first bytes of a large frame.

    Args:
        rest: bytes that are still to come.
    """
    parser = self.parser
    self.reader.buffer += data
    next(self._wsframe_original)
    if self.parser is parser:  # neither closed nor failed
        self._wsframe_boundary, self._wsframe_inside, self._wsframe_rest = None, parser, rest


def finish(self: Any, data: bytes) -> None:
    """Receive the end of a large frame, and what follows it."""
    parser, size, rest = self.parser, len(data), self._wsframe_rest
    self.reader.buffer += data[:rest]  # all of it is not copied
    self._wsframe_inside = None
    next(self._wsframe_original)
    if self.parser is parser:
        self._wsframe_boundary = parser
        if size > rest:
            take(self, data[rest:])


def extended(self: Any, frame: Frame, most: int | None) -> bool:
    """Let the extensions decode a frame; return whether the connection survives that."""
    try:
        for extension in reversed(self.extensions):
            frame = extension.decode(frame, max_size=most)
        frame.check()
    except Exception as exc:
        next(self._wsframe_original)
        self._wsframe_original.throw(exc)
        return False
    self.events.append(frame)
    return True


def size_of(head: bytes | bytearray, available: int, masked: bool, limit: int) -> int:
    """Return how many bytes a frame has; all that there are when the parser of websockets will refuse it.

    That is 0 while it is not known.

    Args:
        head: the first bytes of the frame, MAX_HEADER at most.
        available: how many bytes there are.
        masked: whether the frame must be masked.
        limit: the longest payload allowed.
    """
    if available < 2:
        return 0
    if head[0] & OPCODE not in KNOWN or (head[1] & MASKED != 0) is not masked:
        return available
    length = head[1] & LENGTH
    size = 2
    if length >= LENGTH_16:
        size = 4 if length == LENGTH_16 else 10
        if available < size:
            return 0
        length = int.from_bytes(head[2:size], "big")
    if length > limit:
        return available
    return size + length + KEY_SIZE * masked


if "max_message_size" in Protocol.__init__.__code__.co_names:

    def limits(self: Any) -> tuple[int | None, bool]:
        """Return the longest payload allowed now, and whether a fragmented message is under way."""
        most, piece, current = self.max_message_size, self.max_fragment_size, self.current_size
        if most is not None and current is not None:
            most -= current
        if piece is not None:
            most = piece if most is None else min(most, piece)
        return most, current is not None

else:  # before 16.0

    def limits(self: Any) -> tuple[int | None, bool]:
        """Return the longest payload allowed now, and whether a fragmented message is under way."""
        most, current = self.max_size, self.cur_size
        return (most if most is None or current is None else most - current), current is not None
