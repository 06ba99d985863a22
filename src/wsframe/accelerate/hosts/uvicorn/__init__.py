"""uvicorn: wsframe's own protocol in the place of its WebSocket classes, or these classes made faster."""

from __future__ import annotations

from dataclasses import replace

from ...host import Host, Part
from . import own_protocol, sansio, wsproto


def _instead(part: Part) -> Part:
    """Return a part that does something only where uvicorn's own classes stay."""
    return replace(
        part,
        replacements=lambda: part.replacements() if own_protocol.classes_are_patched() else (),
        prove=lambda: part.prove() if own_protocol.classes_are_patched() else None,
        since=own_protocol.PATCHED[0],
    )


_FIRST = _instead(wsproto.PART)

HOST = Host(
    name="uvicorn",
    first=(0, 27),
    below=(0, 55),
    modules=_FIRST.modules,
    replacements=_FIRST.replacements,
    prove=_FIRST.prove,
    since=_FIRST.since,
    passes_by=_FIRST.passes_by,
    parts=(_instead(sansio.PART), own_protocol.PART),
    why_not=own_protocol.left_alone,
    coalesces=True,
)
