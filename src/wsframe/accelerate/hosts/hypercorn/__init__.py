"""hypercorn: what it does for each message besides wsproto's work.

The message that comes in one frame, within the limit, goes to the application without an event of wsproto and
without the buffer made for fragments. On asyncio its answer goes straight to the transport, waiting for data
without a time limit needs no timer, and the answers to many messages of one read leave together.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from ...host import Host, Part, Replacement
from ...slot import require
from . import proof, stream
from .asyncio import Asyncio
from .bypassed import QUEUE, RECEIVING, SENDING, STREAM, WRITING

__all__ = ["HOST"]

SERVER = "hypercorn.asyncio.tcp_server"
TASKS = "hypercorn.asyncio.task_group"


def _stream_replacements() -> Iterable[Replacement]:
    require("wsproto")
    return stream.replacements(import_module(STREAM))


def _server_replacements() -> Iterable[Replacement]:
    yield import_module(SERVER), "asyncio", Asyncio()


def _task_replacements() -> Iterable[Replacement]:
    yield import_module(TASKS), "asyncio", Asyncio()


HOST = Host(
    name="hypercorn",
    first=(0, 18),
    below=(0, 19),
    modules=(STREAM,),
    replacements=_stream_replacements,
    prove=proof.of_the_stream,
    passes_by=RECEIVING + SENDING,
    takes_from=("wsproto",),
    parts=(
        Part(
            modules=(SERVER,),
            replacements=_server_replacements,
            prove=proof.of_the_server,
            passes_by=WRITING,
        ),
        Part(
            modules=(TASKS,),
            replacements=_task_replacements,
            prove=proof.of_the_tasks,
            passes_by=QUEUE,
        ),
    ),
    coalesces=True,
)
