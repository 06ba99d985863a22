"""Receiving, in the layer without I/O that asyncio, threads, trio and uvicorn share.

1. Messages of one frame each are cut off and unmasked many at a time.
2. Every other frame goes to the parser of websockets once it is whole, and alone: its code, limits and texts
   apply to control frames, fragments and violations.
3. A frame that is not whole waits in the reader, unless its first bytes already break a rule. The reads of
   one of LARGE_FRAME bytes or more wait in a list, and are joined once. If the parser is resumed meanwhile
   (by the end of the stream, `uninstall`, a wrapper), they are in the reader, where websockets would have
   them.
4. With debug logging, a subclass that overrides `recv_frame`, or a test that replaces `struct.unpack`, every
   frame goes to the parser of websockets.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol

from ...._backend import Watch, cut_frames, mask
from ...._spec import (
    KEY_SIZE,
    LENGTH,
    LENGTH_16,
    MASKED,
    MAX_HEADER,
    OPCODE,
    RSV1,
)
from ...host import Host
from .._shared.frames import EXTENDED, WHOLE, limit_of
from . import HOST
from .bypassed import DECODING, PARSING, PROTOCOL_CLASS, UNPACK
from .deflate import extension_of, inflate

parsing: Watch = HOST.watch((*PARSING, UNPACK), PROTOCOL_CLASS)
decoding: Watch = HOST.watch(DECODING)

LARGE_FRAME = 2**16  # bytes of a frame, its header included
# Bytes of a read; shorter ones are put together, up to LARGE_FRAME, so that the list stays short.
SMALL = 2**12

new: Callable[..., Any] = object.__new__
KNOWN = frozenset(Opcode)
TEXT, BINARY = Opcode.TEXT, Opcode.BINARY


def parse(original: Callable[..., Any], _: Host) -> Callable[..., Any]:
    def parse(self: Any) -> Generator[None, None, None]:
        reader = self.reader
        self._wsframe_original = original(self)
        while not (reader.eof or self.debug or self._wsframe_large) and parsing.holds(self):
            data, reader.buffer = reader.buffer, bytearray()
            take(self, data)
            yield
        if self._wsframe_large:
            reader.buffer = bytearray().join([*self._wsframe_large, reader.buffer])
        self._wsframe_boundary = self._wsframe_large = None
        yield from self._wsframe_original

    return parse


def receive_data(original: Callable[..., None], _: Host) -> Callable[..., None]:
    def receive_data(self: Any, data: bytes) -> None:
        parser = self.parser
        if type(data) is not bytes or parser is not self._wsframe_boundary or not parsing.holds(self):
            original(self, data)
        elif self._wsframe_large:
            take_part(self, data)
        else:
            take(self, data)

    return receive_data


def take(self: Any, data: bytes | bytearray) -> None:
    """Return the events of frames; an incomplete frame goes back to the reader, which is empty before."""
    parser = self.parser
    masked = self.side is SERVER
    extensions = self.extensions
    events = self.events
    start, end = 0, len(data)
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
            elif not extended(self, frame, first, most):
                return
        if start == end:
            break
        available = end - start
        size = size_of(data[start : start + MAX_HEADER], available, masked, limit_of(most))
        if available < size and size >= LARGE_FRAME and available >= MAX_HEADER:
            self._wsframe_boundary, self._wsframe_rest = parser, size - available
            self._wsframe_large = [data[start:]]
            return
        if available < size or not size:
            break
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


def take_part(self: Any, data: bytes) -> None:
    """Keep a part of a large frame; with the last one, receive the frame and what follows it."""
    parts, rest = self._wsframe_large, self._wsframe_rest
    if rest > len(data):
        self._wsframe_rest = rest - len(data)
        if len(data) >= SMALL:
            parts.append(data)
        elif type(parts[-1]) is bytearray and len(parts[-1]) < LARGE_FRAME:
            parts[-1] += data
        else:
            parts.append(bytearray(data))
        return
    parser = self.parser
    parts.append(memoryview(data)[:rest])
    self._wsframe_large = None
    most, inside = limits(self)
    first, length = parts[0][:2]
    if not inside and first in (EXTENDED if self.extensions else WHOLE):
        start = 2 if length & LENGTH < LENGTH_16 else 4 if length & LENGTH == LENGTH_16 else 10
        head, parts[0] = parts[0], memoryview(parts[0])[start + KEY_SIZE * (self.side is SERVER) :]
        if self.side is SERVER:
            key, offset = head[start : start + KEY_SIZE], 0
            for number, part in enumerate(parts):  # one at a time: no second copy of all is held
                parts[number] = mask(part, key, offset)
                offset += len(part)
        payload = (b"" if self.side is SERVER else bytearray()).join(parts)
        frame = Frame(TEXT if first & OPCODE == TEXT else BINARY, payload)
        if not self.extensions:
            self.events.append(frame)
        elif not extended(self, frame, first, most):
            return
    else:
        self.reader.buffer = bytearray().join(parts)
        next(self._wsframe_original)
    if self.parser is parser and rest < len(data):  # neither closed nor failed
        take(self, data[rest:])


def extended(self: Any, frame: Any, first: int, most: int | None) -> bool:
    """Let the extensions decode a frame; return whether the connection survives that."""
    compressed = first & RSV1 != 0
    try:
        extension = extension_of(self.extensions) if compressed and decoding.holds() else None
        if extension is not None:
            frame.data = inflate(extension, frame.opcode, frame.data, most)
            self.events.append(frame)
            return True
        frame.rsv1 = compressed
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
        """Return the longest payload allowed now, and whether a fragmented message has begun."""
        most, piece, current = self.max_message_size, self.max_fragment_size, self.current_size
        if most is not None and current is not None:
            most -= current
        if piece is not None:
            most = piece if most is None else min(most, piece)
        return most, current is not None

else:  # before 16.0

    def limits(self: Any) -> tuple[int | None, bool]:
        """Return the longest payload allowed now, and whether a fragmented message has begun."""
        most, current = self.max_size, self.cur_size
        return (most if most is None or current is None else most - current), current is not None
