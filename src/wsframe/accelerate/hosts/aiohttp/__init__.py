"""aiohttp: what its clients and servers send, and how they take what has arrived. Its compiled reader stays.

Limits, waiting, compression and errors stay. The masking keys come from the operating system: those of
aiohttp come from a generator that a forked child shares with its parent.
"""

from __future__ import annotations

from ...host import Deflating, Host, Part
from .bypassed import (
    CLIENT,
    DEFLATING,
    LOCKED_DEFLATING,
    MODELS,
    MODULE,
    OLD_DEFLATING,
    OLD_SENDING,
    READER,
    SENDING,
    SERVER,
    WRITER,
    WRITER_CLASS,
)

NEW_MODULES = (MODELS, READER, WRITER)
# The versions that differ in what is bypassed: since, until, modules, sending, deflating.
GENERATIONS = (
    ((3, 8), (3, 11), (MODULE,), OLD_SENDING, OLD_DEFLATING),
    ((3, 11), (3, 13, 2), NEW_MODULES, SENDING, LOCKED_DEFLATING),
    ((3, 13, 2), (), NEW_MODULES, SENDING, DEFLATING),
)

HOST = Host(
    name="aiohttp",
    first=(3, 8),
    before=(3, 15),
    since=(3, 13, 2),  # older ones write a frame in `send_frame`, which sends it as well
    modules=(WRITER,),
    seams={WRITER_CLASS: {"_write_websocket_frame": "send.write_websocket_frame"}},
    prove="proof.prove",
    bypasses=SENDING,
    parts=tuple(
        Part(
            since=since,
            until=until,
            modules=(*modules, socket.partition(":")[0]),
            seams={
                socket: {
                    "receive": "receive.receive",
                    "__anext__": "receive.receive_next",
                    "send_str": "send.send_str",
                    "send_bytes": "send.send_bytes",
                }
            },
            prove=prove,
            bypasses=sending,
            relies_on=deflating,
        )
        for since, until, modules, sending, deflating in GENERATIONS
        for socket, prove in ((CLIENT, "proof.prove_client"), (SERVER, "proof.prove_server"))
    ),
    coalesces=True,
    # The attribute that aiohttp.set_zlib_backend, its public function, sets.
    deflating=Deflating(
        owner="aiohttp.compression_utils:ZLibBackend",
        attribute="_zlib_backend",
        round_trip="proof.round_trip",
        since=(3, 12),
        older=Deflating(
            owner="aiohttp.compression_utils",
            round_trip="proof.round_trip",
            since=(3, 9),
            older=Deflating(owner=MODULE, round_trip="proof.old_round_trip"),
        ),
    ),
)
