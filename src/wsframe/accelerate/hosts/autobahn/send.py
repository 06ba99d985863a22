"""Sending: from `sendMessage` to the transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ...._backend import encode_frame, new_mask_key
from ...._spec import CONTROL, KEY_SIZE, LENGTH, LENGTH_16, MASKED, MAX_LENGTH_7, Opcode
from ...host import Host
from .._shared.coalesce import OUTPUT, output_of
from .deflate import deflated_frame, extension_of, may_exceed
from .watches import keys, logs_debug, sending, writing


def send_message(original: Callable[..., None], _: Host) -> Callable[..., None]:
    def sendMessage(
        self: Any,
        payload: Any,
        isBinary: Any = False,
        fragmentSize: Any = None,
        sync: Any = False,
        doNotCompress: Any = False,
    ) -> None:
        if not try_send(self, payload, isBinary, fragmentSize, sync, doNotCompress):
            original(self, payload, isBinary, fragmentSize, sync, doNotCompress)

    return sendMessage


def send_data(original: Callable[..., None], _: Host) -> Callable[..., None]:
    def sendData(self: Any, data: Any, sync: Any = False, chopsize: Any = None) -> None:
        if not try_write(self, data, sync, chopsize):
            original(self, data, sync, chopsize)

    return sendData


def try_send(self: Any, payload: Any, is_binary: Any, size_of_fragments: Any, sync: Any, as_is: Any) -> bool:
    """Send a message in one frame; return False if the original code has to do it."""
    if (
        type(payload) is not bytes
        or type(is_binary) is not bool
        or type(as_is) is not bool
        or size_of_fragments is not None
        or sync is not False
        or self.state != self.STATE_OPEN
        or self.trackedTimings
        or self.logFrames
        or 0 < self.maxMessagePayloadSize < len(payload)
        or 0 < self.autoFragmentSize < len(payload)
        or not sending().holds(self)
        or "sendFrame" in self.__dict__
    ):
        return False
    extension = key = None
    if self._perMessageCompress is not None and not as_is:
        extension = extension_of(self)
        if (
            extension is None
            or may_exceed(payload, self.maxMessagePayloadSize)
            or may_exceed(payload, self.autoFragmentSize)
        ):
            return False
    if self.maskServerFrames if self.factory.isServer else self.maskClientFrames:
        if not self.applyMask or not keys().holds():
            return False
        key = new_mask_key()
    opcode, size = Opcode.BINARY if is_binary else Opcode.TEXT, len(payload)
    stats = self.trafficStats
    stats.outgoingOctetsAppLevel += size
    if extension is None:
        frame = encode_frame(opcode, payload, mask_key=key)
    else:
        frame = deflated_frame(extension, opcode, payload, key)
        size = payload_size(frame)
    stats.outgoingOctetsWebSocketLevel += size
    stats.outgoingWebSocketFrames += 1
    stats.outgoingWebSocketMessages += 1
    self.sendData(frame, False, None)
    return True


def payload_size(frame: bytes) -> int:
    """Return the length of the payload of a frame."""
    length = frame[1] & LENGTH
    size = len(frame) - 2 - (KEY_SIZE if frame[1] & MASKED else 0)
    return size if length <= MAX_LENGTH_7 else size - (2 if length == LENGTH_16 else 8)


def try_write(self: Any, data: Any, sync: Any, chopsize: Any) -> bool:
    """Write at once; return False if the original code has to do it."""
    if (
        sync
        or chopsize
        or self.send_queue
        or self.logOctets
        or self.state != self.STATE_OPEN
        or logs_debug(self)
    ):
        return False
    if not writing().holds(self):
        return False
    (self.transport if not data or data[0] & CONTROL else output(self)).write(data)
    if self.state == self.STATE_OPEN:
        self.trafficStats.outgoingOctetsWireLevel += len(data)
    return True


def output(self: Any) -> Any:
    """Return what the messages of a connection are written to."""
    transport, loop = self.transport, asyncio._get_running_loop()
    if loop is None or (OUTPUT not in self.__dict__ and hasattr(transport, "loseConnection")):
        return transport  # Twisted coalesces by itself
    return output_of(self, transport, loop, (self, "transport"))
