"""An honest Inflater over zlib, and messages compressed for it (RFC 7692, 7.2)."""

from __future__ import annotations

import zlib

from wsframe import ProtocolError

TAIL = b"\x00\x00\xff\xff"
BAD_DATA = (1007, "not deflate data")


class ZlibInflater:
    """Inflates what it is given, keeps its window, and writes down what it was asked."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(-15)
        self.asked: list[tuple[int, bool, int]] = []

    def inflate(self, data: bytes, final: bool, max_length: int) -> bytes:
        assert type(data) is bytes
        assert type(final) is bool
        self.asked.append((len(data), final, max_length))
        if final:
            data += TAIL
        room = min(max_length, 2**31) + 1
        out = b""
        try:
            while data and len(out) < room:
                out += self._stream.decompress(data, room - len(out))
                data = self._stream.unconsumed_tail
                if self._stream.eof:  # a final block; another stream may follow
                    data = self._stream.unused_data
                    self._stream = zlib.decompressobj(-15)
        except zlib.error as exc:
            raise ProtocolError(*BAD_DATA) from exc
        return out


class Deflater:
    """The other side."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(wbits=-15)

    def deflate(self, message: bytes) -> bytes:
        data = self._stream.compress(message) + self._stream.flush(zlib.Z_SYNC_FLUSH)
        return data.removesuffix(TAIL)
