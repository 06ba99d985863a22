"""The readers of HTTP heads: however a request or response is cut, it is read or refused alike."""

from __future__ import annotations

from typing import Any

from support.feeding import cut_at_random

from wsframe._http.reader import RequestReader, ResponseReader
from wsframe.handshake import InvalidHandshake

# The first byte of an input says which reader to make, the second seeds the cuts.
RESPONSE, SMALL, FEW = 1, 2, 4


def outcome(reader: Any, pieces: list[bytes]) -> tuple[Any, ...]:
    """What a reader made of the pieces, and what was left of them behind it."""
    found = None
    left = iter(pieces)
    try:
        for piece in left:
            found = reader.feed(piece)
            if found is not None:
                break
        else:
            if isinstance(reader, ResponseReader):
                found = reader.feed_eof()
    except InvalidHandshake as exc:
        return type(exc), str(exc)
    if found is None:
        return ("not whole",)
    rest = reader.rest + b"".join(left)
    if isinstance(reader, RequestReader):
        return (found.method, found.path, found.http_version, list(found.headers.raw), rest)
    # Behind the body of a refusal nothing counts.
    return (
        found.status_code,
        found.reason_phrase,
        list(found.headers.raw),
        found.body,
        rest if found.status_code == 101 else None,
    )


def make(options: int) -> Any:
    limits = {"max_head": 200 if options & SMALL else 2**14, "max_headers": 3 if options & FEW else 128}
    if options & RESPONSE:
        return ResponseReader(**limits, max_body=50)
    return RequestReader(**limits)


def check(data: bytes) -> None:
    """Fail when the cuts make a difference."""
    options, seed, stream = data[0] if data else 0, data[1] if len(data) > 1 else 0, data[2:]
    expected = outcome(make(options), [stream])
    for pieces in (cut_at_random(stream, seed), [stream[i : i + 1] for i in range(len(stream))]):
        got = outcome(make(options), pieces)
        assert got == expected, f"in pieces {got}, whole {expected}"
