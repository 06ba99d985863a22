"""Receiving: from the bytes in a `Buffer` to events.

Each function takes modules of wsproto and makes the replacement of one of its methods. What is not the
common case goes on to the method that was there. A frame is taken off the buffer by one of the two, never by
both, so they can take turns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import wraps
from types import ModuleType
from typing import Any

from ..._backend import mask_into, take_frame, take_message
from ..._spec import FIN, KEY_SIZE, OPCODE, RSV, RSV1, RSV2, RSV3


def events(connection: ModuleType, frame_protocol: ModuleType) -> Callable[..., Iterator[Any]]:
    """Make `Connection.events`."""
    original = connection.Connection.events
    open_states = connection.ConnectionState.OPEN, connection.ConnectionState.LOCAL_CLOSING
    TextMessage, BytesMessage = connection.TextMessage, connection.BytesMessage
    FrameProtocol, FrameDecoder = frame_protocol.FrameProtocol, frame_protocol.FrameDecoder

    @wraps(original)
    def events(self: Any) -> Iterator[Any]:
        waiting = self._events
        while waiting:
            yield waiting.popleft()
        proto = self._proto
        decoder = proto._frame_decoder
        if type(proto) is not FrameProtocol or type(decoder) is not FrameDecoder:
            yield from original(self)
            return
        buffer = decoder.buffer.buffer
        masked = not decoder.client
        message_decoder = proto._message_decoder
        parser = proto._parse_more
        rest = None
        while buffer or decoder.header is not None or rest is not None:
            # Between frames and between messages, in a connection that goes on (a generator without a frame
            # ended with an error), and with no extension to ask.  All of it may change at each yield.
            if (
                decoder.header is None
                and message_decoder.opcode is None
                and parser.gi_frame is not None
                and self.state in open_states
                and not decoder.extensions
            ):
                message = take_message(buffer, masked)
                if message is not None:
                    yield TextMessage(message) if type(message) is str else BytesMessage(message)
                    continue
            if rest is None:
                rest = original(self)
                # What is told meanwhile is for the next call.
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


def process_buffer(frame_protocol: ModuleType, extensions: ModuleType) -> Callable[..., Any]:
    """Make `FrameDecoder.process_buffer`."""
    original = frame_protocol.FrameDecoder.process_buffer
    Frame, Opcode, RsvBits = frame_protocol.Frame, frame_protocol.Opcode, frame_protocol.RsvBits
    ParseFailed, CloseReason = frame_protocol.ParseFailed, frame_protocol.CloseReason
    PerMessageDeflate = extensions.PerMessageDeflate

    @wraps(original)
    def process_buffer(self: Any) -> Any:
        buffer = self.buffer
        octets = buffer.buffer
        if self.header is not None or buffer.bytes_used or not octets:
            return original(self)
        for extension in self.extensions:
            if type(extension) is not PerMessageDeflate:
                return original(self)
        if octets[0] & RSV and not self.extensions:
            return original(self)
        taken = take_frame(octets, not self.client)
        if taken is None:
            return original(self)
        first, payload = taken
        opcode = Opcode(first & OPCODE)
        fin = first & FIN != 0
        if self.extensions:
            bits = RsvBits(first & RSV1 != 0, first & RSV2 != 0, first & RSV3 != 0)
            self.extension_processing(opcode, bits, len(payload))
            payload = inflated(self, payload, fin)
        return Frame(opcode, payload, True, fin)

    def inflated(self: Any, payload: bytes, fin: bool) -> bytes:
        for extension in self.extensions:
            payload = extension.frame_inbound_payload_data(self, payload)
            if isinstance(payload, CloseReason):
                raise ParseFailed("error in extension", payload)
        for extension in self.extensions:
            more = extension.frame_inbound_complete(self, fin)
            if isinstance(more, CloseReason):
                raise ParseFailed("error in extension", more)
            if more is not None:
                payload += more
        return payload

    return process_buffer


def process_frame(frame_protocol: ModuleType) -> Callable[..., Any]:
    """Make `MessageDecoder.process_frame`."""
    original = frame_protocol.MessageDecoder.process_frame
    Frame, Opcode = frame_protocol.Frame, frame_protocol.Opcode

    @wraps(original)
    def process_frame(self: Any, frame: Any) -> Any:
        if self.opcode is None and frame.frame_finished and frame.message_finished:
            if frame.opcode is Opcode.BINARY:
                return frame
            if frame.opcode is Opcode.TEXT and type(frame.payload) is bytes:
                try:
                    return Frame(Opcode.TEXT, frame.payload.decode("utf-8"), True, True)
                except UnicodeDecodeError:
                    pass
        return original(self, frame)

    return process_frame


def process(frame_protocol: ModuleType) -> Callable[..., bytearray]:
    """Make `XorMaskerSimple.process`."""
    original = frame_protocol.XorMaskerSimple.process

    @wraps(original)
    def process(self: Any, data: Any) -> bytearray:
        key = self._masking_key
        if type(key) not in (bytes, bytearray) or len(key) != KEY_SIZE:
            result: bytearray = original(self, data)
            return result
        result = bytearray(data)
        mask_into(result, key)
        turn = len(result) % KEY_SIZE
        self._masking_key = key[turn:] + key[:turn]
        return result

    return process
