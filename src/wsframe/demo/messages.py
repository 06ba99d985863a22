"""What a connection of the load sends, and how it knows that all replies are there."""

from __future__ import annotations

import os
import zlib
from functools import cache

from .. import FrameDecoder, Opcode, Role, build_header, encode_frame
from .documents import TAIL, WINDOW_BITS, compressed, documents

COUNT = 512  # different documents
RSV1 = 4


class LoadError(Exception):
    """A reply of the server was wrong or missing."""


class Repeated:
    """One text again and again, not compressed.

    Its replies are bytes known in advance: the first ones are compared, all others counted.

    Args:
        text: the message.
        depth: messages of a batch.
    """

    offer: str = ""

    def __init__(self, text: str, depth: int) -> None:
        payload = text.encode()
        self._batch = encode_frame(Opcode.TEXT, payload, mask_key=os.urandom(4)) * depth
        self._replies = (build_header(Opcode.TEXT, len(payload)) + payload) * depth
        self._seen = b""
        self._missing = 0  # bytes
        self._unchecked = True

    def batch(self) -> bytes:
        """Return the next frames to send."""
        self._missing = len(self._replies)
        return self._batch

    def feed(self, data: memoryview) -> bool:
        """Take the next bytes of the server; return whether all replies to the batch have arrived.

        Raises:
            LoadError: they are no replies to it.
        """
        if self._unchecked:
            self._seen += data
            if not self._replies.startswith(self._seen):
                raise LoadError(f"wrong reply: {self._seen[:80]!r}")
        self._missing -= len(data)
        if self._missing < 0:
            raise LoadError(f"{-self._missing} bytes too many")
        self._unchecked = self._unchecked and self._missing > 0
        return not self._missing


class Varied:
    """JSON documents that all differ, compressed as browsers do, each for itself.

    How long the replies are is up to the server's compressor: frames are counted, and those of the
    first batch inflated and compared.

    Args:
        size: bytes of a document, about.
        depth: messages of a batch.
        first: the document to begin with.
    """

    offer: str = f"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits={WINDOW_BITS}\r\n"

    def __init__(self, size: int, depth: int, first: int) -> None:
        payloads, frames = _frames(size, max(COUNT, depth))
        first %= len(frames)
        self._frames = frames[first:] + frames[:first]
        self._expected = payloads[first:][:depth]
        self._depth = depth
        self._next = 0
        self._missing = 0  # frames
        self._decoder = FrameDecoder(Role.CLIENT, rsv=RSV1, max_frame=None)
        self._inflater = zlib.decompressobj(-15)

    def batch(self) -> bytes:
        """Return the next frames to send."""
        if self._next + self._depth > len(self._frames):
            self._next = 0
        at = self._next
        self._next += self._depth
        self._missing = self._depth
        return b"".join(self._frames[at : self._next])

    def feed(self, data: memoryview) -> bool:
        """Take the next bytes of the server; return whether all replies to the batch have arrived.

        Raises:
            LoadError: they are no replies to it.
        """
        frames = [frame for frame in self._decoder.feed(data) if not frame.opcode & 8]
        if self._decoder.error is not None:
            raise LoadError(f"wrong reply: {self._decoder.error}")
        self._missing -= len(frames)
        if self._missing < 0:
            raise LoadError(f"{-self._missing} messages too many")
        for frame in frames if self._expected else ():
            payload = self._inflater.decompress(frame.payload + TAIL) if frame.rsv else frame.payload
            if payload != self._expected.pop(0):
                raise LoadError(f"wrong reply: {payload[:80]!r}")
        return not self._missing


@cache
def _frames(size: int, count: int) -> tuple[list[bytes], list[bytes]]:
    """Make documents, and a masked frame of each."""
    payloads = documents(size, count)
    deflated = map(compressed, payloads)
    return payloads, [encode_frame(Opcode.TEXT, one, rsv=RSV1, mask_key=os.urandom(4)) for one in deflated]
