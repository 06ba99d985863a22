"""uvicorn: wsframe's own protocol instead of its WebSocket classes, or these classes accelerated."""

from __future__ import annotations

from importlib.util import find_spec

from ...host import Host, Part
from .bypassed import (
    AUTO_ZTTP,
    HTTP2,
    OWN_PROTOCOL,
    SANSIO,
    SANSIO_CLASS,
    SANSIO_RECEIVING,
    SANSIO_SENDING,
    WSPROTO,
    WSPROTO_CLASS,
    WSPROTO_RECEIVING,
    ZTTP_H2,
)
from .choice import PATCHED, SWITCHED_OFF, classes_are_patched, left_alone, why_not

CONFIG = "uvicorn.config"

HOST = Host(
    name="uvicorn",
    first=(0, 27),
    before=(0, 55),
    since=PATCHED[0],
    modules=(WSPROTO,),
    seams={WSPROTO_CLASS: {"handle_message": "receive.handle_message", "send": "send.send_wsproto"}},
    prove="proof.prove_wsproto",
    bypasses=WSPROTO_RECEIVING,
    requires=("wsproto",),
    packages=("websockets", "wsproto"),
    applies=classes_are_patched,
    obstacle=left_alone,
    parts=(
        Part(
            since=PATCHED[0],
            modules=(SANSIO,),
            seams={SANSIO_CLASS: {"handle_events": "receive.handle_events", "send": "send.send_sansio"}},
            prove="proof.prove_sansio",
            bypasses=SANSIO_RECEIVING + SANSIO_SENDING,
            requires=("websockets",),
            applies=classes_are_patched,
        ),
        Part(
            modules=(CONFIG,),
            seams={f"{CONFIG}:Config": {"load": "own_protocol.load"}},
            prove="own_protocol.prove",
            relies_on=OWN_PROTOCOL,
            note="own protocol",
            applies=lambda: why_not() != SWITCHED_OFF or not classes_are_patched(),
            obstacle=why_not,
        ),
        Part(
            since=(0, 54, 0),
            modules=(AUTO_ZTTP,),
            seams={ZTTP_H2: {"ZttpH2Protocol": "http2.protocol"}},
            prove="http2_proof.prove",
            relies_on=HTTP2,
            applies=lambda: find_spec("zttp") is not None,
            title="WebSocket over HTTP/2 in uvicorn",
        ),
    ),
    coalesces=True,
)
