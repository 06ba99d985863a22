"""permessage-deflate of websockets: whole messages, by the encoder and the decoder of the extension.

A message whose size might reach the limit, and one whose context is not kept, go through the extension
itself: which error it raises there, and when, differs between the versions of websockets.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from websockets.exceptions import ProtocolError
from websockets.extensions import permessage_deflate
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from ...._spec import DEFLATE_TAIL as TAIL

SYNC_FLUSH = 2  # zlib.Z_SYNC_FLUSH, and of every module that can replace zlib
EXPANSION = 1032  # the maximum number of bytes that one byte of deflate inflates to
LEFT_OVER = 16  # bytes that may come out of earlier ones, as so many bytes of input


def extension_of(extensions: list[Any]) -> Any:
    """Return the extension of a connection that has but one, permessage-deflate as it is; else None."""
    if len(extensions) == 1 and type(extensions[0]) is PerMessageDeflate:
        return extensions[0]
    return None


def inflate(extension: Any, opcode: int, payload: bytes, max_size: int | None) -> bytes:
    """Inflate the payload of a whole message.

    Args:
        extension: of the connection, as `extension_of` returns it.
        opcode: of the message.
        payload: of its frame, with RSV1 set.
        max_size: bytes that the message may have, None for any number.

    Raises:
        ProtocolError: of websockets, for what is not deflate; before 10.3, the error of zlib.
        PayloadTooBig: of websockets.
    """
    if extension.remote_no_context_takeover or (
        max_size is not None and (len(payload) + LEFT_OVER) * EXPANSION >= max_size
    ):
        frame = extension.decode(Frame(Opcode(opcode), payload, True, True), max_size=max_size)
        return bytes(frame.data)
    try:
        data: bytes = extension.decoder.decompress(payload + TAIL, max_size or 0)
    except permessage_deflate.zlib.error as exc:  # type: ignore[attr-defined]
        if not converts_errors():
            raise
        raise ProtocolError("decompression failed") from exc
    return data


@cache
def converts_errors() -> bool:
    """Tell whether what is not deflate is a ProtocolError; the code of websockets is run to find out."""
    try:
        PerMessageDeflate(False, False, 15, 15).decode(Frame(Opcode.BINARY, b"\xff", True, True))
    except ProtocolError:
        return True
    except Exception:
        return False
    return True
