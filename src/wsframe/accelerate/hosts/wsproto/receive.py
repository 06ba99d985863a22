"""Receiving: from the bytes in a `Buffer` to events.

All but the common case goes to the original code. A frame is taken off the buffer by one of the two, never
by both, so they can alternate.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from ...._backend import mask_into, take_frame, take_message
from ...._spec import FIN, KEY_SIZE, OPCODE, RSV, RSV1
from ...host import Host
from .bypassed import CONNECTION_CLASS, MESSAGES, RECEIVING
from .kinds import data_kinds, payload_kinds


def events(original: Callable[..., Iterator[Any]], host: Host) -> Callable[..., Iterator[Any]]:
    from wsproto.connection import ConnectionState
    from wsproto.events import BytesMessage, CloseConnection, TextMessage
    from wsproto.extensions import PerMessageDeflate
    from wsproto.frame_protocol import FrameDecoder, FrameProtocol, ParseFailed

    kinds, inflated = data_kinds(original), data_kinds(original, RSV1)
    take_inflated = make_inflated_message()
    watched = host.watch(RECEIVING, CONNECTION_CLASS)
    open_states = ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING

    def events(self: Any) -> Iterator[Any]:
        waiting = self._events
        while waiting:
            yield waiting.popleft()
        proto = self._proto
        decoder = proto._frame_decoder
        extensions = decoder.extensions
        deflate = len(extensions) == 1 and type(extensions[0]) is PerMessageDeflate
        known = type(proto) is FrameProtocol and type(decoder) is FrameDecoder
        if not known or (extensions and not deflate) or not watched.holds(self):
            yield from original(self)
            return
        buffer = decoder.buffer.buffer
        masked = not decoder.client
        kind = kinds[decoder.client]
        message_decoder = proto._message_decoder
        parser: Any = proto._parse_more
        rest = None
        while buffer or decoder.header is not None or rest is not None:
            # Between frames and between messages, in a connection that goes on; a generator without a frame
            # ended with an error. All of it may change at each yield.
            if (
                decoder.header is None
                and message_decoder.opcode is None
                and parser.gi_frame is not None
                and self.state in open_states
                and watched.holds(self)
            ):
                try:
                    if deflate:
                        kind = (inflated if buffer and buffer[0] & RSV1 else kinds)[decoder.client]
                        message = take_inflated(proto)
                    else:
                        message = take_message(buffer, masked)
                except ParseFailed as exc:
                    parser.close()
                    yield CloseConnection(code=exc.code, reason=str(exc))
                    return
                except BaseException:
                    parser.close()
                    raise
                if message is not None:
                    yield TextMessage(message) if isinstance(message, str) else BytesMessage(kind(message))
                    continue
            if rest is None:
                rest = original(self)
                # Events that are added meanwhile are for the next call.
                self._events = deque()
                try:
                    event = next(rest, None)
                finally:
                    self._events = waiting
            else:
                event = next(rest, None)
            if event is None:
                return
            yield event

    return events


def make_whole_frames(host: Host) -> Callable[[Any], bytearray | None]:
    """Make a function that returns the buffer of a server's connection, when `take_message` may take from it
    what `Connection.events` would tell: between messages, and with no extension."""
    from wsproto.connection import ConnectionState
    from wsproto.frame_protocol import FrameDecoder, FrameProtocol

    open_states = ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING
    watched = host.watch(RECEIVING + MESSAGES, CONNECTION_CLASS)

    def whole_frames(self: Any) -> bytearray | None:
        proto = self._proto
        decoder = proto._frame_decoder
        parser: Any = proto._parse_more
        if (
            not self._events
            and type(proto) is FrameProtocol
            and type(decoder) is FrameDecoder
            and not decoder.extensions
            and not decoder.client
            and decoder.header is None
            and proto._message_decoder.opcode is None
            and parser.gi_frame is not None
            and self._state in open_states
            and watched.holds(self)
        ):
            buffer: bytearray = decoder.buffer.buffer
            return buffer
        return None

    return whole_frames


def make_inflated_message() -> Callable[[Any], str | bytes | None]:
    """Make a function that takes a message off the buffer of a connection with permessage-deflate."""
    from wsproto.frame_protocol import CloseReason, Frame, Opcode, ParseFailed, RsvBits

    kinds = {
        FIN | bit | opcode: (opcode, RsvBits(bit != 0, False, False))
        for opcode in (Opcode.TEXT, Opcode.BINARY)
        for bit in (0, RSV1)
    }

    def inflated_message(proto: Any) -> str | bytes | None:
        decoder = proto._frame_decoder
        buffer = decoder.buffer.buffer
        kind = kinds.get(buffer[0]) if buffer else None
        taken = take_frame(buffer, not decoder.client) if kind else None
        if kind is None or taken is None:
            return None
        opcode, bits = kind
        payload = taken[1]
        (extension,) = decoder.extensions
        extension.frame_inbound_header(decoder, opcode, bits, len(payload))
        data = extension.frame_inbound_payload_data(decoder, payload)
        more = data if isinstance(data, CloseReason) else extension.frame_inbound_complete(decoder, True)
        if isinstance(more, CloseReason):
            raise ParseFailed("error in extension", more)
        if more:
            data += more
        if opcode is Opcode.BINARY:
            return bytes(data)
        try:
            return str(data, "utf-8")
        except UnicodeDecodeError:
            # It raises the same error, with its own text.
            proto._message_decoder.process_frame(Frame(opcode, data, True, True))
            raise

    return inflated_message


def process_buffer(original: Callable[..., Any], host: Host) -> Callable[..., Any]:
    from wsproto.frame_protocol import Frame, Opcode

    kinds = payload_kinds(original)
    watched = host.watch(RECEIVING)

    def process_buffer(self: Any) -> Any:
        buffer = self.buffer.buffer
        if (
            self.header is None
            and not self.extensions
            and not self.buffer.bytes_used
            and buffer
            and not buffer[0] & RSV
            and watched.holds()
        ):
            taken = take_frame(buffer, not self.client)
            if taken is not None:
                first, payload = taken
                kind = kinds[self.client]
                return Frame(Opcode(first & OPCODE), kind(payload), True, first & FIN != 0)
        return original(self)

    return process_buffer


def process(original: Callable[..., Any], _: Host) -> Callable[..., Any]:
    from wsproto.frame_protocol import XorMaskerSimple

    kind = type(original(XorMaskerSimple(bytes(KEY_SIZE)), bytearray(1)))  # bytes before 1.3

    def process(self: Any, data: Any) -> Any:
        key = self._masking_key
        if not data or type(key) not in (bytes, bytearray) or len(key) != KEY_SIZE:
            return original(self, data)
        result = bytearray(data)
        mask_into(result, key)
        rotation = len(result) % KEY_SIZE
        self._masking_key = key[rotation:] + key[:rotation]
        return result if kind is bytearray else bytes(result)

    return process
