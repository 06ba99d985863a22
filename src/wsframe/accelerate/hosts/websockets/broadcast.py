"""`broadcast`: a message that is encoded once for all connections that take the same bytes.

1. An open connection of a server, without extensions or with permessage-deflate alone, gets the shared
   frame; all others go to the original code, with their errors and warnings.
2. A compressed message refers to nothing before it, so it suits every context (RFC 7692, 7.1.1). The window
   of the peer has moved on then, without our compressor: a new one replaces it, made when it is used.
3. A message for one connection goes to the original code: it would lose its context without a gain.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from websockets.extensions import permessage_deflate

from ...._backend import Broadcaster, encode_deflated, encode_frame
from ...._spec import Opcode
from .deflate import SYNC_FLUSH


class LazyEncoder:
    """A compressor that is made when it is used for the first time.

    Args:
        make: makes it.
    """

    __slots__ = ("compress", "flush", "made", "make")

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make: Callable[[], Any] = make
        self.made: Any = None
        self.compress: Any
        self.flush: Any

    def __getattr__(self, name: str) -> Any:
        if name not in ("compress", "flush"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.made = made = self.make()
        self.compress, self.flush = made.compress, made.flush
        return getattr(made, name)


class SharedMessage:
    """A message for many connections.

    Args:
        message: of the broadcast.
    """

    def __init__(self, message: str | bytes) -> None:
        self.opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
        self.data: bytes = message.encode() if isinstance(message, str) else message
        self.uncompressed: bytes = encode_frame(self.opcode, self.data)
        self._known: dict[tuple[int, int], Compressed] = {}
        self._last: Compressed | None = None

    def frame_for(self, extension: Any) -> bytes:
        """Return the frame for a connection with this extension, whose compressor has no context."""
        last = self._last
        if (
            last is None
            or last.settings is not extension.compress_settings
            or last.bits != extension.local_max_window_bits
        ):
            last = self._last = self._compressed_for(extension)
        if not extension.local_no_context_takeover:
            encoder = extension.encoder
            if type(encoder) is not LazyEncoder or encoder.made is not None:
                extension.encoder = LazyEncoder(last.make)
        return last.frame

    def _compressed_for(self, extension: Any) -> Compressed:
        bits, settings = extension.local_max_window_bits, extension.compress_settings
        known = self._known.get((bits, id(settings)))
        if known is None:
            make = partial(permessage_deflate.zlib.compressobj, wbits=-bits, **settings)  # type: ignore[attr-defined]
            frame = encode_deflated(self.opcode, self.data, make(), SYNC_FLUSH)
            known = self._known[bits, id(settings)] = Compressed(bits, settings, make, frame)
        return known


class Compressed(NamedTuple):
    """A frame, what determines its bytes, and what makes a compressor of that kind."""

    bits: int
    settings: dict[str, Any]
    make: Callable[[], Any]
    frame: bytes


def sharing(original: Callable[..., None], broadcaster: Broadcaster) -> Callable[..., None]:
    """Return a `broadcast`.

    Args:
        original: for the connections that the shared frame is not for.
        broadcaster: writes the shared frame to the others.
    """

    def broadcast(connections: Iterable[Any], message: Any, *args: Any, **kwargs: Any) -> None:
        connections = list(connections)
        if args or kwargs or len(connections) < 2 or type(message) not in (str, bytes):
            original(connections, message, *args, **kwargs)
            return
        shared = SharedMessage(message)
        others = broadcaster.write(connections, shared.uncompressed, shared.frame_for)
        if others:
            original(others, message)

    return broadcast


def warn(connection: Any, exc: Exception) -> None:
    """Log that writing to a connection failed, as websockets does."""
    connection.logger.warning(
        "skipped broadcast: failed to write message: %s",
        traceback.format_exception_only(exc)[0].strip(),
    )
