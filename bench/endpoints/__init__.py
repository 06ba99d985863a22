"""Whole servers and clients of the competitors, one file each, and what a file may define:

    async def echo(size)                 a server that sends each text back, as a str, by its shortest way
    async def echo_by_iteration(size)    the same with `async for message in ws`
    async def idle()                     a server whose connections wait for messages
    async def waiting()                  a server whose connections wait for their end
    async def broadcasting(size)         a server that sends a text to all connections when one sends anything
    async def receive(port, messages)    a client that receives so many texts, as str
    async def receive_by_iteration(port, messages)

Those of threads are plain functions:

    def echo_by_iteration(size)          a server that is not started yet
    def round_trips(port, size, messages)    a client that waits for each reply

A server is started, and returned; `size` is that of the text, in bytes.  A client returns the Span
from its first message to its last.  Without compression and keep-alive; all else is as the peer has
it by default.

`python -m bench.endpoints PEER JOB [--uvloop] [ARGUMENT]` runs one.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass

from wsframe.demo.load import TEXT

HOST = "127.0.0.1"


def text_of(size: int) -> str:
    """A text of so many bytes."""
    return (TEXT * (size // len(TEXT) + 1))[:size]


def raise_limit() -> None:
    """Let this process open as many files as it may."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass
class Span:
    """Seconds that have passed, and that this process has computed."""

    elapsed: float
    cpu: float

    @classmethod
    def begin(cls) -> Span:
        return cls(-time.perf_counter(), -time.process_time())

    def end(self) -> Span:
        return Span(self.elapsed + time.perf_counter(), self.cpu + time.process_time())
