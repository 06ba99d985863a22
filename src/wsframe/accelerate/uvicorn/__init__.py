"""uvicorn: what its protocols do for each message besides the work of wsproto or of websockets."""

from __future__ import annotations

from .._host import Host
from . import _sansio, _wsproto

HOST = Host(
    name="uvicorn",
    first=(0, 54),
    below=(0, 55),
    modules=_wsproto.PART.modules,
    replacements=_wsproto.PART.replacements,
    prove=_wsproto.PART.prove,
    passes_by=_wsproto.PART.passes_by,
    parts=(_sansio.PART,),
    coalesces=True,
)
