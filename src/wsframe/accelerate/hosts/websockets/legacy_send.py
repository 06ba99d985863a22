"""Sending with websockets.legacy: a whole message, when nothing has to be waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from websockets.legacy.protocol import State  # type: ignore[attr-defined]

from ...._backend import Watch, encode_binary, encode_deflated, encode_frame, encode_text, new_mask_key
from ...._spec import Opcode
from ...host import Host
from . import HOST
from .bypassed import KEYS, LEGACY_CLASS, LEGACY_SENDING
from .deflate import SYNC_FLUSH, extension_of
from .legacy_receive import output_for

sending: Watch = HOST.watch(LEGACY_SENDING, LEGACY_CLASS)
keys: Watch = HOST.watch(KEYS)

OPEN = State.OPEN
TEXT, BINARY = Opcode.TEXT, Opcode.BINARY


def send(original: Callable[..., Any], _: Host) -> Callable[..., Any]:
    async def send(self: Any, message: Any) -> None:
        if (
            self.state is OPEN
            and (type(message) is str or type(message) is bytes)
            and self._fragmented_message_waiter is None
            and not self.debug
            and not self.transfer_data_task.done()
            and sending.holds(self)
        ):
            frame = frame_of(self, message)
            if frame is not None:
                transport = self.transport
                output_for(self).write(frame)
                if self._paused or transport.is_closing() or self.reader._exception is not None:
                    await self.drain()
                return
        await original(self, message)

    return send


def frame_of(self: Any, message: str | bytes) -> bytes | None:
    """Encode a whole message; None when that is for the original code to do."""
    extensions = self.extensions
    client = self.is_client
    if client and not keys.holds():
        return None
    if not extensions:
        if client:
            return encode_frame(opcode_of(message), message, mask_key=new_mask_key())
        return encode_text(message) if isinstance(message, str) else encode_binary(message)
    extension = extension_of(extensions)
    if extension is None or extension.local_no_context_takeover:
        return None
    key = new_mask_key() if client else None
    return encode_deflated(opcode_of(message), message, extension.encoder, SYNC_FLUSH, mask_key=key)


def opcode_of(message: str | bytes) -> Opcode:
    return TEXT if isinstance(message, str) else BINARY
