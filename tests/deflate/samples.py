"""Payloads and messages to compress, and an inflater that is stricter than zlib's own."""

from __future__ import annotations

import json
import random
import zlib
from functools import cache

TAIL = b"\x00\x00\xff\xff"


@cache
def text(size: int, seed: int = 0) -> bytes:
    """JSON records: compresses well, and refers back as far as it may."""
    rng = random.Random(seed)
    out = bytearray()
    while len(out) < size:
        record = {"id": rng.randrange(10**6), "name": rng.choice("abcdefgh") * 9, "ok": rng.random() < 0.5}
        out += json.dumps(record).encode()
    return bytes(out[:size])


def noise(size: int, seed: int = 0) -> bytes:
    """Does not compress at all."""
    return random.Random(seed).randbytes(size)


def payloads() -> list[bytes]:
    return [
        b"",
        b"a",
        b"Hello",
        b"\x00" * 70_000,
        text(300),
        text(40_000),
        text(300),
        noise(100_000),
        b"",
        b"",
        text(300_000, seed=1),
    ]


def inflate_within(bits: int, data: bytes) -> bytes:
    """Inflate with a window of exactly 2**bits bytes.

    zlib looks back further than its window as long as that is still in the output of the same
    call; so it is given room for one byte at a time.
    """
    inflater = zlib.decompressobj(wbits=-bits)
    out = bytearray()
    for start in range(0, len(data), 64):  # of which the rest is copied for each byte
        left = data[start : start + 64]
        while left:
            out += inflater.decompress(left, 1)
            left = inflater.unconsumed_tail
    while piece := inflater.decompress(b"", 1):
        out += piece
    return bytes(out)


def final_stream(data: bytes) -> bytes:
    """A DEFLATE stream that says it is at its end: its last block has BFINAL set."""
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(data) + deflater.flush()
