"""Whole messages of one frame each, as `cut_frames` cuts them."""

from __future__ import annotations

from ...._spec import FIN, MAX_LENGTH, RSV1, Opcode

# How they begin; with an extension, how they may begin.
WHOLE = bytes([FIN | Opcode.TEXT, FIN | Opcode.BINARY])
EXTENDED = WHOLE + bytes([RSV1 | first for first in WHOLE])


def limit_of(most: int | None) -> int:
    """Return the longest payload allowed, where a host has None for no limit."""
    if type(most) is int and 0 <= most <= MAX_LENGTH:
        return most
    return MAX_LENGTH if most is None else max(-1, int(min(most, MAX_LENGTH)))
