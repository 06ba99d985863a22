"""Receiving: from the bytes that have arrived to `onMessage`."""

from __future__ import annotations

import asyncio
from codecs import utf_8_decode
from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from typing import Any

from ...._backend import cut_frames
from ...._spec import KEY_SIZE, MAX_LENGTH, MAX_LENGTH_7, MAX_LENGTH_16, OPCODE, RSV1, Opcode
from ...host import Host
from .._shared.coalesce import join, received
from .._shared.frames import EXTENDED, WHOLE
from .bypassed import WATCHED, WEBSOCKET
from .deflate import extension_of, inflated, replay_result
from .watches import limits_what_is_inflated, logs_debug, receiving

limits_of: Callable[[Any], tuple[Any, ...]] = attrgetter(
    "maxMessagePayloadSize", "maxFramePayloadSize", "applyMask"
)


def process_data(original: Callable[..., Any], _: Host) -> Callable[..., Any]:
    def processData(self: Any) -> Any:
        return take(self) and original(self)

    return processData


def data_received(original: Callable[..., None], _: Host) -> Callable[..., None]:
    """Replace that of the protocols for Twisted."""

    def dataReceived(self: Any, data: Any) -> None:
        if logs_debug(self):
            original(self, data)
        else:
            self._dataReceived(data)

    return dataReceived


def take(self: Any) -> bool:
    """Deliver the whole messages that have arrived; return whether the original code handles the rest."""
    data, masked = self.data, self.factory.isServer
    extension = None
    if self._perMessageCompress is not None and not logs_debug(self):  # of each compressed message, too
        extension = extension_of(self)
    kinds = WHOLE if extension is None else EXTENDED
    if (
        not data
        or data[0] not in kinds
        or self.current_frame is not None
        or self.inside_message
        or (masked and not self.applyMask)
        or not only_counts(self)
        or not is_untouched(self)
    ):
        return True
    limits = limits_of(self)
    frames, _ = cut_frames(data, 0, masked, limit(*limits[:2]), kinds)
    if not frames:  # the start of a large one: nothing to coalesce
        return True
    start = 0
    if len(frames) == 1:
        received(self)
    elif not hasattr(self.transport, "loseConnection"):  # Twisted coalesces by itself
        join(self, self.transport, asyncio.get_running_loop(), (self, "transport"))
    try:
        for first, payload in frames:
            size, binary, compressed = len(payload), first & OPCODE != Opcode.TEXT, first & RSV1 != 0
            message = inflated(self, extension, payload) if compressed else payload
            if message is None:
                break
            if not (binary or message.isascii() or not self.utf8validateIncoming or is_text(message)):
                if compressed:
                    replay_result(self, extension, message)
                break
            start += 2 + size + KEY_SIZE * masked
            if size > MAX_LENGTH_7:
                start += 2 if size <= MAX_LENGTH_16 else 8
            deliver(self, message, binary, size, compressed)
            if not only_counts(self) or limits_of(self) != limits:
                break
    finally:
        self.data = data[start:]
    return self.state != self.STATE_CLOSED  # type: ignore[no-any-return]


def is_untouched(self: Any) -> bool:
    """Tell whether the bypassed hooks are autobahn's own."""
    return receiving().holds(self) and self.__dict__.keys().isdisjoint(WATCHED)


def only_counts(self: Any) -> bool:
    """Tell whether a message is counted and delivered, and nothing else is done about it."""
    return (
        self.state == self.STATE_OPEN
        and self._listeners is None
        and not (self.trackedTimings or self.logFrames or self.autoPingTimeoutCall)
    )


def limit(message: Any, frame: Any) -> int:
    """Return the longest payload that is allowed in one frame."""
    most = min(int(message), MAX_LENGTH) if message > 0 else MAX_LENGTH
    return min(int(frame), most) if frame > 0 else most


def is_text(payload: bytes) -> bool:
    """Tell whether bytes are valid UTF-8."""
    try:
        utf_8_decode(payload, "strict", True)
    except UnicodeDecodeError:
        return False
    return True


def deliver(self: Any, payload: bytes, binary: bool, size: int, compressed: bool) -> None:
    """Count a message and hand it over.

    Args:
        self: the connection.
        payload: the message.
        binary: whether it is binary, not text.
        size: bytes of the payload of its frame.
        compressed: it came compressed.
    """
    stats = self.trafficStats
    stats.incomingOctetsWebSocketLevel += size
    stats.incomingOctetsAppLevel += len(payload)
    stats.incomingWebSocketFrames += 1
    stats.incomingWebSocketMessages += 1
    self.message_is_binary = binary
    try:
        self._onMessage(payload, binary)
        if self._listeners is not None:  # since a moment ago
            tell_listeners(self, payload, binary)
    except BaseException:
        # autobahn has stopped there: inside the message, at the end of its frame.
        protocol: Any = import_module(WEBSOCKET)
        opcode = Opcode.BINARY if binary else Opcode.TEXT
        self.inside_message, self.message_data, self.frame_data = True, [payload], None
        self.message_data_total_length = len(payload) if limits_what_is_inflated() else size
        self._isMessageCompressed, self.utf8validateIncomingCurrentMessage = compressed, False
        self.current_frame = protocol.FrameHeader(opcode, True, RSV1 >> 4 if compressed else 0, size, None)
        self.current_frame_masker = protocol.XorMaskerNull()
        self.current_frame_masker.process(bytes(size) if compressed else payload)
        raise


def tell_listeners(self: Any, payload: bytes, binary: bool) -> None:
    """Notify further listeners, and log their failures."""

    def failed(failure: Any) -> None:
        self.log.error("Firing signal 'message' failed: {fail}", fail=failure)

    fired = self.fire("message", payload, is_binary=binary)
    import_module("txaio").add_callbacks(fired, None, failed)
