"""Split a stream into reads, and record what a decoder returned for them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from wsframe import ProtocolError


class Outcome(NamedTuple):
    """What feeding a stream led to: all of it must be the same for every twin and every cutting."""

    messages: list[Any]
    error: tuple[int, str] | None  # close code and text
    closed: bool
    buffered: int
    controls: int


def cut_at_random(data: bytes, seed: int) -> list[bytes]:
    """Cut into pieces of random sizes, some of them empty; the same seed cuts the same way."""
    rng = random.Random(seed)
    pieces = []
    start = 0
    while start < len(data):
        size = rng.choice((0, 1, 2, 3, rng.randrange(16), rng.randrange(len(data) + 1)))
        pieces.append(data[start : start + size])
        start += size
    return pieces


def cuttings(data: bytes, seeds: int = 5) -> Iterator[list[bytes]]:
    """Whole, byte by byte when that is affordable, and at random."""
    yield [data]
    if len(data) <= 4096:
        yield [data[i : i + 1] for i in range(len(data))]
    for seed in range(seeds):
        yield cut_at_random(data, seed)


def verdict(error: ProtocolError | None) -> tuple[int, str] | None:
    return None if error is None else (int(error.close_code), str(error))


def feed(decoder: Any, pieces: Iterable[Any]) -> Outcome:
    """Feed piece by piece until the decoder stops."""
    messages: list[Any] = []
    for piece in pieces:
        messages += decoder.feed(piece)
        if decoder.error is not None:
            break
    closed, controls = getattr(decoder, "closed", False), getattr(decoder, "controls", 0)
    return Outcome(messages, verdict(decoder.error), closed, decoder.buffered, controls)


def outcome(make: Callable[[], Any], data: bytes, seeds: int = 5) -> Outcome:
    """What a stream leads to, however it is cut."""
    first, *others = (feed(make(), pieces) for pieces in cuttings(data, seeds))
    for other in others:
        assert other == first, "the result depends on how the stream is split"
    return first
