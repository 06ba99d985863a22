"""hypercorn: its own work for each message; that of wsproto is in `wsproto`.

The message that comes in one frame, within the limit, goes to the application without an event of wsproto and
without the buffer made for fragments. On asyncio its reply goes straight to the transport, waiting for data
without a time limit needs no timer, and the replies to many messages of one read leave together.
"""

from __future__ import annotations

from ...host import Host, Part
from .bypassed import QUEUE, RECEIVING, SENDING, SERVER, STREAM, STREAM_CLASS, TASKS, WRITING

HOST = Host(
    name="hypercorn",
    first=(0, 14, 4),
    before=(0, 19),
    modules=(STREAM,),
    seams={
        STREAM_CLASS: {
            "_accept": "send.accept",
            "_handle_events": "receive.handle_events",
            "app_send": "send.app_send",
        }
    },
    prove="proof.prove_stream",
    bypasses=RECEIVING + SENDING,
    requires=("wsproto",),
    packages=("asyncio", "wsproto"),
    parts=(
        Part(
            modules=(SERVER,),
            seams={SERVER: {"asyncio": "waiting.asyncio_of"}},
            prove="proof.prove_server",
            bypasses=WRITING,
        ),
        Part(
            modules=(TASKS,),
            seams={TASKS: {"asyncio": "waiting.asyncio_of"}},
            prove="proof.prove_tasks",
            bypasses=QUEUE,
        ),
    ),
    coalesces=True,
)
