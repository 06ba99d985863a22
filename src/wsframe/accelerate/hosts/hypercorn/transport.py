"""From a WebSocket of HTTP/1.1 on asyncio straight to its transport.

hypercorn makes an event for the protocol and one for the server, takes a lock and waits until the transport
takes more. If the lock is free and the transport takes more, a frame is written at once; else, and on errors,
the original code does it.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from ...._backend import Watch
from .._shared.coalesce import OUTPUT, Output, output_of, received
from . import HOST
from .bypassed import PROTOCOL, SERVER, WRITING


class FrameWriter:
    """Writes the frames of a WebSocket to its transport.

    Args:
        server: the TCPServer of the connection.
        flow: the protocol that the transport tells when to wait.
    """

    def __init__(self, server: Any, flow: Any) -> None:
        self._watched = watched()
        self._flow = flow
        self._lock = server.send_lock
        self._loop = server.loop
        self._writer = server.writer

    def write(self, frame: bytes) -> bytes | None:
        """Write a frame, if it may be written now; return what is left to the original code, if anything."""
        lock, transport = self._lock, self._writer._transport
        if lock._locked or lock._waiters or transport.is_closing() or not self._watched.holds():
            return frame
        try:
            output = self.__dict__.get(OUTPUT)
            if output is None or output.target is not transport:
                output = self._output(transport)
            output.write(frame)
        except (ConnectionError, RuntimeError):  # the original code raises it
            return frame
        # Nothing is left to write, but hypercorn has to wait, or to find that the connection is closing.
        return b"" if self._flow._paused or transport.is_closing() else None

    def _output(self, transport: Any) -> Any:
        return output_of(self, transport, self._loop, (self._writer, "_transport"))

    def join(self, iterations: int = 0) -> None:
        """Coalesce the replies to the messages of a read (see `Output.join`)."""
        output = self._output(self._writer._transport)
        if type(output) is Output:
            output.join(iterations)

    def received(self) -> None:
        """A read brought one message."""
        received(self)


@cache
def watched() -> Watch:
    """Watch what a writer bypasses."""
    return HOST.watch(WRITING)


def writer_of(stream: Any) -> FrameWriter | None:
    """Make the writer of a stream; None if what leads to its transport is not hypercorn's own."""
    to_protocol = stream.send
    to_server = getattr(getattr(to_protocol, "__self__", None), "send", None)
    if not _is_own(to_protocol, PROTOCOL, "stream_send") or not _is_own(to_server, SERVER, "protocol_send"):
        return None
    server: Any = to_server.__self__  # type: ignore[union-attr]
    writer = server.writer
    flow = writer.transport.get_protocol() if type(writer) is asyncio.StreamWriter else None
    return FrameWriter(server, flow) if type(flow) is asyncio.StreamReaderProtocol else None


def _is_own(method: Any, module: str, name: str) -> bool:
    """Tell whether a bound method is hypercorn's: neither overridden nor wrapped."""
    function = getattr(method, "__func__", None)
    return (
        getattr(function, "__globals__", {}).get("__name__") == module
        and getattr(function, "__name__", None) == name
    )
