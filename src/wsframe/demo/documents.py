"""JSON documents that differ as those of a service do: a single one repeated would flatter a compressor."""

from __future__ import annotations

import json
import random
import zlib

TAIL = b"\x00\x00\xff\xff"  # what a compressed message leaves out (RFC 7692, 7.2.1)
WINDOW_BITS = 12  # of the window that fits every server that asks for at least as much

NAMES = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo"]
VERBS = ["created", "updated", "deleted", "moved", "paid", "refunded", "shipped", "opened", "closed"]
NOTES = """\
please look at this before noon
the build is green again
who has the keys of the second room
we ship on Thursday unless somebody objects
the invoice does not match the order
thanks, that helped
could you send the log of last night
prices change at the end of the month""".splitlines()


def documents(size: int, count: int, seed: int = 1) -> list[bytes]:
    """Make documents of about a size.

    Args:
        size: bytes of each, a tenth more or less.
        count: how many.
        seed: documents of one seed are the same in every run.
    """
    source = random.Random(seed)
    return [_document(source, round(size * source.uniform(0.9, 1.1))) for _ in range(count)]


def _document(source: random.Random, size: int) -> bytes:
    if size < 100:
        tick = {"s": source.choice(NAMES), "p": round(source.uniform(1, 999), 4)}
        return json.dumps(tick, separators=(",", ":")).encode().ljust(size)
    head = {
        "id": source.getrandbits(48),
        "type": source.choice(VERBS),
        "at": round(source.uniform(1.7e9, 1.8e9), 3),
    }
    text = json.dumps(head)[:-1] + ', "items": ['
    while len(text) < size - 40:
        item = {
            "sku": f"{source.choice(NAMES)}-{source.randrange(10**5):05}",
            "count": source.randrange(1, 99),
            "price": round(source.uniform(1, 500), 2),
            "note": source.choice(NOTES) if source.random() < 0.4 else None,
        }
        text += json.dumps(item) + ", "
    return (text.removesuffix(", ") + "]}").encode()


def compressed(payload: bytes) -> bytes:
    """Compress a message for itself, as permessage-deflate does."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -WINDOW_BITS)
    data = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return data.removesuffix(TAIL)
